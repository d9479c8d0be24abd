import { FieldTimeOutlined, SafetyOutlined } from '@ant-design/icons'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api } from '../../api/client.ts'
import { inPlaceOf } from '../../api/problem.ts'
import { FieldsTable } from '../../event/FieldsTable.tsx'
import { RawView } from '../../event/RawView.tsx'
import { needlesOf } from '../../event/raw.ts'
import { useInLanguage } from '../../i18n/useInLanguage.ts'
import { Action } from '../../ui/Action.tsx'
import { Copy } from '../../ui/Copy.tsx'
import { PacketsButton } from '../../ui/PacketsButton.tsx'
import { Severity } from '../../ui/Severity.tsx'
import { Problem, Skeleton } from '../../ui/States.tsx'
import { Tabs } from '../../ui/Tabs.tsx'
import { Time } from '../../ui/Time.tsx'

interface EventPanelProps {
  id: string
  /** Event time, if known: the store finds it faster. */
  at?: string
  full?: boolean
  onAround?(from: string, to: string): void
}

const aroundMs = 5 * 60_000

/** One event down to its bytes: fields, JSON, the record as it came, and what fired on it. */
export function EventPanel({ id, at, full = false, onAround }: EventPanelProps) {
  const { t } = useTranslation()
  const [tab, setTab] = useState('fields')
  const { data, error, refetch } = useQuery({
    queryKey: ['event', id],
    queryFn: () => answer(api.GET('/api/v1/events/{id}', { params: { path: { id }, query: at ? { at } : {} } })),
    staleTime: Number.POSITIVE_INFINITY,
  })
  const matched = useMemo(() => data?.explanation.detections.flatMap((detection) => detection.matched) ?? [], [data])
  const needles = useMemo(() => needlesOf(matched), [matched])
  if (inPlaceOf(data, error)) {
    return (
      <div className="detail">
        <div className="detail-head">
          <h2>{t('event.title')}</h2>
        </div>
        <div className="detail-body">
          <Problem error={error} onRetry={() => void refetch()} />
        </div>
      </div>
    )
  }
  const event = data?.event
  const title = event ? String(event.message ?? event['event.action'] ?? t('event.title')) : t('event.title')
  return (
    <div className={`detail ${full ? 'full' : ''}`} data-testid="event-detail">
      <div className="detail-head">
        <h2 className="ellipsis" title={title}>
          {title}
        </h2>
        <div className="row wrap small faint">
          {event ? <Time value={event['@timestamp']} as="full" /> : null}
          {data ? (
            <>
              <span>{data.sourceKey}</span>
              <span>{data.explanation.parser ?? <span className="warn">{t('event.noParser')}</span>}</span>
            </>
          ) : null}
          <code>{id}</code> <Copy text={id} />
        </div>
        {event ? (
          <div className="row">
            <Link className="button" to="/workbench" search={{ event: id } as never} data-testid="rule-from-event">
              <SafetyOutlined /> {t('workbench.fromEvent')}
            </Link>
            {event['source.ip'] && event['destination.ip'] ? (
              <PacketsButton of="events" id={id} at={event['@timestamp']} />
            ) : null}
            {onAround ? (
              <Action
                onClick={() =>
                  onAround(
                    new Date(Date.parse(event['@timestamp']) - aroundMs).toISOString(),
                    new Date(Date.parse(event['@timestamp']) + aroundMs).toISOString(),
                  )
                }
              >
                <FieldTimeOutlined /> {t('event.around')}
              </Action>
            ) : null}
          </div>
        ) : null}
      </div>
      <Tabs
        label={t('event.title')}
        active={tab}
        onChange={setTab}
        tabs={[
          { key: 'fields', label: t('event.fields'), count: event ? Object.keys(event).length : undefined },
          { key: 'raw', label: t('event.raw') },
          { key: 'json', label: 'JSON' },
          { key: 'detections', label: t('pages.detections'), count: data?.explanation.detections.length },
        ]}
      />
      <div className="detail-body">
        {!data || !event ? <Skeleton rows={10} /> : null}
        {data && event && tab === 'fields' ? <FieldsTable fields={event} matched={matched} needles={needles} /> : null}
        {data && tab === 'raw' ? <RawView raw={data.raw} needles={needles} /> : null}
        {event && tab === 'json' ? (
          <>
            <div className="row">
              <Copy text={JSON.stringify(event, null, 2)} />
            </div>
            <pre className="raw">{JSON.stringify(event, null, 2)}</pre>
          </>
        ) : null}
        {data && tab === 'detections' ? <Fired detections={data.explanation.detections} /> : null}
        {data ? (
          <p className="faint small">
            {t('event.received')} <Time value={data.receivedAt} as="full" />
          </p>
        ) : null}
      </div>
    </div>
  )
}

function Fired({
  detections,
}: {
  detections: {
    id: string
    ruleTitle: string
    ruleTitleZh: string | null
    severity: string
    incidentId: number | null
    matched: { part: string; field: string; value: string }[]
  }[]
}) {
  const { t } = useTranslation()
  const inLanguage = useInLanguage()
  if (detections.length === 0) return <p className="faint">{t('event.nothingFired')}</p>
  return detections.map((detection) => (
    <section key={detection.id}>
      <h3>
        <Severity value={detection.severity} />
        <Link to={`/detections/${encodeURIComponent(detection.id)}` as '/'}>
          {inLanguage(detection.ruleTitle, detection.ruleTitleZh)}
        </Link>
        {detection.incidentId === null ? null : (
          <Link to={`/incidents/${detection.incidentId}` as '/'}>
            {t('incident.number', { id: detection.incidentId })}
          </Link>
        )}
      </h3>
      <ul className="mono small">
        {detection.matched.map(({ part, field, value }) => (
          <li key={`${part}${field}${value}`}>
            <span className="faint">{part}</span> {field}: <mark>{value}</mark>
          </li>
        ))}
      </ul>
    </section>
  ))
}
