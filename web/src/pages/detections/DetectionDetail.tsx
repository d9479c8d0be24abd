import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api } from '../../api/client.ts'
import { inPlaceOf } from '../../api/problem.ts'
import { useCan } from '../../api/session.tsx'
import { useSummary } from '../../api/useSummary.ts'
import { FieldsTable } from '../../event/FieldsTable.tsx'
import { needlesOf } from '../../event/raw.ts'
import { useInLanguage } from '../../i18n/useInLanguage.ts'
import { Action } from '../../ui/Action.tsx'
import { isTactic } from '../../ui/attack.ts'
import { CorrelationWhy } from '../../ui/CorrelationWhy.tsx'
import { formatNumber } from '../../ui/format.ts'
import { PacketsButton } from '../../ui/PacketsButton.tsx'
import { Severity } from '../../ui/Severity.tsx'
import { Problem, Skeleton } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { Value } from '../../ui/Value.tsx'
import { conditionsOf } from '../exceptions/conditions.ts'
import { ExceptionDialog } from '../exceptions/ExceptionDialog.tsx'
import { RuleLink, RuleOrigin } from '../incidents/IncidentSummary.tsx'

/** Why it fired: which part of the rule met which value, highlighted in the event; and where to go from here. */
export function DetectionDetail({ id, full = false }: { id: string; full?: boolean }) {
  const { t } = useTranslation()
  const can = useCan()
  const summaryOf = useSummary()
  const inLanguage = useInLanguage()
  const [excepting, setExcepting] = useState(false)
  const {
    data: detection,
    error,
    refetch,
  } = useQuery({
    queryKey: ['detections', 'one', id],
    queryFn: () => answer(api.GET('/api/v1/detections/{id}', { params: { path: { id } } })),
  })
  const needles = useMemo(() => needlesOf(detection?.matched ?? []), [detection])
  if (inPlaceOf(detection, error))
    return (
      <div className="detail">
        <div className="detail-body">
          <Problem error={error} onRetry={() => void refetch()} list={{ to: '/detections', name: 'detections' }} />
        </div>
      </div>
    )
  if (!detection)
    return (
      <div className="detail">
        <div className="detail-body">
          <Skeleton rows={8} />
        </div>
      </div>
    )
  return (
    <div className={`detail ${full ? 'full' : ''}`} data-testid="detection-detail">
      <div className="detail-head">
        <h2>{summaryOf(detection)}</h2>
        <div className="row wrap">
          <Severity value={detection.severity} />
          <span className="chip">{t(`detector.${detection.detector}`)}</span>
          {detection.matchCount > 1 ? <span className="chip">×{formatNumber(detection.matchCount)}</span> : null}
          <Time value={detection.lastSeenAt} as="full" />
        </div>
        <div className="row wrap">
          {detection.incidentId === null ? null : (
            <Link className="button primary" to={`/incidents/${detection.incidentId}` as '/'}>
              {t('detection.openIncident', { id: detection.incidentId })}
            </Link>
          )}
          <Link className="button" to={`/rules/${encodeURIComponent(detection.ruleId)}` as '/'}>
            {t('detection.openRule')}
          </Link>
          {detection.fields['source.ip'] && detection.fields['destination.ip'] ? (
            <PacketsButton of="detections" id={id} />
          ) : null}
          <Action reason={can('exception:write')} onClick={() => setExcepting(true)} testId="make-exception">
            {t('incident.makeException')}
          </Action>
        </div>
      </div>
      <div className="detail-body">
        <section>
          <h3>{t('detection.whyFired')}</h3>
          {detection.matched.length === 0 ? (
            <p className="faint">{t('detection.noMatched')}</p>
          ) : (
            <table className="simple-table" data-testid="matched">
              <thead>
                <tr>
                  <th>{t('detection.part')}</th>
                  <th>{t('detection.field')}</th>
                  <th>{t('detection.value')}</th>
                </tr>
              </thead>
              <tbody>
                {detection.matched.map(({ part, field, value }) => (
                  <tr key={`${part}${field}${value}`}>
                    <td>
                      <span className="chip warn">{part}</span>
                    </td>
                    <td className="mono">{field}</td>
                    <td className="mono">
                      <Value field={field} value={value} focusable>
                        <mark>{value}</mark>
                      </Value>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
          {detection.detector === 'correlation' ? <Explanation id={id} kept={detection.eventIds.length} /> : null}
          {detection.suppressedBy === null ? null : (
            <p className="warn">
              {t('detection.suppressedBy')}{' '}
              <Link to="/exceptions" search={{ id: String(detection.suppressedBy) } as never}>
                #{detection.suppressedBy}
              </Link>
            </p>
          )}
        </section>
        <section>
          <h3>{t('incident.facts')}</h3>
          <dl className="facts">
            <dt>{t('detection.rule')}</dt>
            <dd>
              <RuleLink id={detection.ruleId} title={inLanguage(detection.ruleTitle, detection.ruleTitleZh)} />{' '}
              <RuleOrigin id={detection.ruleId} author={detection.ruleAttribution?.author ?? null} />
            </dd>
            <dt>{t('incident.tactics')}</dt>
            <dd>{detection.tactics.map((name) => (isTactic(name) ? t(`tactic.${name}`) : name)).join(' · ') || '—'}</dd>
            <dt>{t('incident.techniques')}</dt>
            <dd className="mono">{detection.techniques.join(' · ') || '—'}</dd>
            <dt>{t('detection.source')}</dt>
            <dd className="mono">{detection.sourceKey}</dd>
            <dt>{t('detection.firstAt')}</dt>
            <dd>
              <Time value={detection.firstSeenAt} as="full" />
            </dd>
            <dt>{t('incident.created')}</dt>
            <dd>
              <Time value={detection.createdAt} as="full" />
            </dd>
          </dl>
        </section>
        <section>
          <h3>{t('detection.evidence')}</h3>
          <ul>
            {detection.eventIds.map((eventId) => (
              <li key={eventId} className="mono">
                <Link to={`/events/${encodeURIComponent(eventId)}` as '/'}>{eventId}</Link>
              </li>
            ))}
          </ul>
        </section>
        <section>
          <h3>{t('detection.fields')}</h3>
          <FieldsTable fields={detection.fields} matched={detection.matched} needles={needles} />
        </section>
      </div>
      {excepting ? (
        <ExceptionDialog
          ruleIds={[detection.ruleId]}
          conditions={conditionsOf(detection.entities)}
          reason=""
          onDone={() => setExcepting(false)}
        />
      ) : null}
    </div>
  )
}

/** Which part of the correlation each event of the evidence fulfils. */
function Explanation({ id, kept }: { id: string; kept: number }) {
  const { t } = useTranslation()
  const can = useCan()
  const { data, error } = useQuery({
    queryKey: ['detections', 'explanation', id],
    queryFn: () => answer(api.GET('/api/v1/detections/{id}/explanation', { params: { path: { id } } })),
    enabled: can('event:read') === undefined,
    staleTime: 60_000,
  })
  if (error) return <Problem error={error} />
  if (!data?.correlation) return null
  return (
    <div style={{ marginTop: 10 }}>
      {data.correlation.fires ? null : (
        <p className="soft small">
          {t('correlationWhy.evidence', { stored: formatNumber(data.eventCount), kept: formatNumber(kept) })}
        </p>
      )}
      <CorrelationWhy why={data.correlation} />
    </div>
  )
}
