import { and, eq, inArray } from 'drizzle-orm'
import { type RuleJobStatus, ruleJobs } from '../../seams/store/schema/rules.ts'
import type { Database } from '../../seams/store/store.ts'
import { translateStoreError } from '../store-error.ts'

/** How far a job is, or how it ended. A job that ended stays as it ended. */
export async function noteRuleJob(
  database: Database,
  id: number,
  news: Partial<Pick<typeof ruleJobs.$inferSelect, 'done' | 'total' | 'result' | 'problem' | 'endedAt'>> & {
    status?: RuleJobStatus
  },
): Promise<void> {
  try {
    // unaudited: starting and cancelling a job are acts of people and are audited; its progress is the program's own.
    await database
      .update(ruleJobs)
      .set(news)
      .where(and(eq(ruleJobs.id, id), inArray(ruleJobs.status, ['waiting', 'running'])))
  } catch (error) {
    throw translateStoreError(error)
  }
}
