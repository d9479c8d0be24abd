import type { ErrorComponentProps } from '@tanstack/react-router'
import { Problem } from '../ui/States.tsx'

/** A page that failed to draw or whose code could not be fetched; the rest of the desk stays usable. */
export function RouteProblem({ error, reset }: ErrorComponentProps) {
  return (
    <div className="page">
      <Problem error={error} onRetry={reset} />
    </div>
  )
}
