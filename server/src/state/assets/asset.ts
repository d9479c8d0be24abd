import { and, eq, getTableColumns, inArray, sql } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { canonicalNetwork } from '../../lib/ip-network.ts'
import { assetHosts, assetNetworks, assets } from '../../seams/store/schema/assets.ts'
import type { Database, Transaction } from '../../seams/store/store.ts'
import type { Actor } from '../actor.ts'
import { idNumber, nameText } from '../input.ts'
import { withinUnit } from '../scope.ts'

export const criticalities = ['low', 'medium', 'high', 'critical'] as const

export interface Asset {
  id: number
  name: string
  kind: string
  /** Addresses and ranges, canonical. */
  addresses: string[]
  /** Lower case; one that begins with a dot stands for everything below that domain. */
  hostNames: string[]
  criticality: (typeof criticalities)[number]
  owner: string | null
  unitId: number
  unitPath: string
  tags: string[]
  /** Rises with every change a person makes. */
  version: number
  createdAt: Date
  updatedAt: Date
}

const address = z
  .string()
  .max(64)
  .transform((text, context) => {
    const network = canonicalNetwork(text)
    if (network !== undefined) return network
    const message = `${JSON.stringify(text)} is no address and no range`
    context.addIssue({ code: 'custom', message, params: { problem: 'address', text } })
    return z.NEVER
  })

/** Labels as DNS has them, and underscores as Windows has them; Chinese labels are written as they are. */
const hostName = z
  .string()
  .max(255)
  .transform((text) => text.trim().normalize('NFC').toLowerCase().replace(/\.$/, ''))
  .pipe(z.string().regex(/^\.?[\p{L}\p{N}_]([\p{L}\p{N}_.-]*[\p{L}\p{N}_])?$/u, 'is no host name'))

const unique = <Item>(items: Item[]) => [...new Set(items)]

/** What people tell of an asset. */
export const assetFacts = {
  name: nameText(200),
  kind: nameText(50),
  addresses: z.array(address).max(100).transform(unique),
  hostNames: z.array(hostName).max(100).transform(unique),
  criticality: z.enum(criticalities),
  owner: nameText(200).nullable(),
  tags: z.array(nameText(64)).max(50).transform(unique),
}

/** A whole asset, with what is assumed when it is left out. */
export const wholeAsset = {
  ...assetFacts,
  kind: assetFacts.kind.default('server'),
  addresses: assetFacts.addresses.default([]),
  hostNames: assetFacts.hostNames.default([]),
  criticality: assetFacts.criticality.default('medium'),
  owner: assetFacts.owner.default(null),
  tags: assetFacts.tags.default([]),
  /** The actor's unit unless named. */
  unitId: idNumber.optional(),
}

/** Columns of `Asset`, for a query over assets. PostgreSQL writes single addresses without their length. */
export const assetColumns = {
  ...getTableColumns(assets),
  addresses: sql<
    string[]
  >`array(SELECT CASE WHEN masklen(n.network) = CASE family(n.network) WHEN 4 THEN 32 ELSE 128 END
    THEN host(n.network) ELSE n.network::text END FROM asset_networks n WHERE n.asset_id = assets.id ORDER BY n.network)`,
  hostNames: sql<string[]>`array(SELECT h.name FROM asset_hosts h WHERE h.asset_id = assets.id ORDER BY h.name)`,
}

/** The asset, when in the actor's units; throws NOT_FOUND otherwise. With `lock` it stays as it is until the transaction ends. */
export async function locateAsset(
  database: Database | Transaction,
  actor: Actor,
  id: number,
  options: { lock?: boolean } = {},
): Promise<Asset> {
  const query = database
    .select(assetColumns)
    .from(assets)
    .where(and(eq(assets.id, id), withinUnit(assets.unitPath, actor.unitPath)))
  const [asset] = await (options.lock ? query.for('update') : query)
  if (!asset) throw new CodedError('NOT_FOUND', `asset:${id} was not found`, { target: `asset:${id}` })
  return asset
}

/** Replaces the addresses and host names of an asset. */
export async function replacePlaces(
  transaction: Transaction,
  assetId: number,
  { addresses, hostNames }: Pick<Asset, 'addresses' | 'hostNames'>,
): Promise<void> {
  await transaction.delete(assetNetworks).where(inArray(assetNetworks.assetId, [assetId]))
  await transaction.delete(assetHosts).where(inArray(assetHosts.assetId, [assetId]))
  if (addresses.length > 0)
    await transaction.insert(assetNetworks).values(addresses.map((network) => ({ assetId, network })))
  if (hostNames.length > 0) await transaction.insert(assetHosts).values(hostNames.map((name) => ({ assetId, name })))
}
