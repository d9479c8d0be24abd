import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { useCan } from '../../api/session.tsx'
import { formatBytes, formatCompact, formatDuration, formatNumber, formatRate, formatShare } from '../../ui/format.ts'
import { Severity } from '../../ui/Severity.tsx'
import { Skeleton } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { useHealthWords } from '../health/useHealthWords.ts'
import { Card } from './Card.tsx'

const TrendChart = lazy(() => import('../../charts/TrendChart.tsx'))

type Overview = Schemas['Overview']

/** Events over the last day. */
export function Events({ events }: { events: NonNullable<Overview['events']> }) {
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

/** How the sources do, worst first. */
export function Sources({ sources }: { sources: NonNullable<Overview['sources']> }) {
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
export function Platform() {
  const { t } = useTranslation()
  const { problemText } = useHealthWords()
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
          <span className="soft">{problemText(problem)}</span>
        </p>
      ))}
    </Card>
  )
}

/** What was done last, for those who read what others did. */
export function LatestActs() {
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
