import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { lazy, type ReactNode, Suspense } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { useCan } from '../../api/session.tsx'
import { useRuleTitle } from '../../api/useRuleTitle.ts'
import { useSay } from '../../i18n/useSay.ts'
import { formatBytes, formatCompact, formatDuration, formatNumber, formatRate, formatShare } from '../../ui/format.ts'
import { PageHead } from '../../ui/PageHead.tsx'
import { Severity, severities } from '../../ui/Severity.tsx'
import { Problem, Skeleton } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import './overview.css'

const TrendChart = lazy(() => import('../../charts/TrendChart.tsx'))

type Overview = Schemas['Overview']

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
            <Attention overview={data} />
            {data.incidents ? <Incidents incidents={data.incidents} /> : null}
            {data.detections ? <Detections detections={data.detections} /> : null}
            {data.events ? <Events events={data.events} /> : null}
            {data.sources ? <Sources sources={data.sources} /> : null}
            {can('health:read') === undefined ? <Platform /> : null}
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

function Card({
  title,
  more,
  size,
  children,
}: {
  title: ReactNode
  more?: ReactNode
  size: string
  children: ReactNode
}) {
  return (
    <section className={`card ${size}`}>
      <header>
        <h2>{title}</h2>
        <span style={{ marginLeft: 'auto' }}>{more}</span>
      </header>
      <div className="body">{children}</div>
    </section>
  )
}

function Attention({ overview }: { overview: Overview }) {
  const { t } = useTranslation()
  if (overview.attention.length === 0) {
    return (
      <div className="card" style={{ padding: '14px 16px' }} data-testid="attention">
        <b className="good">✓ {t('overview.calm')}</b> <span className="soft">{t('overview.calmHint')}</span>
      </div>
    )
  }
  return (
    <div className="attention" data-testid="attention">
      {overview.attention.map((item) => (
        <Link
          key={item.kind}
          to={item.link as '/'}
          style={{ borderLeftColor: `var(--${item.severity})` }}
          data-testid={`attention-${item.kind}`}
        >
          <span className="row between">
            <span className="soft">{t(`overview.attention.${item.kind}`)}</span>
            <Severity value={item.severity} bare />
          </span>
          <span className="big">{formatNumber(item.count)}</span>
          <span className="small" style={{ color: 'var(--accent)' }}>
            {t(`overview.act.${item.kind}`)} →
          </span>
        </Link>
      ))}
    </div>
  )
}

