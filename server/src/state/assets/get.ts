import { type Context, read } from '../write.ts'
import { type Asset, locateAsset } from './asset.ts'

/** One asset. Throws NOT_FOUND outside the actor's units. */
export async function getAsset(context: Context, id: number): Promise<Asset> {
  return read(context, 'source:read', (database) => locateAsset(database, context.actor, id))
}
