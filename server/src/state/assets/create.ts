import { z } from 'zod'
import { assets } from '../../seams/store/schema/assets.ts'
import type { Transaction } from '../../seams/store/store.ts'
import type { Actor } from '../actor.ts'
import { parseInput } from '../input.ts'
import { locateUnit, ownUnitId } from '../units/locate.ts'
import { type Context, write } from '../write.ts'
import { type Asset, locateAsset, replacePlaces, wholeAsset } from './asset.ts'
import { requireClaims } from './claims.ts'

const createAssetInput = z.strictObject(wholeAsset)

/**
 * Adds an asset. Throws NOT_FOUND for a unit outside the actor's, CONFLICT when the unit has one of that name or another
 * unit holds an address or name, FORBIDDEN for an address or name that was not given to the unit (claims.ts).
 */
export async function createAsset(context: Context, input: z.input<typeof createAssetInput>): Promise<Asset> {
  const facts = parseInput(createAssetInput, input)
  const now = new Date(context.clock.now())
  return write(context, { action: 'asset.create', permission: 'source:write' }, async (transaction) => {
    const asset = await insertAsset(transaction, context.actor, facts, now)
    const { id: _, createdAt: __, updatedAt: ___, ...detail } = asset
    return { result: asset, target: `asset:${asset.id}`, unitPath: asset.unitPath, detail }
  })
}

/** The work of `createAsset`, in the caller's transaction, which audits it. */
export async function insertAsset(
  transaction: Transaction,
  actor: Actor,
  { unitId, addresses, hostNames, ...facts }: z.output<typeof createAssetInput>,
  now: Date,
): Promise<Asset> {
  const unit = await locateUnit(transaction, actor, unitId ?? ownUnitId(actor), 'share')
  await requireClaims(transaction, actor, { id: null, unitPath: unit.path, addresses, hostNames })
  const [row] = await transaction
    .insert(assets)
    .values({ ...facts, unitId: unit.id, unitPath: unit.path, createdAt: now, updatedAt: now })
    .returning({ id: assets.id })
  await replacePlaces(transaction, row!.id, { addresses, hostNames })
  return locateAsset(transaction, actor, row!.id)
}
