import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { lazy, Suspense, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api } from '../../api/client.ts'
import { useCan } from '../../api/session.tsx'
import { useInLanguage } from '../../i18n/useInLanguage.ts'
import { Action } from '../../ui/Action.tsx'
import { formatNumber } from '../../ui/format.ts'
import { Severity } from '../../ui/Severity.tsx'
import { Empty, Skeleton } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'

const ExceptionDialog = lazy(async () => ({
  default: (await import('../exceptions/ExceptionDialog.tsx')).ExceptionDialog,
}))

/** What the version on trial found: nobody was told of it. */
export function FindingsTab({ ruleId, isOnTrial }: { ruleId: string; isOnTrial: boolean }) {
  const { t } = useTranslation()
  const inLanguage = useInLanguage()
  const { data } = useQuery({
    queryKey: ['findings', ruleId],
    queryFn: () =>
      answer(api.GET('/api/v1/rules/{id}/findings', { params: { path: { id: ruleId }, query: { limit: 100 } } })),
    placeholderData: keepPreviousData,
    refetchInterval: isOnTrial ? 5_000 : false,
  })
  if (!data) return <Skeleton rows={6} />
  if (data.total === 0)
    return (
      <Empty title={t('workbench.noFindings')}>
        {isOnTrial ? t('workbench.noFindingsYet') : t('workbench.noFindingsHint')}
      </Empty>
    )
  return (
    <div className="workbench-pane">
      <p data-testid="findings-count">
        {t('workbench.findingsFound', { count: data.total, firings: formatNumber(data.firings) })}
      </p>
      <table className="simple-table small">
        <tbody>
          {data.items.map((one) => (
            <tr key={one.id}>
              <td>
                <Severity value={one.severity} />
              </td>
              <td style={{ whiteSpace: 'nowrap' }}>
                <Time value={one.lastSeenAt} />
              </td>
              <td>
                {one.eventIds[0] ? (
                  <Link to="/events/$id" params={{ id: one.eventIds[0] }}>
                    {inLanguage(one.summary, one.summaryZh)}
                  </Link>
                ) : (
                  inLanguage(one.summary, one.summaryZh)
                )}
              </td>
              <td className="number">×{formatNumber(one.matchCount)}</td>
              <td>
                <Link to="/workbench" search={{ id: ruleId, tab: 'history' } as never} className="chip">
                  {t('workbench.foundBy', { version: one.ruleVersion })}
                </Link>
              </td>
              <td>{one.suppressedBy === null ? null : <span className="chip">{t('workbench.wouldBeHidden')}</span>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

const week = 7 * 86_400_000

/** Exceptions that name the rule, and what they kept from the analysts in the last week. */
export function HiddenTab({ ruleId }: { ruleId: string }) {
  const { t } = useTranslation()
  const can = useCan()
  const inLanguage = useInLanguage()
  const [isMaking, setMaking] = useState(false)
  const { data: exceptions } = useQuery({
    queryKey: ['exceptions', 'of-rule', ruleId],
    queryFn: () => answer(api.GET('/api/v1/exceptions', { params: { query: { rule: ruleId, limit: 100 } } })),
  })
  const { data: hidden } = useQuery({
    queryKey: ['detections', 'hidden', ruleId],
    queryFn: () => {
      const from = new Date(Date.now() - week).toISOString()
      return answer(
        api.GET('/api/v1/detections', { params: { query: { rule: ruleId, suppressed: 'true', from, limit: 100 } } }),
      )
    },
  })
  if (!exceptions || !hidden) return <Skeleton rows={6} />
  return (
    <div className="workbench-pane">
      <Action primary reason={can('exception:write')} testId="new-exception" onClick={() => setMaking(true)}>
        {t('exception.new')}
      </Action>
      <section>
        <h3 className="section-title">{t('pages.exceptions')}</h3>
        {exceptions.items.length === 0 ? <p className="faint">{t('workbench.noExceptions')}</p> : null}
        <ul>
          {exceptions.items.map((one) => (
            <li key={one.id}>
              <Link to="/exceptions" search={{ id: String(one.id) } as never}>
                {one.name}
              </Link>{' '}
              <span className={one.active ? 'good' : 'faint'}>
                {one.active ? t('exception.active') : t('exception.ended')}
              </span>{' '}
              {one.ownerName} · {t('exception.expires')} <Time value={one.expiresAt} /> ·{' '}
              <HidByIt ruleId={ruleId} exceptionId={one.id} />
            </li>
          ))}
        </ul>
      </section>
      <section data-testid="hidden-last-week">
        <h3 className="section-title">{t('workbench.hidLastWeek', { count: hidden.total })}</h3>
        <table className="simple-table small">
          <tbody>
            {hidden.items.map((one) => (
              <tr key={one.id}>
                <td style={{ whiteSpace: 'nowrap' }}>
                  <Time value={one.lastSeenAt} />
                </td>
                <td>
                  <Link to="/detections/$id" params={{ id: one.id }}>
                    {inLanguage(one.summary, one.summaryZh)}
                  </Link>
                </td>
                <td className="number">×{formatNumber(one.matchCount)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {isMaking ? (
        <Suspense fallback={null}>
          <ExceptionDialog ruleIds={[ruleId]} conditions={[]} reason="" onDone={() => setMaking(false)} />
        </Suspense>
      ) : null}
    </div>
  )
}

/** How many detections of the rule one exception hid in the last week. */
function HidByIt({ ruleId, exceptionId }: { ruleId: string; exceptionId: number }) {
  const { t } = useTranslation()
  const { data } = useQuery({
    queryKey: ['detections', 'hidden', ruleId, exceptionId],
    queryFn: () => {
      const from = new Date(Date.now() - week).toISOString()
      const query = { rule: ruleId, exception: exceptionId, from, limit: 1 }
      return answer(api.GET('/api/v1/detections', { params: { query } }))
    },
  })
  return data ? (
    <span data-testid={`hid-by-${exceptionId}`}>{t('workbench.hidByIt', { count: data.total })}</span>
  ) : null
}
