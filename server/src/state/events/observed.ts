import type { Fields } from '../../event/event.ts'
import { columnOf } from '../../seams/events/columns.ts'
import { eventsTable } from '../../seams/events/schema.ts'
import { documentOf, type EventRow } from './document.ts'
import { valueText } from './facets.ts'
import { type EventsContext, runQuery } from './run.ts'
import { SqlParameters } from './sql.ts'

const combinationsMax = 5000

/**
 * Every combination of values that the fields had together lately, in the actor's units: what kinds of event there are.
 * At most 5,000, in no order.
 */
export async function observedCombinations(
  context: EventsContext,
  { fields, lastMs }: { fields: readonly string[]; lastMs: number },
): Promise<Fields[]> {
  const parameters = new SqlParameters()
  // By receipt: an import of old records shows that the source is there too.
  const sinceMs = context.clock.now() - lastMs
  const columns = fields.map((field) => {
    const column = columnOf(field)
    return column ?? `${valueText(field, parameters)} AS \`extra ${field}\``
  })
  const sql = `SELECT DISTINCT ${columns.join(', ')} FROM ${eventsTable}
    WHERE received >= fromUnixTimestamp64Milli(${parameters.add('Int64', String(sinceMs))}, 'UTC')
    LIMIT ${combinationsMax}`
  const rows = await runQuery<Record<string, unknown>>(context, sql, parameters, 'rule:read')
  return rows.map((row) => {
    const extra = Object.entries(row).filter(([name, value]) => name.startsWith('extra ') && value !== '')
    const {
      '@timestamp': _time,
      'event.id': _id,
      ...known
    } = documentOf({ ...row, timestamp: '', event_id: '' } as EventRow)
    return { ...known, ...Object.fromEntries(extra.map(([name, value]) => [name.slice(6), value as string])) }
  })
}
