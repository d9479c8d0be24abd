import type { ReactNode } from 'react'

export function PageHead({ title, hint, children }: { title: ReactNode; hint?: ReactNode; children?: ReactNode }) {
  return (
    <div className="page-head">
      <h1>{title}</h1>
      {hint ? <span className="faint small">{hint}</span> : null}
      <div className="row wrap" style={{ marginLeft: 'auto' }}>
        {children}
      </div>
    </div>
  )
}
