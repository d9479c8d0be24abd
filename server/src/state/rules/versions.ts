import { and, count, eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import { rulePromotions, ruleVersions } from '../../seams/store/schema/rules.ts'
import { parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { type Context, read } from '../write.ts'
import { ruleIdText, ruleNotFound } from './rule.ts'

export type RuleVersion = Omit<typeof ruleVersions.$inferSelect, 'yaml' | 'samples' | 'isImported'>
export type RulePromotion = typeof rulePromotions.$inferSelect

const listQuery = z.strictObject({ ...pageQuery, ruleId: ruleIdText })

const byVersion: Keyset = {
  name: 'version',
  column: sql`${ruleVersions.version}`,
  id: sql`${ruleVersions.version}`,
  direction: 'desc',
}

/** Versions of a rule without their texts, newest first. */
export async function listRuleVersions(context: Context, query: z.input<typeof listQuery>): Promise<Page<RuleVersion>> {
  const { limit, cursor, ruleId } = parseInput(listQuery, query)
  return read(context, 'rule:read', async (database) => {
    const filter = eq(ruleVersions.ruleId, ruleId)
    const rows = await database
      .select({
        ruleId: ruleVersions.ruleId,
        version: ruleVersions.version,
        note: ruleVersions.note,
        check: ruleVersions.check,
        sampleResult: ruleVersions.sampleResult,
        createdAt: ruleVersions.createdAt,
        createdBy: ruleVersions.createdBy,
      })
      .from(ruleVersions)
      .where(and(filter, afterCursor(byVersion, cursor)))
      .orderBy(orderBy(byVersion))
      .limit(limit + 1)
    const [counted] = await database.select({ total: count() }).from(ruleVersions).where(filter)
    const place = (row: RuleVersion): [number, number] => [row.version, row.version]
    return pageOf(byVersion, rows, limit, counted?.total ?? 0, place, (row) => row)
  })
}

/** One version with its text and samples. Throws NOT_FOUND. */
export async function getRuleVersion(
  context: Context,
  ruleId: string,
  version: number,
): Promise<typeof ruleVersions.$inferSelect> {
  return read(context, 'rule:read', async (database) => {
    const [row] = await database
      .select()
      .from(ruleVersions)
      .where(and(eq(ruleVersions.ruleId, ruleId), eq(ruleVersions.version, version)))
    if (!row) throw ruleNotFound(`${ruleId} version ${version}`)
    return row
  })
}

/** The last steps of a rule towards the stream and back, newest first. */
export async function listRulePromotions(context: Context, ruleId: string): Promise<RulePromotion[]> {
  return read(context, 'rule:read', (database) =>
    database
      .select()
      .from(rulePromotions)
      .where(eq(rulePromotions.ruleId, ruleId))
      .orderBy(sql`${rulePromotions.id} DESC`)
      .limit(200),
  )
}
