import { lt } from 'drizzle-orm'
import type { Clock } from '../../seams/clock/clock.ts'
import { sourceMinutes } from '../../seams/store/schema/sources.ts'
import type { Database } from '../../seams/store/store.ts'
import { translateStoreError } from '../store-error.ts'

const keptMs = 7 * 24 * 3_600_000

/** Housekeeping, once an hour: drops the minutes of sources that are older than seven days. */
export async function purgeSourceMinutes(database: Database, clock: Clock): Promise<void> {
  try {
    // unaudited: housekeeping of counters.
    await database.delete(sourceMinutes).where(lt(sourceMinutes.minute, new Date(clock.now() - keptMs)))
  } catch (error) {
    throw translateStoreError(error)
  }
}
