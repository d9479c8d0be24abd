import { useParams } from '@tanstack/react-router'
import { SourceDetail } from './SourceDetail.tsx'

export default function SourcePage() {
  const { id } = useParams({ strict: false }) as { id: string }
  return (
    <div className="page fill">
      <div className="card grow" style={{ minHeight: 0 }}>
        <SourceDetail key={id} id={id} full />
      </div>
    </div>
  )
}