function Incidents({ incidents }: { incidents: NonNullable<Overview['incidents']> }) {
  const { t } = useTranslation()
  const say = useSay()
  return (
    <>
      <Card
        size="two-thirds"
        title={t('overview.openIncidents')}
        more={<Link to="/incidents">{t('overview.all')}</Link>}
      >
        {incidents.top.length === 0 ? (
          <p className="soft">{t('overview.noIncidents')}</p>
        ) : (
          <table className="simple-table">
            <tbody>
              {incidents.top.map((incident) => (
                <tr key={incident.id}>
                  <td style={{ width: 90 }}>
                    <Severity value={incident.severity} />
                  </td>
                  <td className="right number strong" style={{ width: 56 }} title={t('incident.score')}>
                    {formatNumber(incident.score)}
                  </td>
                  <td>
                    <Link to="/incidents" search={{ id: String(incident.id) } as never}>
                      {say(incident.title)}
                    </Link>
                  </td>
                  <td className="right soft" style={{ width: 130 }}>
                    <Time value={incident.lastSeenAt} as="ago" />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Card>
      <Card size="third" title={t('overview.incidents')}>
        <div className="figures">
          <Link to="/incidents">
            <b>{formatNumber(incidents.open)}</b>
            <span className="soft">{t('overview.open')}</span>
          </Link>
          <Link to="/incidents" search={{ assignee: 'none' } as never}>
            <b>{formatNumber(incidents.unassigned)}</b>
            <span className="soft">{t('overview.unassigned')}</span>
          </Link>
          <Link to="/incidents" search={{ assignee: 'me' } as never}>
            <b>{formatNumber(incidents.mine)}</b>
            <span className="soft">{t('overview.mine')}</span>
          </Link>
        </div>
        <table className="simple-table" style={{ marginTop: 10 }}>
          <tbody>
            {severities.map((severity) => {
              const count = incidents.openBySeverity[severity] ?? 0
              const most = Math.max(1, ...Object.values(incidents.openBySeverity))
              return (
                <tr key={severity}>
                  <td style={{ width: 96 }}>
                    <Link to="/incidents" search={{ severity } as never} style={{ color: 'inherit' }}>
                      <Severity value={severity} />
                    </Link>
                  </td>
                  <td>
                    <div
                      style={{
                        height: 8,
                        borderRadius: 2,
                        width: `${(count / most) * 100}%`,
                        background: `var(--${severity})`,
                      }}
                    />
                  </td>
                  <td className="right number" style={{ width: 44 }}>
                    {formatNumber(count)}
                  </td>
                </tr>
              )
            })}
          </tbody>
        </table>
        {incidents.meanTimeToAcknowledgeMs === null ? null : (
          <p className="soft small" style={{ marginTop: 8 }}>
            {t('overview.acknowledge', { duration: formatDuration(incidents.meanTimeToAcknowledgeMs) })}
            {incidents.meanTimeToCloseMs === null
              ? ''
              : ` · ${t('overview.close', { duration: formatDuration(incidents.meanTimeToCloseMs) })}`}
          </p>
        )}
        <p className="soft small" style={{ marginTop: 8 }}>
          {t('overview.lastDay', {
            opened: formatNumber(incidents.openedLastDay),
            closed: formatNumber(incidents.closedLastDay),
          })}
        </p>
      </Card>
    </>
  )
}

function Detections({ detections }: { detections: NonNullable<Overview['detections']> }) {
  const { t } = useTranslation()
  const titleOf = useRuleTitle()
  const navigate = useNavigate()
  return (
    <>
      <Card
        size="two-thirds"
        title={`${t('overview.detectionTrend')} · ${formatNumber(detections.lastDay)}`}
        more={
          <Link to="/detections" search={{ from: 'now-24h' } as never}>
            {t('overview.all')}
          </Link>
        }
      >
        <Suspense fallback={<Skeleton rows={5} height={26} />}>
          <TrendChart
            stacked
            points={detections.trend}
            label={t('overview.detectionTrend')}
            onSpan={(from, to) =>
              void navigate({
                to: '/detections',
                search: { from: new Date(from).toISOString(), to: new Date(to).toISOString() },
              } as never)
            }
          />
        </Suspense>
      </Card>
      <Card size="third" title={t('overview.topRules')} more={<Link to="/rules">{t('overview.all')}</Link>}>
        {detections.topRules.length === 0 ? (
          <p className="soft">{t('overview.noDetections')}</p>
        ) : (
          <table className="simple-table">
            <tbody>
              {detections.topRules.slice(0, 7).map((rule) => (
                <tr key={rule.ruleId}>
                  <td style={{ width: 24 }}>
                    <Severity value={rule.severity} bare />
                  </td>
                  <td className="ellipsis" style={{ maxWidth: 0, width: '99%' }}>
                    <Link
                      to="/detections"
                      search={{ rule: rule.ruleId, from: 'now-24h' } as never}
                      title={titleOf(rule.ruleId, rule.title)}
                    >
                      {titleOf(rule.ruleId, rule.title)}
                    </Link>
                  </td>
                  <td className="right number">{formatNumber(rule.count)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        )}
      </Card>
    </>
  )
}

function Events({ events }: { events: NonNullable<Overview['events']> }) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const can = useCan()
  const mayRead = can('event:read') === undefined
  return (
    <Card
      size="two-thirds"
      title={t('overview.eventTrend')}
      more={mayRead ? <Link to="/search">{t('overview.toSearch')}</Link> : null}
    >
      <div className="figures" style={{ marginBottom: 6 }}>
        <div>
          <b>{formatRate(events.perSecond)}</b>
          <span className="soft">{t('overview.now')}</span>
        </div>
        <div>
          <b title={formatNumber(events.lastDay)}>{formatCompact(events.lastDay)}</b>
          <span className="soft">{t('overview.eventsLastDay')}</span>
        </div>
      </div>
      <Suspense fallback={<Skeleton rows={4} height={26} />}>
        <TrendChart
          height={150}
          points={events.trend}
          label={t('overview.eventTrend')}
          onSpan={
            mayRead
              ? (from, to) =>
                  void navigate({
                    to: '/search',
                    search: { from: new Date(from).toISOString(), to: new Date(to).toISOString() },
                  } as never)
              : undefined
          }
        />
      </Suspense>
    </Card>
  )
}

function Sources({ sources }: { sources: NonNullable<Overview['sources']> }) {
  const { t } = useTranslation()
  return (
    <Card size="third" title={t('overview.sourceHealth')} more={<Link to="/sources">{t('overview.all')}</Link>}>
      <div className="figures">
        <Link to="/sources">
          <b>{formatNumber(sources.total)}</b>
          <span className="soft">{t('overview.sourceCount')}</span>
        </Link>
        <Link to="/sources" search={{ silent: 'true' } as never}>
          <b className={sources.silent > 0 ? 'bad' : undefined}>{formatNumber(sources.silent)}</b>
          <span className="soft">{t('source.silent')}</span>
        </Link>
        <div>
          <b className={sources.parseRate < 0.95 ? 'warn' : undefined}>{formatShare(sources.parseRate)}</b>
          <span className="soft">{t('source.parseRate')}</span>
        </div>
      </div>
      {sources.total === 0 ? (
        <p className="soft" style={{ marginTop: 10 }}>
          {t('source.none')} <Link to="/sources">{t('overview.connect')} →</Link>
        </p>
      ) : (
        <table className="simple-table" style={{ marginTop: 10 }}>
          <tbody>
            {sources.worst.map((source) => (
              <tr key={source.id}>
                <td>
                  <Link to="/sources" search={{ id: source.id } as never}>
                    {source.name}
                  </Link>
                </td>
                <td className="right">
                  {source.silent ? (
                    <span className="bad">▲ {t('source.silent')}</span>
                  ) : (
                    <span className="number">{formatShare(source.parseRate)}</span>
                  )}
                </td>
                <td className="right soft">
                  <Time value={source.lastSeenAt} as="ago" />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  )
}

/** The platform itself in one line per part; the rest is on the health page. */
function Platform() {
  const { t } = useTranslation()
  const { data } = useQuery({ queryKey: ['health'], queryFn: () => answer(api.GET('/api/v1/health')), retry: false })
  if (!data) return null
  const lost = data.losses.reduce((sum, { value }) => sum + value, 0)
  const waiting = data.bus.reduce((sum, { lag }) => sum + lag, 0)
  const tone = { healthy: 'good', degraded: 'warn', down: 'bad' }[data.status]
  return (
    <Card size="third" title={t('overview.platform')} more={<Link to="/health">{t('overview.details')}</Link>}>
      <div className="figures">
        <Link to="/health">
          <b className={tone}>{t(`health.statuses.${data.status}`)}</b>
          <span className="soft">{t('health.up', { duration: formatDuration(data.uptimeSeconds * 1000) })}</span>
        </Link>
        <Link to="/health">
          <b>{formatNumber(waiting)}</b>
          <span className="soft">{t('health.lag')}</span>
        </Link>
        <Link to="/health">
          <b className={lost > 0 ? 'warn' : undefined}>{formatNumber(lost)}</b>
          <span className="soft">{t('health.losses')}</span>
        </Link>
        {data.disk ? (
          <Link to="/health">
            <b>{formatBytes(data.disk.freeBytes)}</b>
            <span className="soft">{t('overview.diskFree')}</span>
          </Link>
        ) : null}
      </div>
      {data.problems.map((problem) => (
        <p key={`${problem.part}${problem.message}`} className="row" style={{ marginTop: 8 }}>
          <Severity value={problem.severity} bare /> <b>{problem.part}</b>{' '}
          <span className="soft">{problem.message}</span>
        </p>
      ))}
    </Card>
  )
}

/** What was done last, for those who read what others did. */
function LatestActs() {
  const { t } = useTranslation()
  const { data } = useQuery({
    queryKey: ['audit', 'latest'],
    queryFn: () => answer(api.GET('/api/v1/audit', { params: { query: { limit: 10 } } })),
  })
  return (
    <Card size="two-thirds" title={t('overview.latestActs')} more={<Link to="/audit">{t('overview.all')}</Link>}>
      {data ? (
        <table className="simple-table">
          <tbody>
            {data.items.map((row) => (
              <tr key={row.sequence}>
                <td className="soft" style={{ width: 120 }}>
                  <Time value={row.at} />
                </td>
                <td style={{ width: 140 }}>{row.actorName}</td>
                <td className="mono">
                  <Link to="/audit" search={{ id: String(row.sequence) } as never}>
                    {row.action}
                  </Link>
                </td>
                <td className="mono faint">{row.target}</td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <Skeleton rows={5} />
      )}
    </Card>
  )
}
