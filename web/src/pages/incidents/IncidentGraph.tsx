import { useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api } from '../../api/client.ts'
import { inPlaceOf } from '../../api/problem.ts'
import { useInLanguage } from '../../i18n/useInLanguage.ts'
import { fieldOfEntity } from '../../ui/entity.ts'
import { formatNumber } from '../../ui/format.ts'
import { Severity } from '../../ui/Severity.tsx'
import { Empty, Problem, Skeleton } from '../../ui/States.tsx'
import { Value } from '../../ui/Value.tsx'

const EntityGraph = lazy(() => import('../../charts/EntityGraph.tsx'))

/** Who did what to whom: a picture, and the same as a table for reading and for screen readers. */
export function IncidentGraph({ id }: { id: number }) {
  const { t } = useTranslation()
  const inLanguage = useInLanguage()
  const { data, error, refetch } = useQuery({
    queryKey: ['incidents', 'graph', id],
    queryFn: () => answer(api.GET('/api/v1/incidents/{id}/graph', { params: { path: { id } } })),
  })
  if (inPlaceOf(data, error)) return <Problem error={error} onRetry={() => void refetch()} />
  if (!data) return <Skeleton rows={8} />
  if (data.nodes.length === 0) return <Empty title={t('incident.noGraph')} />
  const nodes = new Map(data.nodes.map((node) => [node.id, node]))
  const name = (nodeId: string) => {
    const node = nodes.get(nodeId)
    return node ? <Value field={fieldOfEntity[node.type]} value={node.value} focusable className="mono" /> : nodeId
  }
  return (
    <>
      <Suspense fallback={<Skeleton rows={8} />}>
        <EntityGraph graph={data} />
      </Suspense>
      <table className="simple-table">
        <thead>
          <tr>
            <th>{t('incident.from')}</th>
            <th>{t('incident.link')}</th>
            <th>{t('incident.to')}</th>
            <th className="right">{t('incident.detections')}</th>
          </tr>
        </thead>
        <tbody>
          {data.edges.map((edge) => (
            <tr key={`${edge.from}>${edge.to}>${inLanguage(edge.label, edge.labelZh)}`}>
              <td>{name(edge.from)}</td>
              <td>
                <Severity value={edge.severity} bare /> {inLanguage(edge.label, edge.labelZh)}
              </td>
              <td>{name(edge.to)}</td>
              <td className="right number">{formatNumber(edge.detectionCount)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  )
}
