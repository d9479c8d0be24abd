import { and, count, eq, gte, sql, sum } from 'drizzle-orm'
import { z } from 'zod'
import type { Severity } from '../../event/event.ts'
import { ruleFindings } from '../../seams/store/schema/rules.ts'
import { parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { withinUnit } from '../scope.ts'
import { type Context, read } from '../write.ts'

const listQuery = z.strictObject({
  ...pageQuery,
  ruleId: z.string().max(256),
  days: z.coerce.number().int().min(1).max(90).default(7),
})

/** What a rule on trial found: as a detection would be, but nobody was told. */
export interface RuleFinding {
  id: string
  ruleId: string
  /** That found it, on trial. */
  ruleVersion: number
  severity: Severity
  unitPath: string
  firstSeenAt: Date
  lastSeenAt: Date
  matchCount: number
  suppressedBy: number | null
  summary: string
  summaryZh: string | null
  eventIds: string[]
  entities: { type: string; value: string }[]
}

const newestFirst: Keyset = {
  name: 'lastSeenAt',
  column: sql`${ruleFindings.lastSeenAt}`,
  id: sql`${ruleFindings.id}`,
  direction: 'desc',
}

/** Findings of a rule on trial in the actor's units, newest first, with the firings in all of them. */
export async function listRuleFindings(
  context: Context,
  query: z.input<typeof listQuery>,
): Promise<Page<RuleFinding> & { firings: number }> {
  const { limit, cursor, ruleId, days } = parseInput(listQuery, query)
  const { actor, clock } = context
  return read(context, 'detection:read', async (database) => {
    const filter = and(
      eq(ruleFindings.ruleId, ruleId),
      withinUnit(ruleFindings.unitPath, actor.unitPath),
      gte(ruleFindings.lastSeenAt, new Date(clock.now() - days * 86_400_000)),
    )
    const rows = await database
      .select()
      .from(ruleFindings)
      .where(and(filter, afterCursor(newestFirst, cursor)))
      .orderBy(orderBy(newestFirst))
      .limit(limit + 1)
    const [counted] = await database
      .select({ total: count(), firings: sum(ruleFindings.matchCount).mapWith(Number) })
      .from(ruleFindings)
      .where(filter)
    type Row = (typeof rows)[number]
    const place = (row: Row): [Date, string] => [row.lastSeenAt, row.id]
    const page = pageOf(newestFirst, rows, limit, counted?.total ?? 0, place, findingOf)
    return { ...page, firings: counted?.firings ?? 0 }
  })
}

/** The parts of a folded detection that are shown. */
interface Kept {
  sample: { summary: string; summaryZh: string | null }
  evidence: [number, string][]
  entities: { type: string; value: string }[]
}

function findingOf({ detection, createdAt: _, updatedAt: __, ...row }: typeof ruleFindings.$inferSelect): RuleFinding {
  const { sample, evidence, entities } = detection as unknown as Kept
  return {
    ...row,
    summary: sample.summary,
    summaryZh: sample.summaryZh,
    eventIds: evidence.map(([, id]) => id),
    entities: entities.map(({ type, value }) => ({ type, value })),
  }
}
