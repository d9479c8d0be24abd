import { lt } from 'drizzle-orm'
import type { Clock } from '../../seams/clock/clock.ts'
import { runDetections } from '../../seams/store/schema/runs.ts'
import type { Database } from '../../seams/store/store.ts'
import { translateStoreError } from '../store-error.ts'

const dayMs = 86_400_000

/**
 * Housekeeping: forgets which detections runs published so long ago that the events behind them are no longer kept, so that
 * no run can find them again. The runs themselves stay in the ledger.
 */
export async function purgeRunDetections(database: Database, clock: Clock, retentionDays: number): Promise<void> {
  try {
    // unaudited: housekeeping of what only keeps runs from publishing twice.
    await database
      .delete(runDetections)
      .where(lt(runDetections.at, new Date(clock.now() - (retentionDays + 1) * dayMs)))
  } catch (error) {
    throw translateStoreError(error)
  }
}
