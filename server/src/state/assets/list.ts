import { and, count, eq, or, sql } from 'drizzle-orm'
import { z } from 'zod'
import { canonicalIp } from '../../lib/ip-address.ts'
import { assets } from '../../seams/store/schema/assets.ts'
import { idNumber, parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { containsText, withinUnit } from '../scope.ts'
import { locateUnit } from '../units/locate.ts'
import { type Context, read } from '../write.ts'
import { type Asset, assetColumns, criticalities } from './asset.ts'

const listAssetsQuery = z.strictObject({
  ...pageQuery,
  /** Part of the name, of a host name, of the owner; or an address that lies in one of the asset's ranges. */
  text: z.string().max(200).optional(),
  criticality: z.enum(criticalities).optional(),
  kind: z.string().max(50).optional(),
  tag: z.string().max(64).optional(),
  /** This unit and those below it. */
  unitId: idNumber.optional(),
  sort: z.enum(['name', 'createdAt', 'updatedAt']).default('name'),
  direction: z.enum(['asc', 'desc']).default('asc'),
})

const columns = { name: sql`${assets.name}`, createdAt: sql`${assets.createdAt}`, updatedAt: sql`${assets.updatedAt}` }

/** Assets of the actor's unit and those below it. */
export async function listAssets(context: Context, query: z.input<typeof listAssetsQuery> = {}): Promise<Page<Asset>> {
  const { limit, cursor, text, criticality, kind, tag, unitId, sort, direction } = parseInput(listAssetsQuery, query)
  const keyset: Keyset = { name: sort, column: columns[sort], id: sql`${assets.id}`, direction }
  return read(context, 'source:read', async (database) => {
    const top = unitId === undefined ? context.actor.unitPath : (await locateUnit(database, context.actor, unitId)).path
    const filter = and(
      withinUnit(assets.unitPath, top),
      text ? matches(text) : undefined,
      criticality ? eq(assets.criticality, criticality) : undefined,
      kind ? eq(assets.kind, kind) : undefined,
      tag ? sql`${tag} = ANY(${assets.tags})` : undefined,
    )
    const rows = await database
      .select(assetColumns)
      .from(assets)
      .where(and(filter, afterCursor(keyset, cursor)))
      .orderBy(orderBy(keyset))
      .limit(limit + 1)
    const [counted] = await database.select({ total: count() }).from(assets).where(filter)
    return pageOf(
      keyset,
      rows,
      limit,
      counted?.total ?? 0,
      (asset) => [asset[sort], asset.id],
      (asset) => asset,
    )
  })
}

function matches(text: string) {
  const address = canonicalIp(text.trim())
  if (address !== undefined) {
    return sql`assets.id IN (SELECT n.asset_id FROM asset_networks n WHERE n.network >>= ${address}::inet)`
  }
  const hostName = sql`assets.id IN (SELECT h.asset_id FROM asset_hosts h WHERE ${containsText(sql`h.name`, text)})`
  return or(containsText(assets.name, text), containsText(assets.owner, text), hostName)
}
