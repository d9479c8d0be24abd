import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { useCan } from '../../api/session.tsx'
import { Sparkline } from '../../charts/Sparkline.tsx'
import { useInLanguage } from '../../i18n/useInLanguage.ts'
import { Action } from '../../ui/Action.tsx'
import { formatNumber } from '../../ui/format.ts'
import { failureOf } from '../../ui/problemText.ts'
import { Empty, Problem } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'

type Result = Schemas['BackTestResult']

interface BackTestTabProps {
  yaml: string
  ruleId: string | undefined
  /** Chosen job; the newest of the rule when there is none. */
  jobId: string | undefined
  isSound: boolean
  onJob(id: number): void
}

const ranges = [1, 3, 7, 14, 30]

/** What the text would have found in what is stored: a job that goes on while its author looks elsewhere. */
export function BackTestTab({ yaml, ruleId, jobId, isSound, onJob }: BackTestTabProps) {
  const { t } = useTranslation()
  const can = useCan()
  const queries = useQueryClient()
  const [days, setDays] = useState(7)
  const { data: jobs } = useQuery({
    queryKey: ['rule-jobs', ruleId],
    enabled: ruleId !== undefined,
    queryFn: () =>
      answer(api.GET('/api/v1/rule-jobs', { params: { query: { ruleId, kind: 'back_test', limit: 20 } } })),
  })
  const shownId = jobId ?? jobs?.items[0]?.id
  const { data: job, error } = useQuery({
    queryKey: ['back-test', String(shownId)],
    enabled: shownId !== undefined,
    queryFn: () => answer(api.GET('/api/v1/rules/back-tests/{id}', { params: { path: { id: Number(shownId) } } })),
    refetchInterval: ({ state }) => (isOpen(state.data) ? 700 : false),
  })
  const start = useMutation({
    mutationFn: () => answer(api.POST('/api/v1/rules/back-tests', { body: { yaml, ruleId, days } })),
    onSuccess: async ({ id }) => {
      onJob(id)
      await queries.invalidateQueries({ queryKey: ['rule-jobs'] })
    },
  })
  const cancel = useMutation({
    mutationFn: (id: number) => answer(api.DELETE('/api/v1/rule-jobs/{id}', { params: { path: { id } } })),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['back-test'] }),
  })
  const reason = can('event:read') ?? (isSound ? undefined : t('workbench.fixFirst'))
  return (
    <div className="workbench-pane">
      <div className="row wrap">
        <select
          className="input small"
          aria-label={t('workbench.days')}
          value={days}
          onChange={(event) => setDays(Number(event.target.value))}
        >
          {ranges.map((value) => (
            <option key={value} value={value}>
              {t('workbench.lastDays', { count: value })}
            </option>
          ))}
        </select>
        <Action
          primary
          reason={reason}
          busy={start.isPending || isOpen(job)}
          testId="start-back-test"
          onClick={() => start.mutate()}
        >
          {t('workbench.backTest')}
        </Action>
        {job && isOpen(job) ? (
          <>
            <progress max={Math.max(1, job.total)} value={job.done} aria-label={t('workbench.progress')} />
            <Action onClick={() => cancel.mutate(job.id)}>{t('actions.cancel')}</Action>
          </>
        ) : null}
        {(jobs?.items.length ?? 0) > 1 ? (
          <select
            className="input small"
            aria-label={t('workbench.earlier')}
            value={String(shownId)}
            onChange={(event) => onJob(Number(event.target.value))}
          >
            {jobs!.items.map((one) => (
              <option key={one.id} value={one.id}>
                #{one.id} {new Date(one.createdAt).toLocaleString()} {one.createdBy}
              </option>
            ))}
          </select>
        ) : null}
      </div>
      {start.error ? <Problem error={start.error} /> : null}
      {error ? <Problem error={error} /> : null}
      {job?.problem ? (
        <p className="bad">
          <code>{job.problem.code}</code> {failureOf(job.problem.code) ?? job.problem.message}
        </p>
      ) : null}
      {job?.status === 'cancelled' ? <p className="faint">{t('workbench.cancelled')}</p> : null}
      {job?.result ? <Found result={job.result} /> : null}
      {shownId === undefined ? <Empty title={t('workbench.noBackTest')}>{t('workbench.noBackTestHint')}</Empty> : null}
    </div>
  )
}

function isOpen(job: { status: string } | undefined): boolean {
  return job?.status === 'waiting' || job?.status === 'running'
}

