import { units } from '../../seams/store/schema/identity.ts'
import type { Database } from '../../seams/store/store.ts'
import { translateStoreError } from '../store-error.ts'

/** Every unit by its path, for the enricher. */
export async function loadUnits(database: Database): Promise<Map<string, { id: number; name: string }>> {
  try {
    const rows = await database.select({ id: units.id, name: units.name, path: units.path }).from(units)
    return new Map(rows.map(({ path, ...unit }) => [path, unit]))
  } catch (error) {
    throw translateStoreError(error)
  }
}
