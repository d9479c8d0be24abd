import { sql } from 'drizzle-orm'
import type { Clock } from '../../seams/clock/clock.ts'
import type { Database } from '../../seams/store/store.ts'

/** Rows of one statement, so that no lock is held for long; the next run goes on. */
const chunk = 5_000

/**
 * Forgets detections that belong to no incident once the events behind them are past their retention, hidden ones and those of rules on trial too;
 * what an incident holds stays with it. Returns how many went, at most 5,000; the next call goes on.
 */
export async function purgeDetections(database: Database, clock: Clock, retentionDays: number): Promise<number> {
  const before = new Date(clock.now() - retentionDays * 86_400_000)
  await database.execute(sql`
    DELETE FROM rule_findings WHERE id IN (
      SELECT id FROM rule_findings WHERE last_seen_at < ${before} AND updated_at < ${before}
      ORDER BY last_seen_at LIMIT ${chunk})`)
  const { rowCount } = await database.execute(sql`
    DELETE FROM detections WHERE id IN (
      SELECT id FROM detections WHERE incident_id IS NULL AND last_seen_at < ${before} AND updated_at < ${before}
      ORDER BY last_seen_at LIMIT ${chunk})`)
  return rowCount ?? 0
}
