import { lt } from 'drizzle-orm'
import type { Clock } from '../../seams/clock/clock.ts'
import { hosts } from '../../seams/store/schema/traffic.ts'
import type { Database } from '../../seams/store/store.ts'
import { translateStoreError } from '../store-error.ts'

/** Housekeeping: hosts that nobody told of for as long as events are kept are forgotten with their facts. */
export async function purgeHosts(database: Database, clock: Clock, retentionDays: number): Promise<void> {
  try {
    // unaudited: housekeeping of what was observed.
    await database.delete(hosts).where(lt(hosts.notedAt, new Date(clock.now() - retentionDays * 86_400_000)))
  } catch (error) {
    throw translateStoreError(error)
  }
}
