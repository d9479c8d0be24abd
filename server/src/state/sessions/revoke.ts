import { and, eq, isNull } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { sessions, units, users } from '../../seams/store/schema/identity.ts'
import { parseInput } from '../input.ts'
import { withinUnit } from '../scope.ts'
import { type Context, write } from '../write.ts'

const revokeSessionInput = z.strictObject({ id: z.string().max(64) })

/**
 * Ends a session: one's own, or with `user:write` anybody's in the actor's units. Ending one that has ended does nothing.
 * Throws NOT_FOUND for any other.
 */
export async function revokeSession(context: Context, input: z.input<typeof revokeSessionInput>): Promise<void> {
  const { id } = parseInput(revokeSessionInput, input)
  await endSession(context, id, { action: 'session.revoke', endReason: 'revoked' })
}

/** Ends the session the request came with. */
export async function signOut(context: Context, sessionId: string): Promise<void> {
  await endSession(context, sessionId, { action: 'session.sign-out', endReason: 'signed_out' })
}

async function endSession(
  context: Context,
  id: string,
  { action, endReason }: { action: string; endReason: 'revoked' | 'signed_out' },
): Promise<void> {
  const { actor, clock } = context
  const ofOthers = actor.permissions.has('user:write')
  await write(context, { action, permission: ofOthers ? 'user:write' : 'self' }, async (transaction) => {
    const mayEnd = ofOthers ? withinUnit(units.path, actor.unitPath) : eq(sessions.userId, Number(actor.id))
    const [session] = await transaction
      .select({ userId: sessions.userId, userName: users.name, unitPath: units.path })
      .from(sessions)
      .innerJoin(users, eq(users.id, sessions.userId))
      .innerJoin(units, eq(units.id, users.unitId))
      .where(and(eq(sessions.id, id), mayEnd))
    const target = `session:${id}`
    if (!session) throw new CodedError('NOT_FOUND', `${target} was not found`, { target })
    const ended = await transaction
      .update(sessions)
      .set({ endedAt: new Date(clock.now()), endReason })
      .where(and(eq(sessions.id, id), isNull(sessions.endedAt)))
      .returning({ id: sessions.id })
    const detail = { userId: session.userId, userName: session.userName }
    return { result: undefined, target, unitPath: session.unitPath, detail, unchanged: ended.length === 0 }
  })
}
