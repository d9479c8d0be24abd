import { Skeleton } from '../ui/States.tsx'

/** The outline of a page while its code or first data is on the way. */
export function Waiting() {
  return (
    <div className="page">
      <div style={{ width: 220 }}>
        <Skeleton rows={1} height={22} />
      </div>
      <div className="card" style={{ padding: 16 }}>
        <Skeleton rows={8} />
      </div>
    </div>
  )
}
