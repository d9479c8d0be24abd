import { and, eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { tokens, units } from '../../seams/store/schema/identity.ts'
import { parseInput } from '../input.ts'
import { withinUnit } from '../scope.ts'
import { type Context, write } from '../write.ts'

const revokeTokenInput = z.strictObject({ id: z.string().max(64) })

/**
 * Ends a token and every token it made: one's own, or with `token:write` any of the actor's units. Throws NOT_FOUND for others.
 * Answers how many ended.
 */
export async function revokeToken(context: Context, input: z.input<typeof revokeTokenInput>): Promise<number> {
  const { id } = parseInput(revokeTokenInput, input)
  const { actor, clock } = context
  const ofOthers = actor.permissions.has('token:write')
  return write(
    context,
    { action: 'token.revoke', permission: ofOthers ? 'token:write' : 'self' },
    async (transaction) => {
      const mayEnd = ofOthers ? withinUnit(units.path, actor.unitPath) : eq(tokens.ownerId, Number(actor.id))
      const [token] = await transaction
        .select({ name: tokens.name, unitPath: units.path })
        .from(tokens)
        .innerJoin(units, eq(units.id, tokens.unitId))
        .where(and(eq(tokens.id, id), mayEnd))
        .for('update', { of: tokens })
      const target = `token:${id}`
      if (!token) throw new CodedError('NOT_FOUND', `${target} was not found`, { target })
      const { rows } = await transaction.execute(sql`
      WITH RECURSIVE made (id) AS (
        SELECT id FROM ${tokens} WHERE id = ${id}
        UNION SELECT t.id FROM ${tokens} t JOIN made ON t.parent_id = made.id)
      UPDATE ${tokens} SET revoked_at = ${new Date(clock.now()).toISOString()}::timestamptz
      WHERE id IN (SELECT id FROM made) AND revoked_at IS NULL RETURNING id`)
      const detail = { name: token.name, ended: rows.length }
      // One's own token may belong to a unit one has left.
      const unitPath = ofOthers ? token.unitPath : actor.unitPath
      return { result: rows.length, target, unitPath, detail, unchanged: rows.length === 0 }
    },
  )
}
