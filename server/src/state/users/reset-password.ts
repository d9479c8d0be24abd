import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { users } from '../../seams/store/schema/identity.ts'
import { idNumber, parseInput } from '../input.ts'
import { endSessionsOf } from '../sessions/end.ts'
import { clearSignInLimit } from '../sessions/limits.ts'
import { type Context, requirePermission, write } from '../write.ts'
import { oneTimePasswordFacts } from './create.ts'
import { oneTimePassword } from './password.ts'
import { keepInHistory } from './password-history.ts'
import { locateUser, oneTimePasswordLifetimeMs } from './user.ts'

const resetPasswordInput = z.strictObject({ id: idNumber })

/**
 * Gives a person a new one-time password, ends their sessions and lifts a lock of their account. The password is told
 * here once. Throws NOT_FOUND outside the actor's units, CONFLICT for one's own account (that is changing, not resetting).
 */
export async function resetPassword(
  context: Context,
  input: z.input<typeof resetPasswordInput>,
): Promise<{ oneTimePassword: string }> {
  const { id } = parseInput(resetPasswordInput, input)
  const { actor, clock } = context
  requirePermission(actor, 'user:write')
  if (actor.kind === 'user' && actor.id === String(id)) {
    throw new CodedError('CONFLICT', 'One changes one’s own password with the present one', { id })
  }
  const password = oneTimePassword(clock)
  const facts = await oneTimePasswordFacts(clock, password, oneTimePasswordLifetimeMs)
  await write(context, { action: 'user.reset-password', permission: 'user:write' }, async (transaction) => {
    const user = await locateUser(transaction, actor, id)
    await keepInHistory(transaction, clock, id, user.passwordHash)
    await transaction.update(users).set(facts).where(eq(users.id, id))
    await clearSignInLimit(transaction, user.name)
    const endedSessions = await endSessionsOf(transaction, clock, id, 'password')
    return {
      result: undefined,
      target: `user:${id}`,
      unitPath: user.unitPath,
      detail: { name: user.name, endedSessions },
    }
  })
  return { oneTimePassword: password }
}
