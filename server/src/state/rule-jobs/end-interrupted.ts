import { inArray } from 'drizzle-orm'
import type { Clock } from '../../seams/clock/clock.ts'
import { ruleJobs } from '../../seams/store/schema/rules.ts'
import type { Database } from '../../seams/store/store.ts'
import { translateStoreError } from '../store-error.ts'

/** At the start of the program: jobs it left undone when it ended are told to have failed, so that nobody waits for them. */
export async function endInterruptedJobs(database: Database, clock: Clock): Promise<void> {
  const problem = { code: 'STOPPING', message: 'The program ended while this was at work; start it again' }
  try {
    // unaudited: nobody did this.
    await database
      .update(ruleJobs)
      .set({ status: 'failed', problem, endedAt: new Date(clock.now()) })
      .where(inArray(ruleJobs.status, ['waiting', 'running']))
  } catch (error) {
    throw translateStoreError(error)
  }
}
