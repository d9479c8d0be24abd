import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { answer, api, type Schemas } from '../../api/client.ts'
import { inPlaceOf } from '../../api/problem.ts'
import { useSummary } from '../../api/useSummary.ts'
import { earliest, type Tactic, tactics } from '../../ui/attack.ts'
import { formatNumber } from '../../ui/format.ts'
import { Severity } from '../../ui/Severity.tsx'
import { Problem, Skeleton } from '../../ui/States.tsx'
import { Time } from '../../ui/Time.tsx'
import { formatTime } from '../../ui/time.ts'
import { useChangeText } from './useChangeText.ts'

type Entry = Schemas['TimelineEntry']

/** Detections along the stages of an intrusion, then everything in time order, people's acts included. */
export function IncidentTimeline({ id }: { id: number }) {
  const { t } = useTranslation()
  const changeText = useChangeText()
  const summaryOf = useSummary()
  const [stage, setStage] = useState<Tactic | null>(null)
  const timeline = useQuery({
    queryKey: ['incidents', 'timeline', id],
    queryFn: () =>
      answer(api.GET('/api/v1/incidents/{id}/timeline', { params: { path: { id }, query: { limit: 500 } } })),
  })
  const detections = useQuery({
    queryKey: ['detections', 'incident', id],
    queryFn: () => answer(api.GET('/api/v1/detections', { params: { query: { incident: id, limit: 500 } } })),
  })
  const stages = useMemo(() => {
    const byStage = new Map<Tactic, { first: number; count: number }>()
    for (const detection of detections.data?.items ?? []) {
      for (const tactic of tactics) {
        if (!detection.tactics.includes(tactic)) continue
        const at = Date.parse(detection.firstSeenAt)
        const known = byStage.get(tactic)
        byStage.set(tactic, {
          first: Math.min(at, known?.first ?? at),
          count: (known?.count ?? 0) + detection.matchCount,
        })
      }
    }
    return byStage
  }, [detections.data])
  const byId = useMemo(
    () => new Map(detections.data?.items.map((detection) => [detection.id, detection])),
    [detections.data],
  )
  if (inPlaceOf(timeline.data, timeline.error))
    return <Problem error={timeline.error} onRetry={() => void timeline.refetch()} />
  if (!timeline.data) return <Skeleton rows={8} />
  const detectionOf = (entry: Entry) =>
    entry.kind === 'detection'
      ? byId.get(String(entry.detail.detectionId ?? entry.id.replace(/^detection:/, '')))
      : undefined
  /** Why it was sent and what came of the attempt, with the receiver's answer. */
  const deliveryText = ({ text, detail }: Entry) => {
    const occasion = (['opened', 'severity_raised', 'closed', 'sent'] as const).find((name) => name === detail.occasion)
    const outcome = t(`notification.status.${detail.ok === true ? 'delivered' : 'failed'}`)
    return `${occasion ? `${t(`notification.occasion.${occasion}`)} · ` : ''}${outcome} (${text})`
  }
  const shown = timeline.data.items.filter((entry) => stage === null || detectionOf(entry)?.tactics.includes(stage))
  return (
    <>
      <section>
        <h3>{t('incident.stages')}</h3>
        <div
          className="stages"
          data-testid="stages"
          style={{
            gridTemplateColumns: tactics
              .map((tactic) => (stages.has(tactic) ? 'minmax(64px, 4fr)' : 'minmax(8px, 1fr)'))
              .join(' '),
          }}
        >
          {tactics.map((tactic) => {
            const reached = stages.get(tactic)
            return (
              <button
                key={tactic}
                type="button"
                className={`stage ${reached ? 'reached' : ''} ${stage === tactic ? 'on' : ''}`}
                disabled={!reached}
                aria-pressed={stage === tactic}
                title={`${t(`tactic.${tactic}`)} · ${reached ? formatTime(reached.first) : t('incident.notReached')}`}
                onClick={() => setStage(stage === tactic ? null : tactic)}
              >
                <span>{t(`tactic.${tactic}`)}</span>
                {reached ? <b className="number">{formatNumber(reached.count)}</b> : null}
              </button>
            )
          })}
        </div>
      </section>
      <section>
        <h3>{stage === null ? t('incident.inOrder') : t(`tactic.${stage}`)}</h3>
        <ol className="timeline">
          {shown.map((entry) => {
            const detection = detectionOf(entry)
            const tactic = detection ? earliest(detection.tactics) : undefined
            return (
              <li key={entry.id} data-kind={entry.kind}>
                <Time value={entry.at} />
                <span className="timeline-mark">
                  {detection ? (
                    <Severity value={detection.severity} bare />
                  ) : (
                    <span aria-hidden="true" className="faint">
                      {{ detection: '◆', comment: '✎', change: '⟳', delivery: '✉' }[entry.kind]}
                    </span>
                  )}
                </span>
                <div>
                  {detection ? (
                    <Link to={`/detections/${encodeURIComponent(detection.id)}` as '/'}>{summaryOf(detection)}</Link>
                  ) : (
                    <span>
                      {entry.kind === 'change'
                        ? changeText(entry)
                        : entry.kind === 'delivery'
                          ? deliveryText(entry)
                          : entry.text}
                    </span>
                  )}
                  <div className="faint small">
                    {tactic ? `${t(`tactic.${tactic}`)} · ` : ''}
                    {detection ? detection.techniques.join(' ') : t(`incident.entry.${entry.kind}`)}
                    {entry.actor && entry.actor !== 'correlate' ? ` · ${entry.actor}` : ''}
                    {detection && detection.matchCount > 1 ? ` · ×${formatNumber(detection.matchCount)}` : ''}
                  </div>
                </div>
              </li>
            )
          })}
        </ol>
        {shown.length === 0 ? <p className="faint">{t('incident.nothingYet')}</p> : null}
      </section>
    </>
  )
}
