import { and, count, eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import { ruleJobs } from '../../seams/store/schema/rules.ts'
import { idNumber, parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { withinUnit } from '../scope.ts'
import { type Context, read } from '../write.ts'
import { jobNotFound, type RuleJob } from './job.ts'

const listQuery = z.strictObject({
  ...pageQuery,
  ruleId: z.string().max(128).optional(),
  kind: z.enum(['back_test', 'import']).optional(),
})

const newestFirst: Keyset = { name: 'id', column: sql`${ruleJobs.id}`, id: sql`${ruleJobs.id}`, direction: 'desc' }

/** Jobs of the actor's units, newest first. */
export async function listRuleJobs(context: Context, query: z.input<typeof listQuery> = {}): Promise<Page<RuleJob>> {
  const { limit, cursor, ruleId, kind } = parseInput(listQuery, query)
  return read(context, 'rule:read', async (database) => {
    const filter = and(
      withinUnit(ruleJobs.unitPath, context.actor.unitPath),
      ruleId === undefined ? undefined : eq(ruleJobs.ruleId, ruleId),
      kind === undefined ? undefined : eq(ruleJobs.kind, kind),
    )
    const rows = await database
      .select()
      .from(ruleJobs)
      .where(and(filter, afterCursor(newestFirst, cursor)))
      .orderBy(orderBy(newestFirst))
      .limit(limit + 1)
    const [counted] = await database.select({ total: count() }).from(ruleJobs).where(filter)
    const place = (row: RuleJob): [number, number] => [row.id, row.id]
    return pageOf(newestFirst, rows, limit, counted?.total ?? 0, place, (row) => row)
  })
}

const getInput = z.strictObject({ id: idNumber })

/** One job. Throws NOT_FOUND for what another unit did. */
export async function getRuleJob(context: Context, input: z.input<typeof getInput>): Promise<RuleJob> {
  const { id } = parseInput(getInput, input)
  return read(context, 'rule:read', async (database) => {
    const [row] = await database
      .select()
      .from(ruleJobs)
      .where(and(eq(ruleJobs.id, id), withinUnit(ruleJobs.unitPath, context.actor.unitPath)))
    if (!row) throw jobNotFound(id)
    return row
  })
}
