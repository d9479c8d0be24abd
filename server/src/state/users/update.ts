import { and, eq, ne, sql } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { users } from '../../seams/store/schema/identity.ts'
import type { Transaction } from '../../seams/store/store.ts'
import { idNumber, parseInput } from '../input.ts'
import { endSessionsOf } from '../sessions/end.ts'
import { locateUnit } from '../units/locate.ts'
import { rootUnitId } from '../units/unit.ts'
import { nextVersion, requireVersion } from '../version.ts'
import { type Context, write } from '../write.ts'
import { displayName, loadUser, locateUser, roles, type User } from './user.ts'

const updateUserInput = z.strictObject({
  id: idNumber,
  displayName: displayName.optional(),
  role: z.enum(roles).optional(),
  unitId: idNumber.optional(),
  disabled: z.boolean().optional(),
})

/**
 * Changes a person's name, role, unit or whether they may sign in. A new role, a new unit and disabling end all sessions.
 * Throws NOT_FOUND outside the actor's units, CONFLICT when it is the actor's own role, unit or account, and when no
 * system administrator of the root unit would be left.
 */
export async function updateUser(context: Context, input: z.input<typeof updateUserInput>): Promise<User> {
  const { id, ...changes } = parseInput(updateUserInput, input)
  return write(context, { action: 'user.update', permission: 'user:write' }, async (transaction) => {
    await lockAdministrators(transaction)
    const user = await locateUser(transaction, context.actor, id)
    await requireVersion(transaction, context, `user:${id}`, user.version)
    const before = { displayName: user.displayName, role: user.role, unitId: user.unitId, disabled: user.disabled }
    const after = { ...before, ...defined(changes) }
    const powers = after.role !== before.role || after.unitId !== before.unitId || after.disabled !== before.disabled
    if (powers && isActor(context, id)) {
      throw new CodedError('CONFLICT', 'Nobody changes their own role, unit or account', { id })
    }
    if (after.unitId !== before.unitId) await locateUnit(transaction, context.actor, after.unitId, 'share')
    await transaction
      .update(users)
      .set({ ...after, version: nextVersion(users.version) })
      .where(eq(users.id, id))
    if (powers) await requireAdministrator(transaction)
    const reason = endReason(before, after)
    const endedSessions = reason ? await endSessionsOf(transaction, context.clock, id, reason) : 0
    const result = await loadUser(transaction, context.actor, id)
    return { result, target: `user:${id}`, unitPath: user.unitPath, detail: { before, after, endedSessions } }
  })
}

type Powers = Pick<typeof users.$inferSelect, 'role' | 'unitId' | 'disabled'>

function endReason(before: Powers, after: Powers): 'disabled' | 'role' | 'unit' | undefined {
  if (after.disabled && !before.disabled) return 'disabled'
  if (after.role !== before.role) return 'role'
  return after.unitId !== before.unitId ? 'unit' : undefined
}

function isActor({ actor }: Context, id: number): boolean {
  return actor.kind === 'user' && actor.id === String(id)
}

function defined<Value extends object>(value: Value): Partial<Value> {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as Partial<Value>
}

const isAdministrator = and(
  eq(users.role, 'system_administrator'),
  eq(users.unitId, rootUnitId),
  ne(users.disabled, true),
)

/** So that two administrators who disable each other at once do not both succeed. */
async function lockAdministrators(transaction: Transaction): Promise<void> {
  await transaction.execute(sql`SELECT id FROM ${users} WHERE ${isAdministrator} ORDER BY id FOR UPDATE`)
}

async function requireAdministrator(transaction: Transaction): Promise<void> {
  const [left] = await transaction.select({ id: users.id }).from(users).where(isAdministrator).limit(1)
  if (!left) throw new CodedError('CONFLICT', 'The last system administrator of the root unit must stay', {})
}
