import { asEventsError } from '../../seams/events/errors.ts'
import { eventsTable } from '../../seams/events/schema.ts'
import { requirePermission } from '../write.ts'
import { columnsFor, documentOf, type EventDocument, type EventRow } from './document.ts'
import { type EventsContext, querySettings } from './run.ts'
import { compileScope, type SearchScope } from './scope.ts'
import { checkedColumns } from './search.ts'

export interface ExportInput extends SearchScope {
  columns?: readonly string[]
  limit: number
}

/** An export may take longer than a look. */
const exportSeconds = 600

/**
 * Streams the events that match, newest first, a batch at a time; the event store is read only as fast as the batches
 * are taken. Throws like `searchEvents`, before the first batch or between two.
 */
export async function* exportEvents(context: EventsContext, input: ExportInput): AsyncGenerator<EventDocument[]> {
  requirePermission(context.actor, 'event:export')
  const { parameters, where } = compileScope(input, context.clock)
  const columns = checkedColumns(input.columns)
  const sql = `SELECT ${columnsFor(columns).join(', ')}
    FROM ${eventsTable}
    WHERE ${where}
    ORDER BY timestamp DESC, event_id DESC
    LIMIT ${parameters.add('UInt32', input.limit)}`
  try {
    const answer = await context.events.query({
      query: sql,
      query_params: parameters.values,
      format: 'JSONEachRow',
      clickhouse_settings: querySettings(context.actor, exportSeconds),
      abort_signal: context.signal,
    })
    for await (const rows of answer.stream<EventRow>()) {
      yield rows.map((row) => documentOf(row.json<EventRow>(), columns))
    }
  } catch (error) {
    throw asEventsError(error)
  }
}
