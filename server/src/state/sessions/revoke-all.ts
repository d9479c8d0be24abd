import { z } from 'zod'
import { idNumber, parseInput } from '../input.ts'
import { locateUser } from '../users/user.ts'
import { type Context, write } from '../write.ts'
import { endSessionsOf } from './end.ts'

const revokeAllSessionsInput = z.strictObject({
  userId: idNumber,
  /** This one stays: the session the request came with. */
  exceptId: z.string().max(64).optional(),
})

/** Ends all sessions of oneself, or with `user:write` of anybody in the actor's units. Answers how many. Throws NOT_FOUND for others. */
export async function revokeAllSessions(
  context: Context,
  input: z.input<typeof revokeAllSessionsInput>,
): Promise<number> {
  const { userId, exceptId } = parseInput(revokeAllSessionsInput, input)
  const { actor, clock } = context
  const isOwn = actor.kind === 'user' && actor.id === String(userId)
  return write(
    context,
    { action: 'session.revoke-all', permission: isOwn ? 'self' : 'user:write' },
    async (transaction) => {
      const user = await locateUser(transaction, actor, userId)
      const ended = await endSessionsOf(transaction, clock, userId, 'revoked', exceptId)
      const detail = { name: user.name, ended }
      return { result: ended, target: `user:${userId}`, unitPath: user.unitPath, detail }
    },
  )
}
