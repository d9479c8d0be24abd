import { assets } from '../../seams/store/schema/assets.ts'
import type { Database } from '../../seams/store/store.ts'
import { translateStoreError } from '../store-error.ts'
import { type Asset, assetColumns } from './asset.ts'

/** Every asset of every unit, for the enricher: the longest range that holds an address wins, then the most exact host name. */
export async function loadAssets(database: Database): Promise<Asset[]> {
  try {
    return await database.select(assetColumns).from(assets).orderBy(assets.id)
  } catch (error) {
    throw translateStoreError(error)
  }
}
