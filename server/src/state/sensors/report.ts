import { sql } from 'drizzle-orm'
import type { Clock } from '../../seams/clock/clock.ts'
import { type SensorReport, sensors } from '../../seams/store/schema/traffic.ts'
import type { Database } from '../../seams/store/store.ts'
import { type Actor, covers } from '../actor.ts'
import { sourceId } from '../sources/source.ts'
import { translateStoreError } from '../store-error.ts'
import { requirePermission } from '../write.ts'

/** Sensors that are known at all: a token must not fill the database with names. */
const sensorsMax = 10_000

/**
 * Keeps what a sensor says of itself. Answers false when another unit's sensor has the name, or too many are known.
 * Throws FORBIDDEN without the permission to send records.
 */
export async function reportSensor(
  { database, clock, actor }: { database: Database; clock: Clock; actor: Actor },
  { sourceKey, name, report }: { sourceKey: string; name: string; report: SensorReport },
): Promise<boolean> {
  requirePermission(actor, 'ingest')
  const now = new Date(clock.now()).toISOString()
  try {
    // unaudited: a program tells its counters every few seconds; what people see of it is a state, not an act.
    const { rows } = await database.execute<{ unit_path: string }>(sql`
      INSERT INTO ${sensors} AS s (id, source_key, name, unit_path, first_report_at, last_report_at, report)
      SELECT ${sourceId(sourceKey)}, ${sourceKey}, ${name}, ${actor.unitPath}, ${now}::timestamptz, ${now}::timestamptz, ${JSON.stringify(report)}::jsonb
      WHERE (SELECT count(*) FROM ${sensors}) < ${sensorsMax} OR EXISTS (SELECT 1 FROM ${sensors} WHERE source_key = ${sourceKey})
      ON CONFLICT (id) DO UPDATE SET last_report_at = excluded.last_report_at, report = excluded.report
        WHERE starts_with(s.unit_path, ${actor.unitPath})
      RETURNING unit_path`)
    return rows[0] !== undefined && covers(actor, rows[0].unit_path)
  } catch (error) {
    throw translateStoreError(error)
  }
}
