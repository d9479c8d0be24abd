import { and, count, desc, eq, isNull } from 'drizzle-orm'
import { ruleCollections, rules } from '../../seams/store/schema/rules.ts'
import { type Context, read } from '../write.ts'

export type RuleCollection = Omit<typeof ruleCollections.$inferSelect, 'removedAt' | 'report'> & { ruleCount: number }

const listMax = 500

/** Imported collections, the one renewed last first. They hold for the whole platform. */
export async function listCollections(context: Context): Promise<RuleCollection[]> {
  return read(context, 'rule:read', async (database) => {
    const rows = await database
      .select({ collection: ruleCollections, ruleCount: count(rules.id) })
      .from(ruleCollections)
      .leftJoin(rules, and(eq(rules.collectionId, ruleCollections.id), isNull(rules.removedAt)))
      .where(isNull(ruleCollections.removedAt))
      .groupBy(ruleCollections.id)
      .orderBy(desc(ruleCollections.updatedAt))
      .limit(listMax)
    return rows.map(({ collection: { removedAt: _, report: __, ...rest }, ruleCount }) => ({ ...rest, ruleCount }))
  })
}
