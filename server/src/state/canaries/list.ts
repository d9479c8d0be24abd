import { and, count, eq, inArray, sql } from 'drizzle-orm'
import { z } from 'zod'
import { canaries } from '../../seams/store/schema/canaries.ts'
import { parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { withinUnit } from '../scope.ts'
import { type Context, read } from '../write.ts'
import { type Canary, canaryStates } from './canary.ts'

const listCanariesQuery = z.strictObject({
  ...pageQuery,
  sourceId: z.string().max(64).optional(),
  ruleId: z.string().max(256).optional(),
  state: z.array(z.enum(canaryStates)).max(10).optional(),
})

const newestFirst: Keyset = {
  name: 'requestedAt',
  column: sql`${canaries.requestedAt}`,
  id: sql`${canaries.id}`,
  direction: 'desc',
}

/** Canaries of the actor's units, the latest first. */
export async function listCanaries(
  context: Context,
  query: z.input<typeof listCanariesQuery> = {},
): Promise<Page<Canary>> {
  const { limit, cursor, sourceId, ruleId, state } = parseInput(listCanariesQuery, query)
  return read(context, 'source:read', async (database) => {
    const filter = and(
      withinUnit(canaries.unitPath, context.actor.unitPath),
      sourceId === undefined ? undefined : eq(canaries.sourceId, sourceId),
      ruleId === undefined ? undefined : eq(canaries.ruleId, ruleId),
      state?.length ? inArray(canaries.state, state) : undefined,
    )
    const rows = await database
      .select()
      .from(canaries)
      .where(and(filter, afterCursor(newestFirst, cursor)))
      .orderBy(orderBy(newestFirst))
      .limit(limit + 1)
    const [counted] = await database.select({ total: count() }).from(canaries).where(filter)
    return pageOf(
      newestFirst,
      rows,
      limit,
      counted?.total ?? 0,
      (row) => [row.requestedAt, row.id],
      (row) => row,
    )
  })
}
