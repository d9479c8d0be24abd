import { and, count, gt, isNull, lte, or, type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { exceptions } from '../../seams/store/schema/incidents.ts'
import { booleanQuery, parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { containsText, withinUnit } from '../scope.ts'
import { type Context, read } from '../write.ts'
import { type Exception, exceptionView } from './exception.ts'

const listExceptionsQuery = z.strictObject({
  ...pageQuery,
  rule: z.string().max(256).optional(),
  /** Part of the name or the reason. */
  text: z.string().max(200).optional(),
  /** Only those in force, or only those that ended. */
  active: booleanQuery.optional(),
})

const newestFirst: Keyset = {
  name: 'createdAt',
  column: sql`${exceptions.createdAt}`,
  id: sql`${exceptions.id}`,
  direction: 'desc',
}

/** Exceptions of the actor's units, ended ones too, newest first. */
export async function listExceptions(
  context: Context,
  query: z.input<typeof listExceptionsQuery> = {},
): Promise<Page<Exception>> {
  const { limit, cursor, rule, text, active } = parseInput(listExceptionsQuery, query)
  const nowMs = context.clock.now()
  const filter = and(
    withinUnit(exceptions.unitPath, context.actor.unitPath),
    rule ? sql`${exceptions.ruleIds} @> ARRAY[${rule}]` : undefined,
    text ? or(containsText(exceptions.name, text), containsText(exceptions.reason, text)) : undefined,
    active === undefined ? undefined : isActive(active, new Date(nowMs)),
  )
  return read(context, 'detection:read', async (database) => {
    const rows = await database
      .select()
      .from(exceptions)
      .where(and(filter, afterCursor(newestFirst, cursor)))
      .orderBy(orderBy(newestFirst))
      .limit(limit + 1)
    const [counted] = await database.select({ total: count() }).from(exceptions).where(filter)
    return pageOf(
      newestFirst,
      rows,
      limit,
      counted?.total ?? 0,
      (row) => [row.createdAt, row.id],
      (row) => exceptionView(row, nowMs),
    )
  })
}

function isActive(wanted: boolean, now: Date): SQL | undefined {
  if (wanted) return and(isNull(exceptions.removedAt), gt(exceptions.expiresAt, now))
  return or(sql`${exceptions.removedAt} IS NOT NULL`, lte(exceptions.expiresAt, now))
}
