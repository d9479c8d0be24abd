import { and, count, eq, gt, isNull, sql } from 'drizzle-orm'
import { z } from 'zod'
import { sessions, units, users } from '../../seams/store/schema/identity.ts'
import { booleanQuery, idNumber, parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { withinUnit } from '../scope.ts'
import { type Context, read } from '../write.ts'
import { idleMs } from './session-token.ts'

const listSessionsQuery = z.strictObject({
  ...pageQuery,
  userId: idNumber.optional(),
  /** Ended and lapsed ones too. */
  all: booleanQuery.default(false),
})

export interface Session {
  id: string
  userId: number
  userName: string
  createdAt: Date
  lastSeenAt: Date
  expiresAt: Date
  address: string
  userAgent: string
  endedAt: Date | null
  endReason: string | null
}

const { id, userId, createdAt, lastSeenAt, expiresAt, address, userAgent, endedAt, endReason } = sessions
const columns = {
  id,
  userId,
  userName: users.name,
  createdAt,
  lastSeenAt,
  expiresAt,
  address,
  userAgent,
  endedAt,
  endReason,
}

const newestFirst: Keyset = { name: 'createdAt', column: sql`${createdAt}`, id: sql`${id}`, direction: 'desc' }

/** Sessions, newest first: one's own, and with `user:write` those of everybody in the actor's units. */
export async function listSessions(
  context: Context,
  query: z.input<typeof listSessionsQuery> = {},
): Promise<Page<Session>> {
  const { limit, cursor, all, ...filters } = parseInput(listSessionsQuery, query)
  const { actor, clock, database } = context
  const ofOthers = actor.permissions.has('user:write')
  return read(context, ofOthers ? 'user:write' : 'self', async () => {
    const now = new Date(clock.now())
    const live = and(isNull(endedAt), gt(expiresAt, now), gt(lastSeenAt, new Date(now.getTime() - idleMs)))
    const filter = and(
      ofOthers ? withinUnit(units.path, actor.unitPath) : eq(userId, Number(actor.id)),
      filters.userId === undefined ? undefined : eq(userId, filters.userId),
      all ? undefined : live,
    )
    const rows = await database
      .select(columns)
      .from(sessions)
      .innerJoin(users, eq(users.id, userId))
      .innerJoin(units, eq(units.id, users.unitId))
      .where(and(filter, afterCursor(newestFirst, cursor)))
      .orderBy(orderBy(newestFirst))
      .limit(limit + 1)
    const [counted] = await database
      .select({ total: count() })
      .from(sessions)
      .innerJoin(users, eq(users.id, userId))
      .innerJoin(units, eq(units.id, users.unitId))
      .where(filter)
    return pageOf(
      newestFirst,
      rows,
      limit,
      counted?.total ?? 0,
      (row) => [row.createdAt, row.id],
      (row) => row,
    )
  })
}
