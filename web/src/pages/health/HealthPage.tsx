import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { formatBytes, formatDuration, formatNumber, formatShare } from '../../ui/format.ts'
import { PageHead } from '../../ui/PageHead.tsx'
import { Severity } from '../../ui/Severity.tsx'
import { Problem, Skeleton } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import '../overview/overview.css'
import { useHealthWords } from './useHealthWords.ts'

type Health = Schemas['Health']

/** Every part, what waits, what was ever lost, and what runs in which version. */
export default function HealthPage() {
  const { t } = useTranslation()
  const { data, error, refetch } = useQuery({
    queryKey: ['health'],
    queryFn: () => answer(api.GET('/api/v1/health')),
    refetchInterval: 10_000,
  })
  return (
    <div className="page">
      <PageHead title={t('pages.health')} hint={data ? `${t('brand')} ${data.version}` : null} />
      {error ? <Problem error={error} onRetry={() => void refetch()} /> : null}
      {data ? (
        <Parts health={data} />
      ) : error ? null : (
        <div className="card" style={{ padding: 16 }}>
          <Skeleton rows={12} />
        </div>
      )}
    </div>
  )
}

function Card({
  title,
  size = 'half',
  children,
  testId,
}: {
  title: string
  size?: string
  children: ReactNode
  testId?: string
}) {
  return (
    <section className={`card ${size}`} data-testid={testId}>
      <header>
        <h2>{title}</h2>
      </header>
      <div className="body" style={{ overflowX: 'auto' }}>
        {children}
      </div>
    </section>
  )
}

/** Data of others that the program is built with, and the links their licences ask for; NOTICE says the same. */
const dataCredits = [
  {
    name: 'systems',
    licence: 'CC-BY-4.0',
    links: [
      { text: 'IP Geolocation by DB-IP', href: 'https://db-ip.com' },
      { text: 'RouteViews', href: 'https://www.routeviews.org' },
      { text: 'NRO', href: 'https://www.nro.net' },
    ],
  },
  { name: 'countries', licence: 'PDDL-1.0', links: [{ text: 'IPtoASN', href: 'https://iptoasn.com' }] },
] as const

const statusSign = { healthy: ['good', '●'], degraded: ['warn', '■'], down: ['bad', '▲'] } as const

