import { z } from 'zod'
import type { Clock } from '../../seams/clock/clock.ts'
import { users } from '../../seams/store/schema/identity.ts'
import { idNumber, parseInput } from '../input.ts'
import { locateUnit } from '../units/locate.ts'
import { type Context, requirePermission, write } from '../write.ts'
import { hashPassword, oneTimePassword } from './password.ts'
import { displayName, loadUser, oneTimePasswordLifetimeMs, roles, type User, userName } from './user.ts'

const createUserInput = z.strictObject({
  name: userName,
  displayName: displayName.optional(),
  unitId: idNumber,
  role: z.enum(roles),
})

/** The new user, and the one-time password: told here once, kept only as a hash. */
export interface CreatedUser {
  user: User
  oneTimePassword: string
}

/** Adds a person with one role. Throws NOT_FOUND for a unit outside the actor's, CONFLICT when the name is taken. */
export async function createUser(
  context: Context,
  input: z.input<typeof createUserInput>,
  lifetimeMs: number | null = oneTimePasswordLifetimeMs,
): Promise<CreatedUser> {
  const { name, unitId, role, ...rest } = parseInput(createUserInput, input)
  requirePermission(context.actor, 'user:write')
  const password = oneTimePassword(context.clock)
  const passwordFacts = await oneTimePasswordFacts(context.clock, password, lifetimeMs)
  const user = await write(context, { action: 'user.create', permission: 'user:write' }, async (transaction) => {
    const unit = await locateUnit(transaction, context.actor, unitId, 'share')
    const values = { name, displayName: rest.displayName ?? name, unitId, role, ...passwordFacts }
    const [row] = await transaction
      .insert(users)
      .values({ ...values, createdAt: passwordFacts.passwordChangedAt })
      .returning({ id: users.id })
    const created = await loadUser(transaction, context.actor, row!.id)
    return { result: created, target: `user:${created.id}`, unitPath: unit.path, detail: { name, role, unitId } }
  })
  return { user, oneTimePassword: password }
}

/** Columns of a password that must be changed at the next sign-in. */
export async function oneTimePasswordFacts(clock: Clock, password: string, lifetimeMs: number | null) {
  const nowMs = clock.now()
  return {
    passwordHash: await hashPassword(password),
    passwordChangedAt: new Date(nowMs),
    mustChangePassword: true,
    oneTimePasswordUntil: lifetimeMs === null ? null : new Date(nowMs + lifetimeMs),
  }
}
