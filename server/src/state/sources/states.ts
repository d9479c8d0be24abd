import { type SQLWrapper, sql } from 'drizzle-orm'
import type { Clock } from '../../seams/clock/clock.ts'
import { sourceMinutes, sources } from '../../seams/store/schema/sources.ts'
import type { Database } from '../../seams/store/store.ts'
import { translateStoreError } from '../store-error.ts'

/** What makes a source's events a ground for rules, or not. */
export interface SourceState {
  id: string
  key: string
  name: string
  silentSince: Date | null
  lastSeenAt: Date
  /** Records of the last hour, and those of them that no parser understood. */
  records: number
  unparsed: number
}

const recentMs = 3_600_000

/** Senders of this unit and those below it, as they are now, by key. */
export async function loadSourceStates(
  database: Database,
  clock: Clock,
  unitPath: string,
): Promise<Map<string, SourceState>> {
  try {
    const since = new Date(clock.now() - recentMs).toISOString()
    const recent = (column: SQLWrapper) =>
      sql<number>`coalesce((SELECT sum(${column}) FROM ${sourceMinutes}
        WHERE ${sourceMinutes.sourceId} = ${sources.id} AND ${sourceMinutes.minute} >= ${since}::timestamptz), 0)::float8`
    const rows = await database
      .select({
        id: sources.id,
        key: sources.key,
        name: sources.name,
        silentSince: sources.silentSince,
        lastSeenAt: sources.lastSeenAt,
        records: recent(sourceMinutes.records),
        unparsed: recent(sourceMinutes.unparsed),
      })
      .from(sources)
      .where(sql`starts_with(${sources.unitPath}, ${unitPath})`)
    return new Map(rows.map((row) => [row.key, row]))
  } catch (error) {
    throw translateStoreError(error)
  }
}
