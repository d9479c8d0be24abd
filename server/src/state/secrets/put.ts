import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { secrets } from '../../seams/store/schema/settings.ts'
import { parseInput } from '../input.ts'
import { ownUnitPath } from '../units/locate.ts'
import { type Context, requireScope, write } from '../write.ts'
import type { MasterKeys } from './master-keys.ts'
import { permissionByPurpose, purposeOf, secretName, storeSecret } from './secret.ts'

const putSecretInput = z.strictObject({
  name: secretName,
  value: z.string().min(1).max(16_384),
})

/**
 * Stores or replaces a secret of the actor's unit. It can be used by the program and replaced, never read back.
 * Throws FORBIDDEN without the permission of its purpose, NOT_FOUND when the name belongs to another unit.
 */
export async function putSecret(
  context: Context,
  keys: MasterKeys,
  input: z.input<typeof putSecretInput>,
): Promise<void> {
  const { name, value } = parseInput(putSecretInput, input)
  const { actor, clock } = context
  const target = `secret:${name}`
  await write(
    context,
    { action: 'secret.put', permission: permissionByPurpose[purposeOf(name)] },
    async (transaction) => {
      const [present] = await transaction
        .select({ unitPath: secrets.unitPath })
        .from(secrets)
        .where(eq(secrets.name, name))
        .for('update')
      if (present) requireScope(actor, present.unitPath, target)
      const unitPath = present?.unitPath ?? ownUnitPath(actor)
      await storeSecret(transaction, { keys, clock, name, unitPath, by: actor.name }, Buffer.from(value))
      return { result: undefined, target, unitPath, detail: { replaced: present !== undefined } }
    },
  )
}
