import { and, count, eq, or, sql } from 'drizzle-orm'
import { z } from 'zod'
import { units, users } from '../../seams/store/schema/identity.ts'
import { booleanQuery, idNumber, parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { containsText, withinUnit } from '../scope.ts'
import { locateUnit } from '../units/locate.ts'
import { type Context, read } from '../write.ts'
import { roles, type User, userColumns } from './user.ts'

const listUsersQuery = z.strictObject({
  ...pageQuery,
  /** Part of the sign-in name or the name shown. */
  text: z.string().max(200).optional(),
  /** This unit and those below it. */
  unitId: idNumber.optional(),
  role: z.enum(roles).optional(),
  disabled: booleanQuery.optional(),
  sort: z.enum(['name', 'createdAt', 'lastSignInAt']).default('name'),
  direction: z.enum(['asc', 'desc']).default('asc'),
})

/** People who never signed in stand as if they had at the epoch, since an order has no nulls. */
const columns = {
  name: sql`${users.name}`,
  createdAt: sql`${users.createdAt}`,
  lastSignInAt: sql`coalesce(${users.lastSignInAt}, 'epoch'::timestamptz)`,
}

/** People of the actor's unit and those below it. */
export async function listUsers(context: Context, query: z.input<typeof listUsersQuery> = {}): Promise<Page<User>> {
  const { limit, cursor, text, unitId, role, disabled, sort, direction } = parseInput(listUsersQuery, query)
  const keyset: Keyset = { name: sort, column: columns[sort], id: sql`${users.id}`, direction }
  return read(context, 'user:read', async (database) => {
    const top = unitId === undefined ? context.actor.unitPath : (await locateUnit(database, context.actor, unitId)).path
    const filter = and(
      withinUnit(units.path, top),
      text ? or(containsText(users.name, text), containsText(users.displayName, text)) : undefined,
      role ? eq(users.role, role) : undefined,
      disabled === undefined ? undefined : eq(users.disabled, disabled),
    )
    const rows = await database
      .select(userColumns)
      .from(users)
      .innerJoin(units, eq(units.id, users.unitId))
      .where(and(filter, afterCursor(keyset, cursor)))
      .orderBy(orderBy(keyset))
      .limit(limit + 1)
    const [counted] = await database
      .select({ total: count() })
      .from(users)
      .innerJoin(units, eq(units.id, users.unitId))
      .where(filter)
    return pageOf(
      keyset,
      rows,
      limit,
      counted?.total ?? 0,
      (user) => [user[sort] ?? new Date(0), user.id],
      (user) => user,
    )
  })
}
