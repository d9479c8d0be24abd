import { and, count, eq, gt, inArray, lt, or, sql } from 'drizzle-orm'
import { z } from 'zod'
import { runs } from '../../seams/store/schema/runs.ts'
import { idNumber, parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { containsText, withinUnit } from '../scope.ts'
import { locateUnit } from '../units/locate.ts'
import { type Context, read } from '../write.ts'
import { type Run, runCauses, runKinds, runStates } from './run.ts'

const listRunsQuery = z.strictObject({
  ...pageQuery,
  kind: z.array(z.enum(runKinds)).max(10).optional(),
  state: z.array(z.enum(runStates)).max(10).optional(),
  cause: z.array(z.enum(runCauses)).max(10).optional(),
  subjectId: z.string().max(256).optional(),
  /** Part of the title or the id of what ran. */
  text: z.string().max(200).optional(),
  unitId: idNumber.optional(),
  /** Windows that reach into this time. */
  from: z.date().optional(),
  to: z.date().optional(),
})

const newestFirst: Keyset = {
  name: 'startedAt',
  column: sql`${runs.startedAt}`,
  id: sql`${runs.id}`,
  direction: 'desc',
}

/** Runs of the actor's units, the latest first. */
export async function listRuns(context: Context, query: z.input<typeof listRunsQuery> = {}): Promise<Page<Run>> {
  const { limit, cursor, kind, state, cause, subjectId, text, unitId, from, to } = parseInput(listRunsQuery, query)
  return read(context, 'rule:read', async (database) => {
    const { actor } = context
    const top = unitId === undefined ? actor.unitPath : (await locateUnit(database, actor, unitId)).path
    const filter = and(
      withinUnit(runs.unitPath, top),
      kind?.length ? inArray(runs.kind, kind) : undefined,
      state?.length ? inArray(runs.state, state) : undefined,
      cause?.length ? inArray(runs.cause, cause) : undefined,
      subjectId === undefined ? undefined : eq(runs.subjectId, subjectId),
      text
        ? or(containsText(runs.title, text), containsText(runs.titleZh, text), containsText(runs.subjectId, text))
        : undefined,
      from ? gt(runs.windowTo, from) : undefined,
      to ? lt(runs.windowFrom, to) : undefined,
    )
    const rows = await database
      .select()
      .from(runs)
      .where(and(filter, afterCursor(newestFirst, cursor)))
      .orderBy(orderBy(newestFirst))
      .limit(limit + 1)
    const [counted] = await database.select({ total: count() }).from(runs).where(filter)
    return pageOf(
      newestFirst,
      rows,
      limit,
      counted?.total ?? 0,
      (row) => [row.startedAt, row.id],
      (row) => row,
    )
  })
}
