import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { recoveryCodes, users } from '../../seams/store/schema/identity.ts'
import { secrets } from '../../seams/store/schema/settings.ts'
import { idNumber, parseInput } from '../input.ts'
import { endSessionsOf } from '../sessions/end.ts'
import { totpSecretName } from '../sessions/second-factor.ts'
import { type Context, read, write } from '../write.ts'
import { requirePresentPassword } from './change-password.ts'
import { locateUser } from './user.ts'

const removeTotpInput = z.strictObject({
  userId: idNumber,
  /** Needed for one's own. */
  password: z.string().min(1).max(512).optional(),
})

/**
 * Takes a second factor away: one's own with one's password, or with `user:write` that of a person in the actor's units
 * who lost the device, which ends their sessions. Throws SIGN_IN_FAILED when the password is wrong, NOT_FOUND for others.
 */
export async function removeTotp(context: Context, input: z.input<typeof removeTotpInput>): Promise<void> {
  const { userId, password } = parseInput(removeTotpInput, input)
  const { actor, clock, database } = context
  const isOwn = actor.kind === 'user' && actor.id === String(userId)
  if (isOwn) {
    const [user] = await read(context, 'self', () => database.select().from(users).where(eq(users.id, userId)))
    if (!user || password === undefined) throw new CodedError('SIGN_IN_FAILED', 'The present password is needed')
    await read(context, 'self', () => requirePresentPassword(context, user.name, user.passwordHash, password))
  }
  await write(
    context,
    { action: 'user.remove-totp', permission: isOwn ? 'self' : 'user:write' },
    async (transaction) => {
      const user = await locateUser(transaction, actor, userId)
      await transaction.update(users).set({ totpEnabled: false }).where(eq(users.id, userId))
      await transaction.delete(secrets).where(eq(secrets.name, totpSecretName(userId)))
      await transaction.delete(recoveryCodes).where(eq(recoveryCodes.userId, userId))
      const endedSessions = isOwn ? 0 : await endSessionsOf(transaction, clock, userId, 'revoked')
      return {
        result: undefined,
        target: `user:${userId}`,
        unitPath: user.unitPath,
        detail: { name: user.name, endedSessions },
      }
    },
  )
}
