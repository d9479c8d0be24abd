import { and, count, eq, gt, isNull, or, sql } from 'drizzle-orm'
import { z } from 'zod'
import { tokens, units, users } from '../../seams/store/schema/identity.ts'
import { booleanQuery, parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { containsText, withinUnit } from '../scope.ts'
import { type Context, read } from '../write.ts'
import { type Token, tokenColumns } from './token.ts'

const listTokensQuery = z.strictObject({
  ...pageQuery,
  /** Part of the name. */
  text: z.string().max(200).optional(),
  /** Revoked and lapsed ones too. */
  all: booleanQuery.default(false),
})

const newestFirst: Keyset = {
  name: 'createdAt',
  column: sql`${tokens.createdAt}`,
  id: sql`${tokens.id}`,
  direction: 'desc',
}

/** Tokens, newest first: one's own, and with `token:write` all of the actor's units. */
export async function listTokens(context: Context, query: z.input<typeof listTokensQuery> = {}): Promise<Page<Token>> {
  const { limit, cursor, text, all } = parseInput(listTokensQuery, query)
  const { actor, clock } = context
  const ofOthers = actor.permissions.has('token:write')
  return read(context, ofOthers ? 'token:write' : 'self', async (database) => {
    const now = new Date(clock.now())
    const filter = and(
      ofOthers ? withinUnit(units.path, actor.unitPath) : eq(tokens.ownerId, Number(actor.id)),
      text ? containsText(tokens.name, text) : undefined,
      all ? undefined : and(isNull(tokens.revokedAt), or(isNull(tokens.expiresAt), gt(tokens.expiresAt, now))),
    )
    const rows = await database
      .select(tokenColumns)
      .from(tokens)
      .innerJoin(units, eq(units.id, tokens.unitId))
      .leftJoin(users, eq(users.id, tokens.ownerId))
      .where(and(filter, afterCursor(newestFirst, cursor)))
      .orderBy(orderBy(newestFirst))
      .limit(limit + 1)
    const [counted] = await database
      .select({ total: count() })
      .from(tokens)
      .innerJoin(units, eq(units.id, tokens.unitId))
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
