import { and, desc, inArray, isNotNull, type SQL, sql } from 'drizzle-orm'
import type { Severity } from '../../event/event.ts'
import type { Bilingual } from '../../event/incident.ts'
import { incidents } from '../../seams/store/schema/incidents.ts'
import type { Context } from '../write.ts'
import { read } from '../write.ts'
import { openStatuses, severities, visibleTo } from './incident.ts'

/** Figures for the overview, of the actor's units. */
export interface IncidentCounts {
  open: number
  unassigned: number
  mine: number
  openBySeverity: Record<Severity, number>
  openedLastDay: number
  closedLastDay: number
  /** Milliseconds from opening to the first time a person took it in hand, mean over those of the last 30 days; null when there are none. */
  meanTimeToAcknowledgeMs: number | null
  /** Milliseconds from opening to closing, likewise. */
  meanTimeToCloseMs: number | null
  /** Incidents opened in each of the last 24 hours, oldest first; `at` is the start of the hour. */
  openedPerHour: { at: Date; count: number }[]
  /** Open ones, worst first. */
  top: { id: number; title: Bilingual; severity: Severity; score: number; status: string; lastSeenAt: Date }[]
}

const hourMs = 3_600_000
const topLimit = 10

export async function countIncidents(context: Context): Promise<IncidentCounts> {
  const { actor, clock } = context
  const nowMs = clock.now()
  const since = (ms: number) => new Date(nowMs - ms)
  const ownId = actor.kind === 'user' && /^\d+$/.test(actor.id) ? Number(actor.id) : -1
  return read(context, 'incident:read', async (database) => {
    const isOpen = inArray(incidents.status, [...openStatuses])
    const countIf = (condition: SQL | undefined) => sql<number>`(count(*) FILTER (WHERE ${condition}))::int`
    const meanMs = (from: SQL, to: SQL) => sql<number | null>`(avg(extract(epoch FROM ${to} - ${from}) * 1000)
      FILTER (WHERE ${to} >= ${since(30 * 24 * hourMs)}))::float8`
    const opened = sql`${incidents.openedAt}`
    const [figures] = await database
      .select({
        open: countIf(isOpen),
        unassigned: countIf(and(isOpen, sql`${incidents.assigneeId} IS NULL`)),
        mine: countIf(and(isOpen, sql`${incidents.assigneeId} = ${ownId}`)),
        openedLastDay: countIf(sql`${opened} >= ${since(24 * hourMs)}`),
        closedLastDay: countIf(sql`${incidents.closedAt} >= ${since(24 * hourMs)}`),
        meanTimeToAcknowledgeMs: meanMs(opened, sql`${incidents.acknowledgedAt}`),
        meanTimeToCloseMs: meanMs(opened, sql`${incidents.closedAt}`),
      })
      .from(incidents)
      .where(visibleTo(actor))
    const bySeverity = await database
      .select({ severity: incidents.severity, count: sql<number>`count(*)::int` })
      .from(incidents)
      .where(and(visibleTo(actor), isOpen))
      .groupBy(incidents.severity)
    const firstHourMs = Math.floor(nowMs / hourMs) * hourMs - 23 * hourMs
    const hour = sql<number>`floor(extract(epoch FROM ${incidents.openedAt}) / 3600)::int`
    const perHour = await database
      .select({ hour, count: sql<number>`count(*)::int` })
      .from(incidents)
      .where(
        and(visibleTo(actor), isNotNull(incidents.openedAt), sql`${incidents.openedAt} >= ${new Date(firstHourMs)}`),
      )
      .groupBy(hour)
    const top = await database
      .select()
      .from(incidents)
      .where(and(visibleTo(actor), isOpen))
      .orderBy(desc(incidents.severityRank), desc(incidents.score), desc(incidents.id))
      .limit(topLimit)
    const counts = new Map(bySeverity.map((row) => [row.severity, row.count]))
    const hours = new Map(perHour.map((row) => [row.hour * hourMs, row.count]))
    return {
      ...figures!,
      openBySeverity: Object.fromEntries(severities.map((one) => [one, counts.get(one) ?? 0])) as Record<
        Severity,
        number
      >,
      openedPerHour: Array.from({ length: 24 }, (_, index) => {
        const atMs = firstHourMs + index * hourMs
        return { at: new Date(atMs), count: hours.get(atMs) ?? 0 }
      }),
      top: top.map(({ id, titleZh, titleEn, severity, score, status, lastSeenAt }) => {
        return { id, title: { zh: titleZh, en: titleEn }, severity, score, status, lastSeenAt }
      }),
    }
  })
}
