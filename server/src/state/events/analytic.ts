import { asEventsError } from '../../seams/events/errors.ts'
import { eventsTable } from '../../seams/events/schema.ts'
import { requirePermission } from '../write.ts'
import { type EventsContext, querySettings, runQuery } from './run.ts'
import { withinRange } from './scope.ts'
import { SqlParameters } from './sql.ts'

/** What the SQL of an analytic may name; times in milliseconds since the epoch, UTC. */
export interface AnalyticRange {
  fromMs: number
  toMs: number
  /** Where the look-back begins. */
  sinceMs: number
  /** IANA name of the zone of hours and days. */
  zone: string
}

/** A window over weeks may take this long. */
const analyticSeconds = 300
const rowsMax = 1_000

/**
 * Runs the SQL of an analytic over the events of the actor's units. Throws FORBIDDEN, QUERY_TOO_LONG, EVENTS_UNAVAILABLE.
 */
export async function runAnalyticSql(
  { events, actor, signal }: EventsContext,
  sql: string,
  { fromMs, toMs, sinceMs, zone }: AnalyticRange,
): Promise<{ rows: Record<string, unknown>[]; rowsRead: number }> {
  requirePermission(actor, 'event:read')
  try {
    const answer = await events.query({
      query: sql,
      query_params: { from: fromMs, to: toMs, since: sinceMs, zone },
      format: 'JSONEachRow',
      // Waits for the end, so that the summary in the header is that of the whole query.
      clickhouse_settings: { ...querySettings(actor, analyticSeconds), wait_end_of_query: 1 },
      abort_signal: signal,
    })
    const rows = await answer.json<Record<string, unknown>>()
    return { rows: rows.slice(0, rowsMax), rowsRead: rowsReadOf(answer.response_headers['x-clickhouse-summary']) }
  } catch (error) {
    throw asEventsError(error)
  }
}

/** The header `X-ClickHouse-Summary` is JSON with counts as texts. */
function rowsReadOf(header: string | string[] | undefined): number {
  const text = Array.isArray(header) ? header[0] : header
  if (text === undefined) return 0
  return Number((JSON.parse(text) as { read_rows?: string }).read_rows ?? 0)
}

/** How many events of the actor's units have their time in the range. */
export async function countEvents(
  context: EventsContext,
  range: Pick<AnalyticRange, 'fromMs' | 'toMs'>,
): Promise<number> {
  const parameters = new SqlParameters()
  const sql = `SELECT count() AS total FROM ${eventsTable} WHERE ${withinRange(range, parameters)}`
  return Number((await runQuery<{ total: number }>(context, sql, parameters))[0]?.total ?? 0)
}
