import { eq, ne, sql } from 'drizzle-orm'
import { secrets } from '../../seams/store/schema/settings.ts'
import type { Transaction } from '../../seams/store/store.ts'
import { rootUnitPath } from '../units/unit.ts'
import { type Context, requireScope, write } from '../write.ts'
import type { MasterKeys } from './master-keys.ts'
import { rewrap } from './seal.ts'

/**
 * Makes a new master key and wraps every data key with it, in one transaction; the old keys leave the file only after
 * the commit, so that a crash at any moment leaves every secret readable. The key file is changed under the table's lock
 * alone, so that two rotations never cross. Answers how many secrets were wrapped anew.
 */
export async function rotateMasterKey(context: Context, keys: MasterKeys): Promise<number> {
  requireScope(context.actor, rootUnitPath, 'master-key')
  const rotated = await write(
    context,
    { action: 'secret.rotate', permission: 'settings:write' },
    async (transaction) => {
      await lockSecrets(transaction)
      const fresh = keys.add()
      const rows = await transaction.select().from(secrets).where(ne(secrets.keyId, fresh.id))
      for (const row of rows) {
        const wrapped = rewrap(keys, context.clock, row.name, row)
        await transaction.update(secrets).set(wrapped).where(eq(secrets.name, row.name))
      }
      const target = `master-key:${fresh.id}`
      return { result: rows.length, target, unitPath: rootUnitPath, detail: { secrets: rows.length } }
    },
  )
  // unaudited: the rotation above is audited; here the key file alone is changed, under the table's lock.
  await context.database.transaction(async (transaction) => {
    await lockSecrets(transaction)
    const used = await transaction.selectDistinct({ keyId: secrets.keyId }).from(secrets)
    keys.drop(keys.former().filter((id) => !used.some((row) => row.keyId === id)))
  })
  return rotated
}

/** No secret is written while we hold it. */
async function lockSecrets(transaction: Transaction): Promise<void> {
  await transaction.execute(sql`LOCK TABLE ${secrets} IN EXCLUSIVE MODE`)
}
