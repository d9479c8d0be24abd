import { eventsTable } from '../../seams/events/schema.ts'
import { isoTime } from './document.ts'
import { type EventsContext, runQuery } from './run.ts'
import { SqlParameters } from './sql.ts'

export interface UnparsedRecord {
  eventId: string
  receivedAt: Date
  raw: Buffer
}

/** How far back unparsed records are looked for. */
const lookBackDays = 7

/** The newest records of a source that no parser understood: they carry why in `error.message`. */
export async function listUnparsed(
  context: EventsContext,
  { sourceKey, limit }: { sourceKey: string; limit: number },
): Promise<{ items: UnparsedRecord[]; total: number }> {
  const parameters = new SqlParameters()
  const where = `source_key = ${parameters.add('String', sourceKey)} AND error_message != '' AND has(tags, 'unparsed')
    AND received_day >= today() - ${lookBackDays}`
  const sql = `SELECT event_id, received, hex(event_original) AS raw_hex FROM ${eventsTable} WHERE ${where}
    ORDER BY timestamp DESC, event_id DESC LIMIT ${parameters.add('UInt32', limit)}`
  const [rows, [counted]] = await Promise.all([
    runQuery<{ event_id: string; received: string; raw_hex: string }>(context, sql, parameters),
    runQuery<{ total: number }>(context, `SELECT count() AS total FROM ${eventsTable} WHERE ${where}`, parameters),
  ])
  return {
    items: rows.map((row) => ({
      eventId: row.event_id,
      receivedAt: new Date(isoTime(row.received)),
      raw: Buffer.from(row.raw_hex, 'hex'),
    })),
    total: Number(counted?.total ?? 0),
  }
}
