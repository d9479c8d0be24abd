import { and, gte, isNull, lt, sql } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import type { Severity } from '../../event/event.ts'
import { detections } from '../../seams/store/schema/incidents.ts'
import { parseInput } from '../input.ts'
import { withinUnit } from '../scope.ts'
import { type Context, read } from '../write.ts'

const bucketMs = 10 * 60_000
const stepsMax = 500
const rulesMax = 200

const countByRuleQuery = z.strictObject({
  /** Event time. */
  from: z.date(),
  to: z.date(),
  /** A multiple of ten minutes, the span detections are counted by. */
  stepMs: z
    .number()
    .int()
    .min(bucketMs)
    .multipleOf(bucketMs)
    .default(6 * bucketMs),
  rule: z.string().max(256).optional(),
})

export interface RuleCounts {
  ruleId: string
  title: string
  titleZh: string | null
  severity: Severity
  /** Firings and detections in the whole span. */
  matchCount: number
  detectionCount: number
  /** Firings of each step; `at` is its start. Steps without any are left out. */
  steps: { at: Date; matchCount: number; detectionCount: number }[]
}

/** How often each rule fired over time in the actor's units, hidden firings left out; the most frequent rules first. */
export async function countByRule(context: Context, query: z.input<typeof countByRuleQuery>): Promise<RuleCounts[]> {
  const { from, to, stepMs, rule } = parseInput(countByRuleQuery, query)
  if (from >= to || (to.getTime() - from.getTime()) / stepMs > stepsMax) {
    throw new CodedError('BAD_REQUEST', `The time range must hold one to ${stepsMax} steps`, { from, to, stepMs })
  }
  return read(context, 'detection:read', async (database) => {
    const step = sql<number>`floor(extract(epoch FROM ${detections.bucketAt}) * 1000 / ${stepMs}::float8) * ${stepMs}::float8`
    const rows = await database
      .select({
        ruleId: detections.ruleId,
        title: sql<string>`max(${detections.ruleTitle})`,
        severity: sql<Severity>`(array_agg(${detections.severity} ORDER BY ${detections.severityRank} DESC))[1]`,
        step,
        titleZh: sql<string | null>`max(${detections.ruleTitleZh})`,
        matchCount: sql<number>`sum(${detections.matchCount})::float8`,
        detectionCount: sql<number>`count(*)::int`,
      })
      .from(detections)
      .where(
        and(
          withinUnit(detections.unitPath, context.actor.unitPath),
          gte(detections.bucketAt, from),
          lt(detections.bucketAt, to),
          isNull(detections.suppressedBy),
          rule ? sql`${detections.ruleId} = ${rule}` : undefined,
        ),
      )
      .groupBy(detections.ruleId, sql`4`)
      .orderBy(sql`4`)
    return gather(rows)
  })
}

interface Counted {
  ruleId: string
  title: string
  titleZh: string | null
  severity: Severity
  step: number
  matchCount: number
  detectionCount: number
}

function gather(rows: Counted[]): RuleCounts[] {
  const byRule = new Map<string, RuleCounts>()
  for (const { step, matchCount, detectionCount, ...rule } of rows) {
    const counts = byRule.get(rule.ruleId) ?? { ...rule, matchCount: 0, detectionCount: 0, steps: [] }
    counts.matchCount += matchCount
    counts.detectionCount += detectionCount
    counts.steps.push({ at: new Date(step), matchCount, detectionCount })
    byRule.set(rule.ruleId, counts)
  }
  return [...byRule.values()].sort((a, b) => b.matchCount - a.matchCount).slice(0, rulesMax)
}
