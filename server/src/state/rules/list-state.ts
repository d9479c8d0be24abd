import { and, count, eq, inArray, sql } from 'drizzle-orm'
import { z } from 'zod'
import { ruleStates } from '../../seams/store/schema/rules.ts'
import { booleanQuery, parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { type Context, read } from '../write.ts'
import type { RuleState } from './load-states.ts'

const listRuleStatesQuery = z.strictObject({
  ...pageQuery,
  ruleIds: z.array(z.string().max(128)).max(500).optional(),
  enabled: booleanQuery.optional(),
})

const byRule: Keyset = {
  name: 'rule',
  column: sql`${ruleStates.ruleId}`,
  id: sql`${ruleStates.ruleId}`,
  direction: 'asc',
}

/** Rules that people switched on or off. They hold for the whole platform, so everybody with `rule:read` sees them. */
export async function listRuleStates(
  context: Context,
  query: z.input<typeof listRuleStatesQuery> = {},
): Promise<Page<RuleState>> {
  const { limit, cursor, ruleIds, enabled } = parseInput(listRuleStatesQuery, query)
  return read(context, 'rule:read', async (database) => {
    const filter = and(
      ruleIds ? inArray(ruleStates.ruleId, ruleIds) : undefined,
      enabled === undefined ? undefined : eq(ruleStates.enabled, enabled),
    )
    const rows = await database
      .select()
      .from(ruleStates)
      .where(and(filter, afterCursor(byRule, cursor)))
      .orderBy(orderBy(byRule))
      .limit(limit + 1)
    const [counted] = await database.select({ total: count() }).from(ruleStates).where(filter)
    return pageOf(
      byRule,
      rows,
      limit,
      counted?.total ?? 0,
      (row) => [row.ruleId, row.ruleId],
      (row) => row,
    )
  })
}
