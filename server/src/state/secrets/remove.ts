import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { secrets } from '../../seams/store/schema/settings.ts'
import { parseInput } from '../input.ts'
import { type Context, write } from '../write.ts'
import { permissionByPurpose, purposeOf, secretName } from './secret.ts'

const removeSecretInput = z.strictObject({ name: secretName })

/** Throws FORBIDDEN without the permission of its purpose, NOT_FOUND outside the actor's units. */
export async function removeSecret(context: Context, input: z.input<typeof removeSecretInput>): Promise<void> {
  const { name } = parseInput(removeSecretInput, input)
  const target = `secret:${name}`
  await write(
    context,
    { action: 'secret.remove', permission: permissionByPurpose[purposeOf(name)] },
    async (transaction) => {
      const [removed] = await transaction
        .delete(secrets)
        .where(eq(secrets.name, name))
        .returning({ unitPath: secrets.unitPath })
      if (!removed) throw new CodedError('NOT_FOUND', `${target} was not found`, { target })
      return { result: undefined, target, unitPath: removed.unitPath }
    },
  )
}
