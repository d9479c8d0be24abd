import type { Change } from '../event/change.ts'
import { type IncidentNotice, noticeRules } from '../event/notice.ts'
import { incidentActivity } from '../seams/store/schema/incidents.ts'
import type { Transaction } from '../seams/store/store.ts'
import { systemActor } from '../state/actor.ts'
import type { AuditEntry } from '../state/audit/append.ts'
import { enqueueNotices, type Notice } from '../state/notifications/enqueue.ts'
import type { Surroundings } from './apply.ts'
import { assess, type IncidentState } from './incidents.ts'
import { story, title } from './story.ts'

type Activity = typeof incidentActivity.$inferInsert

/** The stage as the audit and the log of an incident name it. */
const correlateActor = systemActor('correlate')

/**
 * Scores the changed incidents and draws the consequences: what opens, what grows worse, what was merged; for the log of
 * the incident, the audit, the outbox and the live screens. `store` writes the rows that point to the incidents, once
 * these are there.
 */
export async function conclude(transaction: Transaction, incidents: IncidentState[], surroundings: Surroundings) {
  const { attack, settings, nowMs } = surroundings
  const changes: Change[] = []
  const audit: AuditEntry[] = []
  const activity: Activity[] = []
  const notices: Notice[] = []
  let openedCount = 0
  let mergedCount = 0
  for (const incident of incidents) {
    const { opened, raisedFrom } = assess(incident, attack, settings, nowMs)
    const { id, unitPath, severity, score } = incident
    const log = (kind: Activity['kind'], detail: Record<string, unknown>) => {
      const { kind: actorKind, id: actorId, name: actorName } = correlateActor
      activity.push({ incidentId: id, at: new Date(nowMs), actorKind, actorId, actorName, kind, detail })
      const action = kind === 'opened' ? 'incident.open' : kind === 'merged' ? 'incident.merge' : 'incident.raise'
      audit.push({ actor: correlateActor, action, target: `incident:${id}`, unitPath, detail })
    }
    const seen = incident.absorbed.filter(({ wasVisible }) => wasVisible).map((absorbed) => absorbed.id)
    if (opened) {
      openedCount++
      log('opened', { score, severity, continues: incident.continues })
      notices.push({
        cause: `incident:${id}:opened`,
        ...noticeOf(incident, 'opened', surroundings),
      })
    }
    if (seen.length > 0) {
      mergedCount += seen.length
      log('merged', { merged: seen })
    }
    if (raisedFrom) {
      log('severity_raised', { from: raisedFrom, to: severity, score })
      const notice = noticeOf(incident, 'severity_raised', surroundings)
      notices.push({ cause: `incident:${id}:severity:${severity}`, ...notice })
    }
    const tell = (incidentId: number, action: string) =>
      changes.push({ noun: 'incident', id: String(incidentId), unitPath, action, atMs: nowMs })
    if (incident.status !== 'candidate') tell(id, opened ? 'opened' : 'changed')
    for (const merged of seen) tell(merged, 'merged')
  }
  const store = async () => {
    if (activity.length > 0) await transaction.insert(incidentActivity).values(activity)
    await enqueueNotices(transaction, notices, nowMs)
  }
  return { told: { changes, audit, openedCount, mergedCount }, store }
}

function noticeOf(
  { id, facts, severity, score, unitPath }: IncidentState,
  occasion: IncidentNotice['occasion'],
  { attack, utcOffset }: Surroundings,
): IncidentNotice {
  const known = facts!
  return {
    occasion,
    incidentId: id,
    title: title(known, attack),
    story: story(known, attack, utcOffset),
    severity,
    score,
    unitPath,
    firstSeenMs: known.firstMs,
    lastSeenMs: known.lastMs,
    detectionCount: known.detections,
    matchCount: known.matches,
    techniques: [...new Set(known.rules.flatMap((rule) => rule.techniques))].sort(),
    entities: known.entities.slice(0, 20).map(({ type, value, role }) => ({ type, value, role })),
    rules: noticeRules(known),
  }
}
