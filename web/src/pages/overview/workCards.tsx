import { Link, useNavigate } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { useTranslation } from 'react-i18next'
import type { Schemas } from '../../api/client.ts'
import { useInLanguage } from '../../i18n/useInLanguage.ts'
import { useSay } from '../../i18n/useSay.ts'
import { formatDuration, formatNumber } from '../../ui/format.ts'
import { Severity, severities } from '../../ui/Severity.tsx'
import { Skeleton } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { Card } from './Card.tsx'
import { stoppedRules } from './ReadinessCard.tsx'

const TrendChart = lazy(() => import('../../charts/TrendChart.tsx'))

type Overview = Schemas['Overview']

/** What needs me now. */
export function Attention({
  overview,
  readiness,
}: {
  overview: Overview
  readiness: Schemas['Readiness'] | undefined
}) {
  const { t } = useTranslation()
  const stopped = readiness?.stopped ?? 0
  if (overview.attention.length === 0 && stopped === 0) {
    return (
      <div className="card" style={{ padding: '14px 16px' }} data-testid="attention">
        <b className="good">✓ {t('overview.calm')}</b> <span className="soft">{t('overview.calmHint')}</span>
      </div>
    )
  }
  return (
    <div className="attention" data-testid="attention">
      {stopped > 0 ? (
        <Link
          to="/rules"
          search={stoppedRules as never}
          style={{ borderLeftColor: 'var(--high)' }}
          data-testid="attention-rules_stopped"
        >
          <span className="row between">
            <span className="soft">{t('overview.attention.rules_stopped')}</span>
            <Severity value="high" bare />
          </span>
          <span className="big">{formatNumber(stopped)}</span>
          <span className="small" style={{ color: 'var(--accent)' }}>
            {t('overview.act.rules_stopped')} →
          </span>
        </Link>
      ) : null}
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

/** Open incidents: the worst of them, and how many of each severity. */
export function Incidents({ incidents }: { incidents: NonNullable<Overview['incidents']> }) {
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
          <table className="simple-table one-line">
            <tbody>
              {incidents.top.map((incident) => (
                <tr key={incident.id}>
                  <td style={{ width: 90 }}>
                    <Severity value={incident.severity} />
                  </td>
                  <td className="right number strong" style={{ width: 56 }} title={t('incident.score')}>
                    {formatNumber(incident.score)}
                  </td>
                  <td className="ellipsis" title={say(incident.title)}>
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
                  <td className="right number" style={{ width: 64, whiteSpace: 'nowrap' }}>
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
          {t('overview.lastDay')}{' '}
          <Link to="/incidents" search={{ status: 'all', opened: 'now-24h' } as never} data-testid="opened-last-day">
            {t('overview.opened', { number: formatNumber(incidents.openedLastDay) })}
          </Link>{' '}
          ·{' '}
          <Link to="/incidents" search={{ status: 'all', closed: 'now-24h' } as never} data-testid="closed-last-day">
            {t('overview.closed', { number: formatNumber(incidents.closedLastDay) })}
          </Link>
        </p>
      </Card>
    </>
  )
}

/** Detections over the last day, and the rules behind them. */
export function Detections({ detections }: { detections: NonNullable<Overview['detections']> }) {
  const { t } = useTranslation()
  const inLanguage = useInLanguage()
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
                      title={inLanguage(rule.title, rule.titleZh)}
                    >
                      {inLanguage(rule.title, rule.titleZh)}
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
