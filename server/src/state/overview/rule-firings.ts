import { and, isNull, sql } from 'drizzle-orm'
import { detections } from '../../seams/store/schema/incidents.ts'
import { withinUnit } from '../scope.ts'
import { type Context, read } from '../write.ts'

export interface RuleFirings {
  lastFiredAt: Date | null
  firedCount: number
  firedCountLastDay: number
}

const dayMs = 86_400_000

/** How often each rule fired in the actor's units, by rule id; firings an exception hid are left out. */
export async function countRuleFirings(context: Context): Promise<Map<string, RuleFirings>> {
  const since = new Date(context.clock.now() - dayMs).toISOString()
  return read(context, 'detection:read', async (database) => {
    const rows = await database
      .select({
        ruleId: detections.ruleId,
        lastFiredMs: sql<number>`(extract(epoch FROM max(${detections.lastSeenAt})) * 1000)::float8`,
        firedCount: sql<number>`sum(${detections.matchCount})::float8`,
        firedCountLastDay: sql<number>`coalesce(sum(${detections.matchCount})
          FILTER (WHERE ${detections.lastSeenAt} >= ${since}::timestamptz), 0)::float8`,
      })
      .from(detections)
      .where(and(withinUnit(detections.unitPath, context.actor.unitPath), isNull(detections.suppressedBy)))
      .groupBy(detections.ruleId)
    return new Map(
      rows.map(({ ruleId, lastFiredMs, ...counts }) => [ruleId, { ...counts, lastFiredAt: new Date(lastFiredMs) }]),
    )
  })
}