function Found({ result }: { result: Result }) {
  const { t } = useTranslation()
  const { difference } = result
  return (
    <div data-testid="back-test-result">
      <div className="rule-figures">
        <Figure name={t('workbench.hits')} value={result.hitCount} testId="back-test-hits" />
        <Figure name={t('workbench.alerts')} value={result.alertCount} testId="back-test-alerts" />
        <Figure name={t('workbench.alertsPerDay')} value={result.alertsPerDay} digits={1} />
        <div>
          <span className="faint small">{t('workbench.perDay')}</span>
          <Sparkline
            width={160}
            height={32}
            values={result.perDay.map(({ alerts }) => alerts)}
            label={result.perDay.map(({ day, alerts, hits }) => `${day}: ${alerts} / ${hits}`).join('\n')}
          />
        </div>
        <div className={result.noise === 'quiet' ? 'good' : 'bad'}>{t(`workbench.noise.${result.noise}`)}</div>
      </div>
      {result.cut ? (
        <p className="bad small">{t('workbench.cut', { examined: formatNumber(result.examined) })}</p>
      ) : null}
      {result.rulesWithoutSql.length > 0 ? (
        <p className="bad small">{t('workbench.noSql', { rules: result.rulesWithoutSql.join(', ') })}</p>
      ) : null}
      {difference ? (
        <section data-testid="back-test-difference">
          <h3 className="section-title">{t('workbench.difference')}</h3>
          <p>
            {t('workbench.differenceFound', {
              before: formatNumber(difference.before),
              now: formatNumber(difference.now),
            })}{' '}
            <strong className="good">+{formatNumber(difference.added)}</strong>{' '}
            <strong className="bad">−{formatNumber(difference.lost)}</strong>
          </p>
          <Alerts title={t('workbench.addedAlerts')} alerts={difference.addedSamples} />
          <Alerts title={t('workbench.lostAlerts')} alerts={difference.lostSamples} />
        </section>
      ) : null}
      {result.hidden.length > 0 ? (
        <section>
          <h3 className="section-title">{t('workbench.wouldHide')}</h3>
          <ul>
            {result.hidden.map(({ exceptionId, name, count }) => (
              <li key={exceptionId}>
                <Link to="/exceptions" search={{ id: String(exceptionId) } as never}>
                  {name}
                </Link>{' '}
                <span className="number">{formatNumber(count)}</span>
              </li>
            ))}
          </ul>
        </section>
      ) : null}
      {result.entities.length > 0 ? (
        <section>
          <h3 className="section-title">{t('workbench.topEntities')}</h3>
          <div className="row wrap">
            {result.entities.map(({ type, value, count }) => (
              <span key={`${type}${value}`} className="chip mono">
                {value} <span className="faint">{formatNumber(count)}</span>
              </span>
            ))}
          </div>
        </section>
      ) : null}
      <Alerts title={t('workbench.sampleAlerts')} alerts={result.samples} />
      {result.hitCount === 0 ? (
        <Empty title={t('workbench.foundNothing')}>{t('workbench.foundNothingHint')}</Empty>
      ) : null}
    </div>
  )
}

function Figure({
  name,
  value,
  digits = 0,
  testId,
}: {
  name: string
  value: number
  digits?: number
  testId?: string
}) {
  return (
    <div>
      <span className="faint small">{name}</span>
      <strong className="number" data-testid={testId}>
        {digits === 0 ? formatNumber(value) : value.toFixed(digits)}
      </strong>
    </div>
  )
}

function Alerts({ title, alerts }: { title: string; alerts: Result['samples'] }) {
  const inLanguage = useInLanguage()
  if (alerts.length === 0) return null
  return (
    <section>
      <h3 className="section-title">{title}</h3>
      <table className="simple-table small">
        <tbody>
          {alerts.map((alert) => (
            <tr key={`${alert.at}${alert.eventId}${alert.summary}`}>
              <td style={{ whiteSpace: 'nowrap' }}>
                <Time value={alert.at} />
              </td>
              <td>
                {alert.eventId ? (
                  <Link
                    to="/events/$id"
                    params={{ id: alert.eventId }}
                    search={{ at: String(Date.parse(alert.at)) } as never}
                  >
                    {inLanguage(alert.summary, alert.summaryZh)}
                  </Link>
                ) : (
                  inLanguage(alert.summary, alert.summaryZh)
                )}
              </td>
              <td className="number">×{formatNumber(alert.matchCount)}</td>
              <td className="mono faint">
                {alert.matched
                  .map(({ field, value }) => `${field}: ${value}`)
                  .join(' · ')
                  .slice(0, 160)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}
