import { and, eq, getTableColumns } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { units, users } from '../../seams/store/schema/identity.ts'
import type { Database, Transaction } from '../../seams/store/store.ts'
import type { Actor, Role } from '../actor.ts'
import { nameText } from '../input.ts'
import { withinUnit } from '../scope.ts'

export const roles = [
  'system_administrator',
  'security_manager',
  'security_operator',
  'auditor',
] as const satisfies Role[]

/** A person as others see them: no hash, no seed. */
export interface User {
  id: number
  name: string
  displayName: string
  unitId: number
  unitPath: string
  unitName: string
  role: Role
  disabled: boolean
  mustChangePassword: boolean
  totpEnabled: boolean
  passwordChangedAt: Date
  lastSignInAt: Date | null
  /** Rises with every change an administrator makes of name, role, unit and activity. */
  version: number
  createdAt: Date
}

/** Sign-in name: NFKC and lower case, so that `Ａｄｍｉｎ` is not another person than `admin`. */
export const userName = z
  .string()
  .max(200)
  .transform((text) => normalUserName(text))
  .pipe(z.string().regex(/^[\p{L}\p{N}][\p{L}\p{N}._@-]{1,63}$/u, 'letters, digits and . _ - @, 2 to 64 characters'))

export const displayName = nameText(100)

/** A one-time password that nobody used lapses. */
export const oneTimePasswordLifetimeMs = 7 * 24 * 3_600_000

export function normalUserName(text: string): string {
  return text.normalize('NFKC').trim().toLowerCase()
}

const { id, name, displayName: display, unitId, role, disabled, mustChangePassword, totpEnabled } = users
const { passwordChangedAt, lastSignInAt, version, createdAt } = users

/** Columns of `User`, for a query over users joined with units. */
export const userColumns = {
  ...{ id, name, displayName: display, unitId, unitPath: units.path, unitName: units.name, role, disabled },
  ...{ mustChangePassword, totpEnabled, passwordChangedAt, lastSignInAt, version, createdAt },
}

/** The user with hash and all, locked, when in the actor's units. Throws NOT_FOUND otherwise. */
export async function locateUser(transaction: Transaction, actor: Actor, userId: number) {
  const [found] = await transaction
    .select({ ...getTableColumns(users), unitPath: units.path })
    .from(users)
    .innerJoin(units, eq(units.id, users.unitId))
    .where(and(eq(users.id, userId), withinUnit(units.path, actor.unitPath)))
    .for('update', { of: users })
  if (!found) throw new CodedError('NOT_FOUND', `user:${userId} was not found`, { target: `user:${userId}` })
  return found
}

/** The user as others see them, when in the actor's units. Throws NOT_FOUND otherwise. */
export async function loadUser(database: Database | Transaction, actor: Actor, userId: number): Promise<User> {
  const [user] = await database
    .select(userColumns)
    .from(users)
    .innerJoin(units, eq(units.id, users.unitId))
    .where(and(eq(users.id, userId), withinUnit(units.path, actor.unitPath)))
  if (!user) throw new CodedError('NOT_FOUND', `user:${userId} was not found`, { target: `user:${userId}` })
  return user
}
