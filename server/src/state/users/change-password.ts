import { and, eq } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { users } from '../../seams/store/schema/identity.ts'
import { appendAudit } from '../audit/append.ts'
import { parseInput } from '../input.ts'
import { endSessionsOf } from '../sessions/end.ts'
import { clearSignInLimit, confirmFailure, releaseAttempt, reserveAttempt } from '../sessions/limits.ts'
import { type Context, read, write } from '../write.ts'
import { hashPassword, requireStrongPassword, verifyPassword } from './password.ts'
import { keepInHistory, requireUnusedPassword } from './password-history.ts'

const changePasswordInput = z.strictObject({
  present: z.string().min(1).max(512),
  next: z.string().min(1).max(512),
})

/**
 * Changes one's own password and ends one's other sessions. Throws PASSWORD_WEAK naming the rule, SIGN_IN_FAILED when the
 * present password is wrong (counted like a failed sign-in), SIGN_IN_LOCKED, CONFLICT when it was changed meanwhile.
 */
export async function changePassword(
  context: Context,
  input: z.input<typeof changePasswordInput>,
  sessionId: string,
): Promise<void> {
  const { present, next } = parseInput(changePasswordInput, input)
  const { actor, clock, database } = context
  const id = Number(actor.id)
  const [user] = await read(context, 'self', () => database.select().from(users).where(eq(users.id, id)))
  if (!user) throw new CodedError('NOT_FOUND', `user:${id} was not found`, { target: `user:${id}` })
  await read(context, 'self', () => requirePresentPassword(context, user.name, user.passwordHash, present))
  requireStrongPassword(next, user.name)
  await read(context, 'self', () => requireUnusedPassword(database, id, user.passwordHash, next))
  const passwordHash = await hashPassword(next)
  await write(context, { action: 'user.change-password', permission: 'self' }, async (transaction) => {
    await keepInHistory(transaction, clock, id, user.passwordHash)
    const changed = await transaction
      .update(users)
      .set({
        passwordHash,
        passwordChangedAt: new Date(clock.now()),
        mustChangePassword: false,
        oneTimePasswordUntil: null,
      })
      .where(and(eq(users.id, id), eq(users.passwordHash, user.passwordHash)))
      .returning({ id: users.id })
    if (changed.length === 0) throw new CodedError('CONFLICT', 'The password was changed meanwhile', { id })
    await clearSignInLimit(transaction, user.name)
    const endedSessions = await endSessionsOf(transaction, clock, id, 'password', sessionId)
    return { result: undefined, target: `user:${id}`, unitPath: actor.unitPath, detail: { endedSessions } }
  })
}

/** Whoever holds a stolen session does not get to guess: attempts count with those of signing in. */
export async function requirePresentPassword(
  context: Context,
  name: string,
  hash: string,
  password: string,
): Promise<void> {
  const { actor, clock, database } = context
  const address = actor.address ?? ''
  await reserveAttempt(database, clock, name, address)
  const matches = await verifyPassword(hash, password).catch(async (error: unknown) => {
    await releaseAttempt(database, name, address)
    throw error
  })
  if (matches) return releaseAttempt(database, name, address)
  await database.transaction(async (transaction) => {
    const locks = await confirmFailure(transaction, clock, name, address)
    const detail = { reason: 'password', locked: locks.length > 0 }
    const target = `user:${actor.id}`
    await appendAudit(transaction, clock, {
      actor,
      action: 'user.password-refused',
      target,
      unitPath: actor.unitPath,
      detail,
    })
  })
  throw new CodedError('SIGN_IN_FAILED', 'The present password is wrong')
}
