import { useNavigate, useParams } from '@tanstack/react-router'
import { EventPanel } from './EventPanel.tsx'

export default function EventPage() {
  const { id } = useParams({ strict: false }) as { id: string }
  const navigate = useNavigate()
  return (
    <div className="page fill">
      <div className="card grow" style={{ minHeight: 0 }}>
        <EventPanel
          key={id}
          id={id}
          full
          onAround={(from, to) => void navigate({ to: '/search', search: { from, to, event: id } } as never)}
        />
      </div>
    </div>
  )
}
