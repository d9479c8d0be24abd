import type { ReactNode } from 'react'

/** A part of the overview, with the way to the rest of it. */
export function Card({
  title,
  more,
  size,
  children,
}: {
  title: ReactNode
  more?: ReactNode
  size: string
  children: ReactNode
}) {
  return (
    <section className={`card ${size}`}>
      <header>
        <h2>{title}</h2>
        <span style={{ marginLeft: 'auto' }}>{more}</span>
      </header>
      <div className="body">{children}</div>
    </section>
  )
}
