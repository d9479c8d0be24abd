import { useParams } from '@tanstack/react-router'
import { IncidentDetail } from './IncidentDetail.tsx'

export default function IncidentPage() {
  const { id } = useParams({ strict: false }) as { id: string }
  return (
    <div className="page fill">
      <div className="card grow" style={{ minHeight: 0 }}>
        <IncidentDetail key={id} id={Number(id)} full />
      </div>
    </div>
  )
}
