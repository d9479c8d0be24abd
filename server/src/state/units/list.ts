import { and, count, eq, or, sql } from 'drizzle-orm'
import { z } from 'zod'
import { units } from '../../seams/store/schema/identity.ts'
import { idNumber, parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { containsText, withinUnit } from '../scope.ts'
import { type Context, read } from '../write.ts'
import { type Unit, unitKinds } from './unit.ts'

const listUnitsQuery = z.strictObject({
  ...pageQuery,
  /** Part of the name, or of the code. */
  text: z.string().max(200).optional(),
  /** Direct children of this unit only. */
  parentId: idNumber.optional(),
  kind: z.enum(unitKinds).optional(),
})

export interface ListedUnit extends Unit {
  childCount: number
  userCount: number
}

const byPath: Keyset = { name: 'path', column: sql`${units.path}`, id: sql`${units.id}`, direction: 'asc' }

/** The actor's unit and those below it; a parent always stands before its children. */
export async function listUnits(
  context: Context,
  query: z.input<typeof listUnitsQuery> = {},
): Promise<Page<ListedUnit>> {
  const { limit, cursor, text, parentId, kind } = parseInput(listUnitsQuery, query)
  return read(context, 'unit:read', async (database) => {
    const filter = and(
      withinUnit(units.path, context.actor.unitPath),
      text ? or(containsText(units.name, text), containsText(units.code, text)) : undefined,
      parentId === undefined ? undefined : eq(units.parentId, parentId),
      kind ? eq(units.kind, kind) : undefined,
    )
    // In a query over one table drizzle names columns without their table: in the subqueries it is spelled out.
    const rows = await database
      .select({
        unit: units,
        childCount: sql<number>`(SELECT count(*)::int FROM units c WHERE c.parent_id = units.id)`,
        userCount: sql<number>`(SELECT count(*)::int FROM users u WHERE u.unit_id = units.id)`,
      })
      .from(units)
      .where(and(filter, afterCursor(byPath, cursor)))
      .orderBy(orderBy(byPath))
      .limit(limit + 1)
    const [counted] = await database.select({ total: count() }).from(units).where(filter)
    return pageOf(
      byPath,
      rows,
      limit,
      counted?.total ?? 0,
      ({ unit }) => [unit.path, unit.id],
      ({ unit, ...counts }) => ({ ...unit, ...counts }),
    )
  })
}
