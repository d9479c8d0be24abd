import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { answer, api } from '../../api/client.ts'
import { useCan } from '../../api/session.tsx'
import { PageHead } from '../../ui/PageHead.tsx'
import { Problem, Skeleton } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import './overview.css'

import { Events, LatestActs, Platform, Sources } from './platformCards.tsx'
import { Readiness, useReadiness } from './ReadinessCard.tsx'
import { Attention, Detections, Incidents } from './workCards.tsx'

const permissionOfPart: Record<string, string | undefined> = {
  incidents: 'incident:read',
  detections: 'detection:read',
  events: 'event:read',
  sources: 'source:read',
}

/** What needs me now, then how it goes; every number leads to what it counts. */
export default function OverviewPage() {
  const { t } = useTranslation()
  const { data, error, refetch } = useQuery({
    queryKey: ['overview'],
    queryFn: () => answer(api.GET('/api/v1/overview')),
  })
  const can = useCan()
  const readiness = useReadiness(can('rule:read') === undefined)
  // What is not for this role's eyes is not missing.
  const unreadable = (data?.missing ?? []).filter((part) => can(permissionOfPart[part]) === undefined)
  return (
    <div className="page">
      <PageHead
        title={t('pages.overview')}
        hint={
          data ? (
            <>
              {t('overview.asOf')} <Time value={data.generatedAt} />
            </>
          ) : null
        }
      />
      {error ? <Problem error={error} onRetry={() => void refetch()} /> : null}
      {data ? (
        <>
          {unreadable.length > 0 ? (
            <div className="banner">
              {t('overview.missing', { parts: unreadable.map((part) => partName(part)).join(t('punctuation.list')) })}
            </div>
          ) : null}
          <div className="overview">
            <Attention overview={data} readiness={readiness.data} />
            {data.incidents ? <Incidents incidents={data.incidents} /> : null}
            {data.detections ? <Detections detections={data.detections} /> : null}
            {data.events ? <Events events={data.events} /> : null}
            {data.sources ? <Sources sources={data.sources} /> : null}
            {can('health:read') === undefined ? <Platform /> : null}
            {can('rule:read') === undefined ? <Readiness /> : null}
            {can('audit:read') === undefined ? <LatestActs /> : null}
          </div>
        </>
      ) : error ? null : (
        <div className="card" style={{ padding: 16 }}>
          <Skeleton rows={10} />
        </div>
      )}
    </div>
  )

  function partName(part: string): string {
    const known = (['incidents', 'detections', 'events', 'sources', 'health'] as const).find((name) => name === part)
    return known ? t(`overview.part.${known}`) : part
  }
}
