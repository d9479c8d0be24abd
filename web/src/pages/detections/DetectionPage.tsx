import { useParams } from '@tanstack/react-router'
import { DetectionDetail } from './DetectionDetail.tsx'

export default function DetectionPage() {
  const { id } = useParams({ strict: false }) as { id: string }
  return (
    <div className="page fill">
      <div className="card grow" style={{ minHeight: 0 }}>
        <DetectionDetail key={id} id={id} full />
      </div>
    </div>
  )
}
