import { CodedError } from '../../event/errors.ts'
import { columnOf } from '../../seams/events/columns.ts'
import { eventsTable } from '../../seams/events/schema.ts'
import { columnsFor, documentOf, type EventDocument, type EventRow, isoTime } from './document.ts'
import { type EventsContext, runQuery } from './run.ts'
import { withinRange } from './scope.ts'
import { SqlParameters } from './sql.ts'

export interface WholeEvent {
  event: EventDocument
  unitPath: string
  sourceKey: string
  receivedAt: Date
  /** The bytes as they came. */
  raw: Buffer
}

/** How far from the named time an event is looked for before all of the store is. */
const nearMs = 60_000

/**
 * One event with its original bytes. `atMs`, its event time where the caller knows it, spares looking through every part.
 * Throws NOT_FOUND, also for an event of another unit.
 */
export async function getEvent(
  context: EventsContext,
  { id, atMs }: { id: string; atMs?: number },
): Promise<WholeEvent> {
  const near = atMs === undefined ? [] : await find(context, [id], { fromMs: atMs - nearMs, toMs: atMs + nearMs })
  const [row] = near.length > 0 ? near : await find(context, [id])
  if (!row) throw new CodedError('NOT_FOUND', `event:${id} was not found`, { target: `event:${id}` })
  return wholeOf(row)
}

/** Events by id, oldest first; those that are not there (any more), or are of other units, are left out. */
export async function getEvents(
  context: EventsContext,
  ids: readonly string[],
  range?: { fromMs: number; toMs: number },
): Promise<WholeEvent[]> {
  if (ids.length === 0) return []
  return (await find(context, ids, range)).map(wholeOf)
}

/** A condition over the table of events, as the compiler of rules makes it: its values are literals, quoted there. */
export interface EventCondition {
  /** Goes before SELECT; empty when the condition refers to nothing. */
  with: string
  where: string
}

/** Events of a time range for which a condition holds, oldest first, at most `limit`. */
export async function findEvents(
  context: EventsContext,
  condition: EventCondition,
  { range, limit }: { range: { fromMs: number; toMs: number }; limit: number },
): Promise<WholeEvent[]> {
  const parameters = new SqlParameters()
  const original = columnOf('event.original')
  const sql = `${condition.with}
    SELECT ${columnsFor(undefined).join(', ')}, unit_path, source_key, hex(${original}) AS raw_hex
    FROM ${eventsTable}
    WHERE ${withinRange(range, parameters)} AND (${condition.where})
    ORDER BY timestamp, event_id
    LIMIT ${parameters.add('UInt32', limit)}`
  return (await runQuery<WholeRow>(context, sql, parameters)).map(wholeOf)
}

/** How many events there are for which a condition holds, by the hour (UTC) they happened in. */
export async function countEvents(
  context: EventsContext,
  condition: EventCondition,
  range: { fromMs: number; toMs: number },
): Promise<{ hourMs: number; count: number }[]> {
  const parameters = new SqlParameters()
  const sql = `${condition.with}
    SELECT toUnixTimestamp(toStartOfHour(timestamp)) * 1000 AS hourMs, count() AS count
    FROM ${eventsTable}
    WHERE ${withinRange(range, parameters)} AND (${condition.where})
    GROUP BY hourMs ORDER BY hourMs`
  return runQuery<{ hourMs: number; count: number }>(context, sql, parameters)
}

type WholeRow = EventRow & { unit_path: string; source_key: string; received: string; raw_hex: string }

async function find(
  context: EventsContext,
  ids: readonly string[],
  range?: { fromMs: number; toMs: number },
): Promise<WholeRow[]> {
  const parameters = new SqlParameters()
  const time = range ? `AND ${withinRange(range, parameters)}` : ''
  const original = columnOf('event.original')
  const sql = `SELECT ${columnsFor(undefined).join(', ')}, unit_path, source_key, hex(${original}) AS raw_hex
    FROM ${eventsTable}
    WHERE event_id IN ${parameters.add('Array(String)', ids)} ${time}
    ORDER BY timestamp, event_id
    LIMIT 1 BY event_id
    LIMIT ${parameters.add('UInt32', ids.length)}`
  return runQuery<WholeRow>(context, sql, parameters)
}

function wholeOf({ unit_path: unitPath, source_key: sourceKey, raw_hex: rawHex, ...row }: WholeRow): WholeEvent {
  return {
    event: documentOf(row as EventRow),
    unitPath,
    sourceKey,
    receivedAt: new Date(isoTime(row.received)),
    raw: Buffer.from(rawHex, 'hex'),
  }
}
