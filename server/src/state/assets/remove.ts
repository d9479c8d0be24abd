import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { assets } from '../../seams/store/schema/assets.ts'
import { idNumber, parseInput } from '../input.ts'
import { requireVersion } from '../version.ts'
import { type Context, write } from '../write.ts'
import { locateAsset } from './asset.ts'

const removeAssetInput = z.strictObject({ id: idNumber })

/** Removes an asset; the audit row keeps what it was. Throws NOT_FOUND outside the actor's units. */
export async function removeAsset(context: Context, input: z.input<typeof removeAssetInput>): Promise<void> {
  const { id } = parseInput(removeAssetInput, input)
  await write(context, { action: 'asset.remove', permission: 'source:write' }, async (transaction) => {
    const asset = await locateAsset(transaction, context.actor, id, { lock: true })
    await requireVersion(transaction, context, `asset:${id}`, asset.version)
    await transaction.delete(assets).where(eq(assets.id, id))
    return { result: undefined, target: `asset:${id}`, unitPath: asset.unitPath, detail: { ...asset } }
  })
}
