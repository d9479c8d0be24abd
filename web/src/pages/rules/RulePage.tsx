import { useParams } from '@tanstack/react-router'
import { RuleDetail } from './RuleDetail.tsx'

export default function RulePage() {
  const { id } = useParams({ strict: false }) as { id: string }
  return (
    <div className="page fill">
      <div className="card grow" style={{ minHeight: 0 }}>
        <RuleDetail key={id} id={id} full />
      </div>
    </div>
  )
}
