import { isKnownField } from '../../event/catalogue.ts'
import { CodedError } from '../../event/errors.ts'
import { suggestFields } from '../../event/query-suggest.ts'
import { eventsTable } from '../../seams/events/schema.ts'
import { columnsFor, documentOf, type EventDocument, type EventRow, isoTime } from './document.ts'
import type { TimeRange } from './range.ts'
import { type EventsContext, runQuery } from './run.ts'
import { type CompiledScope, compileScope, type SearchScope } from './scope.ts'
import type { SqlParameters } from './sql.ts'

export interface SearchInput extends SearchScope {
  limit: number
  sort: '@timestamp' | '-@timestamp'
  /** The `next` of the page before. */
  after?: string
  /** Fields to give out; all when left out. */
  columns?: readonly string[]
}

export interface SearchResult {
  items: EventDocument[]
  total: number
  next: string | null
  /** The SQL of the page, parameters shown. */
  sql: string
  tookMs: number
}

/**
 * Events that match, by (event time, event id), a page at a time; `total` counts all of them. Reads only the actor's
 * units. Throws QUERY_INVALID, BAD_REQUEST (range, cursor, unknown column), FORBIDDEN, QUERY_TOO_LONG, EVENTS_UNAVAILABLE.
 */
export async function searchEvents(context: EventsContext, input: SearchInput): Promise<SearchResult> {
  const startedAtMs = context.clock.now()
  const scope = compileScope(input, context.clock)
  const columns = checkedColumns(input.columns)
  const sql = pageSql(scope, input, columns)
  const rows = await runQuery<EventRow>(context, sql, scope.parameters)
  // A first page that is not full holds all there are: what is rare is not looked for twice.
  const isAll = input.after === undefined && rows.length <= input.limit
  const total = isAll ? rows.length : await countMatches(context, input, scope.range)
  const shown = rows.slice(0, input.limit)
  const last = shown.at(-1)
  return {
    items: shown.map((row) => documentOf(row, columns)),
    total,
    next: rows.length > input.limit && last ? encodeCursor(last) : null,
    sql: scope.parameters.show(sql),
    tookMs: context.clock.now() - startedAtMs,
  }
}

function pageSql(
  scope: CompiledScope,
  { limit, sort, after }: SearchInput,
  columns: readonly string[] | undefined,
): string {
  const direction = sort === '@timestamp' ? 'ASC' : 'DESC'
  const { parameters } = scope
  const cursor = after === undefined ? '' : `AND ${afterCursor(after, direction, parameters)}`
  return `SELECT ${columnsFor(columns).join(', ')}
    FROM ${eventsTable}
    WHERE ${scope.where}
    ${cursor}
    ORDER BY timestamp ${direction}, event_id ${direction}
    LIMIT ${parameters.add('UInt32', limit + 1)}`
}

async function countMatches(context: EventsContext, { query }: SearchInput, range: TimeRange): Promise<number> {
  const { parameters, where } = compileScope({ query, from: range.fromMs, to: range.toMs }, context.clock)
  const sql = `SELECT count() AS total FROM ${eventsTable} WHERE ${where}`
  const [row] = await runQuery<{ total: number }>(context, sql, parameters)
  return Number(row?.total ?? 0)
}

/** Column names must be of the catalogue. Throws BAD_REQUEST naming the first that is not. */
export function checkedColumns(columns: readonly string[] | undefined): readonly string[] | undefined {
  for (const column of columns ?? []) {
    if (isKnownField(column)) continue
    throw new CodedError('BAD_REQUEST', `There is no field ${column}`, { column, suggestions: suggestFields(column) })
  }
  return columns && columns.length > 0 ? columns : undefined
}

function encodeCursor(row: EventRow): string {
  return Buffer.from(JSON.stringify([Date.parse(isoTime(row.timestamp)), row.event_id])).toString('base64url')
}

function afterCursor(cursor: string, direction: 'ASC' | 'DESC', parameters: SqlParameters): string {
  const [timeMs, id] = decodeCursor(cursor)
  const sign = direction === 'ASC' ? '>' : '<'
  const at = `fromUnixTimestamp64Milli(${parameters.add('Int64', String(timeMs))}, 'UTC')`
  // The first test alone lets the store skip what lies before; the second decides among equal times.
  return `timestamp ${sign}= ${at} AND (timestamp, event_id) ${sign} (${at}, ${parameters.add('String', id)})`
}

function decodeCursor(cursor: string): [timeMs: number, id: string] {
  try {
    const [timeMs, id] = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')) as unknown[]
    if (Number.isSafeInteger(timeMs) && typeof id === 'string') return [timeMs as number, id]
  } catch {
    // Falls through to the refusal: whatever is wrong with it, it is not ours.
  }
  throw new CodedError('BAD_REQUEST', 'The cursor is not one of this search', { after: cursor.slice(0, 100) })
}
