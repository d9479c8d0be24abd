import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { assets } from '../../seams/store/schema/assets.ts'
import type { Transaction } from '../../seams/store/store.ts'
import type { Actor } from '../actor.ts'
import { idNumber, parseInput } from '../input.ts'
import { locateUnit } from '../units/locate.ts'
import { nextVersion, requireVersion } from '../version.ts'
import { type Context, write } from '../write.ts'
import { type Asset, assetFacts, locateAsset, replacePlaces } from './asset.ts'
import { requireClaims } from './claims.ts'

const changes = z.strictObject({ ...assetFacts, unitId: idNumber }).partial()

const updateAssetInput = changes.extend({ id: idNumber })

/** Changes an asset. Throws as `createAsset` does, and NOT_FOUND for an asset outside the actor's units. */
export async function updateAsset(context: Context, input: z.input<typeof updateAssetInput>): Promise<Asset> {
  const { id, ...facts } = parseInput(updateAssetInput, input)
  const now = new Date(context.clock.now())
  return write(context, { action: 'asset.update', permission: 'source:write' }, async (transaction) => {
    const before = await locateAsset(transaction, context.actor, id, { lock: true })
    await requireVersion(transaction, context, `asset:${id}`, before.version)
    const { after, changed } = await changeAsset(transaction, context.actor, before, facts, now)
    const pick = (asset: Asset) => Object.fromEntries(changed.map((key) => [key, asset[key]]))
    const detail = { name: before.name, before: pick(before), after: pick(after) }
    return { result: after, target: `asset:${id}`, unitPath: before.unitPath, detail, unchanged: changed.length === 0 }
  })
}

/** The work of `updateAsset`, in the caller's transaction, which audits it. Answers which facts changed. */
export async function changeAsset(
  transaction: Transaction,
  actor: Actor,
  before: Asset,
  facts: z.output<typeof changes>,
  now: Date,
): Promise<{ after: Asset; changed: (keyof Asset)[] }> {
  const wanted = {
    ...before,
    ...Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)),
  } as Asset
  const changed = (Object.keys(facts) as (keyof typeof facts)[]).filter((key) => !same(before[key], wanted[key]))
  if (changed.length === 0) return { after: before, changed }
  const unit = await locateUnit(transaction, actor, wanted.unitId, 'share')
  const movesUnit = unit.id !== before.unitId
  const { addresses, hostNames } = wanted
  const fresh = {
    addresses: addresses.filter((address) => movesUnit || !before.addresses.includes(address)),
    hostNames: hostNames.filter((name) => movesUnit || !before.hostNames.includes(name)),
  }
  await requireClaims(transaction, actor, { id: before.id, unitPath: unit.path, addresses, hostNames }, fresh)
  const { name, kind, criticality, owner, tags } = wanted
  const place = { unitId: unit.id, unitPath: unit.path }
  const row = { name, kind, criticality, owner, tags, ...place, updatedAt: now, version: nextVersion(assets.version) }
  await transaction.update(assets).set(row).where(eq(assets.id, before.id))
  await replacePlaces(transaction, before.id, { addresses, hostNames })
  return { after: await locateAsset(transaction, actor, before.id), changed }
}

/** Lists hold the same when they have the same members: their order is not kept. */
function same(left: unknown, right: unknown): boolean {
  if (!Array.isArray(left) || !Array.isArray(right)) return left === right
  return left.length === right.length && left.every((item) => right.includes(item))
}
