import { eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import { secrets } from '../../seams/store/schema/settings.ts'
import type { Database, Transaction } from '../../seams/store/store.ts'
import type { Permission } from '../actor.ts'
import type { MasterKeys } from './master-keys.ts'
import { open, seal } from './seal.ts'

/** What people may keep secrets for, and the permission to put and remove them. `totp:` is the program's own. */
export const permissionByPurpose = {
  notification: 'notification:write',
  source: 'source:write',
  setting: 'settings:write',
} as const satisfies Record<string, Permission>

export type SecretPurpose = keyof typeof permissionByPurpose

/** `purpose:name`. */
export const secretName = z
  .string()
  .regex(
    /^(notification|source|setting):[a-z0-9][a-z0-9._-]{0,99}$/,
    'a purpose (notification, source, setting), a colon and a name',
  )

export function purposeOf(name: string): SecretPurpose {
  return name.slice(0, name.indexOf(':')) as SecretPurpose
}

/** Stores or replaces a secret in the caller's transaction, which audits it. */
export async function storeSecret(
  transaction: Transaction,
  { keys, clock, name, unitPath, by }: { keys: MasterKeys; clock: Clock; name: string; unitPath: string; by: string },
  value: Buffer,
): Promise<void> {
  // Before the master key is read: a rotation (rotate.ts) waits for us, or we for it and then use its new key.
  await transaction.execute(sql`LOCK TABLE ${secrets} IN ROW EXCLUSIVE MODE`)
  const row = { unitPath, ...seal(keys, clock, name, value), updatedAt: new Date(clock.now()), updatedBy: by }
  await transaction
    .insert(secrets)
    .values({ name, ...row })
    .onConflictDoUpdate({ target: secrets.name, set: row })
}

/** The value, for the program's own use; never for an answer. Throws NOT_FOUND, SECRET_UNREADABLE. */
export async function loadSecret(database: Database | Transaction, keys: MasterKeys, name: string): Promise<Buffer> {
  const [row] = await database.select().from(secrets).where(eq(secrets.name, name))
  if (!row) throw new CodedError('NOT_FOUND', `secret:${name} was not found`, { target: `secret:${name}` })
  return open(keys, name, row)
}
