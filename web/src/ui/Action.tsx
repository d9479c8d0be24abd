import type { ReactNode } from 'react'

interface ActionProps {
  children: ReactNode
  onClick?(): void
  /** Why it cannot be used now; the button is then disabled and says so on hover. */
  reason?: string
  primary?: boolean
  on?: boolean
  busy?: boolean
  testId?: string
  title?: string
  label?: string
}

/** A button that, when it may not be used, says why. */
export function Action({
  children,
  onClick,
  reason,
  primary = false,
  on,
  busy = false,
  testId,
  title,
  label,
}: ActionProps) {
  return (
    <button
      type="button"
      className={`button ${primary ? 'primary' : ''} ${on ? 'on' : ''}`}
      disabled={reason !== undefined || busy}
      title={reason ?? title}
      aria-label={label}
      aria-pressed={on}
      aria-busy={busy || undefined}
      data-testid={testId}
      onClick={onClick}
    >
      {children}
    </button>
  )
}
