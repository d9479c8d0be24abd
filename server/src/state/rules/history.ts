import { and, count, eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import { ruleChanges } from '../../seams/store/schema/rules.ts'
import { parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { type Context, read } from '../write.ts'
import type { RuleState } from './load-states.ts'

const ruleHistoryQuery = z.strictObject({ ...pageQuery, ruleId: z.string().max(128) })

const newestFirst: Keyset = {
  name: 'id',
  column: sql`${ruleChanges.id}`,
  id: sql`${ruleChanges.id}`,
  direction: 'desc',
}

/** Who switched a rule when and why, newest first. */
export async function listRuleHistory(
  context: Context,
  query: z.input<typeof ruleHistoryQuery>,
): Promise<Page<Omit<RuleState, 'version'>>> {
  const { limit, cursor, ruleId } = parseInput(ruleHistoryQuery, query)
  return read(context, 'rule:read', async (database) => {
    const filter = eq(ruleChanges.ruleId, ruleId)
    const rows = await database
      .select()
      .from(ruleChanges)
      .where(and(filter, afterCursor(newestFirst, cursor)))
      .orderBy(orderBy(newestFirst))
      .limit(limit + 1)
    const [counted] = await database.select({ total: count() }).from(ruleChanges).where(filter)
    return pageOf(
      newestFirst,
      rows,
      limit,
      counted?.total ?? 0,
      (row) => [row.id, row.id],
      ({ id: _, ...state }) => state,
    )
  })
}
