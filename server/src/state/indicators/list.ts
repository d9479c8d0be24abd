import { and, count, eq, gt, isNull, lte, or, sql } from 'drizzle-orm'
import { z } from 'zod'
import { indicators } from '../../seams/store/schema/assets.ts'
import { booleanQuery, parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { containsText, withinUnit } from '../scope.ts'
import { type Context, read } from '../write.ts'
import { type Indicator, indicatorOf, indicatorTypes } from './indicator.ts'

const listIndicatorsQuery = z.strictObject({
  ...pageQuery,
  /** Part of the value, the description or the origin. */
  text: z.string().max(200).optional(),
  type: z.enum(indicatorTypes).optional(),
  origin: z.string().max(200).optional(),
  active: booleanQuery.optional(),
})

const newestFirst: Keyset = { name: 'id', column: sql`${indicators.id}`, id: sql`${indicators.id}`, direction: 'desc' }

/** Indicators of the actor's unit and those below it, newest first. */
export async function listIndicators(
  context: Context,
  query: z.input<typeof listIndicatorsQuery> = {},
): Promise<Page<Indicator>> {
  const { limit, cursor, text, type, origin, active } = parseInput(listIndicatorsQuery, query)
  return read(context, 'rule:read', async (database) => {
    const now = new Date(context.clock.now())
    const { value, description, expiresAt } = indicators
    const filter = and(
      withinUnit(indicators.unitPath, context.actor.unitPath),
      text
        ? or(containsText(value, text), containsText(description, text), containsText(indicators.origin, text))
        : undefined,
      type ? eq(indicators.type, type) : undefined,
      origin ? eq(indicators.origin, origin) : undefined,
      active === undefined ? undefined : active ? or(isNull(expiresAt), gt(expiresAt, now)) : lte(expiresAt, now),
    )
    const rows = await database
      .select()
      .from(indicators)
      .where(and(filter, afterCursor(newestFirst, cursor)))
      .orderBy(orderBy(newestFirst))
      .limit(limit + 1)
    const [counted] = await database.select({ total: count() }).from(indicators).where(filter)
    return pageOf(
      newestFirst,
      rows,
      limit,
      counted?.total ?? 0,
      (row) => [row.id, row.id],
      (row) => indicatorOf(row, now),
    )
  })
}