function Parts({ health }: { health: Health }) {
  const { t } = useTranslation()
  const { lossText, problemText } = useHealthWords()
  const [tone, sign] = statusSign[health.status]
  const used = health.disk ? 1 - health.disk.freeBytes / Math.max(1, health.disk.totalBytes) : 0
  const losses = [...health.losses].sort((a, b) => b.value - a.value)
  return (
    <div className="overview">
      <Card title={t('health.status')} size="" testId="health-status">
        <div className="figures">
          <div>
            <b className={tone}>
              {sign} {t(`health.statuses.${health.status}`)}
            </b>
            <span className="soft">{t('health.up', { duration: formatDuration(health.uptimeSeconds * 1000) })}</span>
          </div>
          <div>
            <b>{formatBytes(health.process.memoryBytes)}</b>
            <span className="soft">{t('health.memory')}</span>
          </div>
          <div>
            <b>{formatDuration(health.process.cpuSeconds * 1000)}</b>
            <span className="soft">{t('health.cpu')}</span>
          </div>
          {health.disk ? (
            <div>
              <b className={used > 0.9 ? 'bad' : undefined}>{formatBytes(health.disk.freeBytes)}</b>
              <span className="soft" title={health.disk.path}>
                {t('health.free', { used: formatShare(used) })}
              </span>
            </div>
          ) : null}
          <div>
            <b>
              <Time value={health.startedAt} />
            </b>
            <span className="soft">{t('health.started')}</span>
          </div>
        </div>
        {health.problems.map((problem) => (
          <p key={`${problem.part}${problem.message}`} className="row" style={{ marginTop: 8 }}>
            <Severity value={problem.severity} /> <b>{problem.part}</b> {problemText(problem)}
          </p>
        ))}
      </Card>
      <Card title={t('health.children')}>
        <table className="simple-table">
          <thead>
            <tr>
              <th>{t('health.part')}</th>
              <th>{t('health.state')}</th>
              <th>{t('health.version')}</th>
              <th className="right">PID</th>
              <th className="right">{t('health.restarts')}</th>
            </tr>
          </thead>
          <tbody>
            {health.children.map((child) => (
              <tr key={child.name}>
                <td className="mono">
                  {child.name}
                  {child.lastError ? <div className="bad small">{child.lastError}</div> : null}
                </td>
                <td>
                  <PartState value={child.status} />
                </td>
                <td>{child.version ?? '—'}</td>
                <td className="right number">{child.processId ?? '—'}</td>
                <td className="right number">{formatNumber(child.restarts)}</td>
              </tr>
            ))}
            {health.threads.map((thread) => (
              <tr key={thread.name}>
                <td className="mono">
                  {thread.name} <span className="faint">{t('health.thread')}</span>
                </td>
                <td>
                  <PartState value={thread.status} />
                </td>
                <td>—</td>
                <td className="right">—</td>
                <td className="right number">{formatNumber(thread.restarts)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Card>
      <Card title={t('health.bus')}>
        <table className="simple-table">
          <thead>
            <tr>
              <th>{t('health.topic')}</th>
              <th>{t('health.group')}</th>
              <th className="right">{t('health.lag')}</th>
              <th>{t('health.backlog')}</th>
            </tr>
          </thead>
          <tbody>
            {health.bus.map((queue) => {
              const share = queue.bytes / Math.max(1, queue.limitBytes)
              return (
                <tr key={`${queue.topic}${queue.group}`}>
                  <td className="mono">{queue.topic}</td>
                  <td className="mono">{queue.group}</td>
                  <td className="right number">{formatNumber(queue.lag)}</td>
                  <td>
                    <div style={{ height: 6, background: 'var(--sunken)', borderRadius: 3, overflow: 'hidden' }}>
                      <div
                        style={{
                          height: 6,
                          width: `${Math.min(100, share * 100)}%`,
                          background: share > 0.8 ? 'var(--bad)' : 'var(--accent)',
                        }}
                      />
                    </div>
                    <span className="small faint">
                      {formatBytes(queue.bytes)} / {formatBytes(queue.limitBytes)}
                    </span>
                  </td>
                </tr>
              )
            })}
          </tbody>
        </table>
      </Card>
      <Card title={t('health.losses')}>
        <p className="soft small" style={{ marginBottom: 6 }}>
          {t('health.lossesHint')}
        </p>
        <table className="simple-table" data-testid="losses">
          <tbody>
            {losses.map((loss) => (
              <tr key={loss.counter}>
                <td>
                  <span className="mono">{loss.counter}</span>
                  <div className="small faint">{lossText(loss.counter, loss.description)}</div>
                </td>
                <td className={`right number ${loss.value > 0 ? 'bad strong' : 'good'}`}>{formatNumber(loss.value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {losses.length === 0 ? <p className="good">✓ {t('health.nothingLost')}</p> : null}
      </Card>
      <Card title={t('health.versions')}>
        <Pairs pairs={health.versions} />
        <h3 className="section-title" style={{ marginTop: 16 }}>
          {t('health.settings')}
        </h3>
        <Pairs pairs={health.settings} />
      </Card>
      <Card title={t('credits.title')} testId="about">
        <p className="soft">{t('credits.program')}</p>
        <h3 className="section-title" style={{ marginTop: 12 }}>
          {t('credits.data')}
        </h3>
        <ul className="column" style={{ gap: 6, paddingLeft: 18 }}>
          {dataCredits.map(({ name, licence, links }) => (
            <li key={name}>
              {t(`credits.${name}`)}{' '}
              {links.map(({ text, href }, index) => (
                <span key={href}>
                  {index > 0 ? ' · ' : null}
                  <a href={href} target="_blank" rel="noreferrer">
                    {text}
                  </a>
                </span>
              ))}{' '}
              <span className="chip">{licence}</span>
            </li>
          ))}
        </ul>
      </Card>
    </div>
  )
}

function Pairs({ pairs }: { pairs: Record<string, unknown> }) {
  return (
    <dl className="facts">
      {Object.entries(pairs).map(([name, value]) => (
        <div key={name} style={{ display: 'contents' }}>
          <dt className="mono">{name}</dt>
          <dd className="mono">{typeof value === 'string' ? value : JSON.stringify(value)}</dd>
        </div>
      ))}
    </dl>
  )
}

function PartState({ value }: { value: 'starting' | 'running' | 'restarting' | 'stopped' | 'external' }) {
  const { t } = useTranslation()
  const tone = { running: 'good', external: 'good', starting: 'warn', restarting: 'warn', stopped: 'bad' }[value]
  const sign = { running: '●', external: '●', starting: '◐', restarting: '◐', stopped: '▲' }[value]
  return (
    <span className={tone}>
      {sign} {t(`health.states.${value}`)}
    </span>
  )
}
