import type { FieldValue } from '../../event/event.ts'
import { columnOf, coreColumns, envelopeColumns } from '../../seams/events/columns.ts'

/** Flat ECS document as the API gives it out. */
export type EventDocument = { '@timestamp': string; 'event.id': string } & Record<string, FieldValue>

/** A row of the event store: columns by name, `extra` with JSON texts. */
export type EventRow = {
  timestamp: string
  event_id: string
  received?: string
  extra?: Record<string, string>
} & Record<string, unknown>

const fieldByColumn = new Map(coreColumns.map((column) => [column.name, { field: column.field!, kind: column.kind }]))
/** Everything a document is made of; written so that the SQL stays one a person reads. */
const allColumns = [`* EXCEPT (${apart().join(', ')})`]

function apart(): string[] {
  const wanted = new Set(['timestamp', 'event_id', 'received', 'extra'])
  return envelopeColumns.map(({ name }) => name).filter((name) => !wanted.has(name))
}

/**
 * Columns to read for the named fields, all when none are named. Fields without a column of their own come from `extra`.
 */
export function columnsFor(fields: readonly string[] | undefined): string[] {
  if (!fields) return allColumns
  return [...new Set(['timestamp', 'event_id', ...fields.map((field) => columnOf(field) ?? 'extra')])]
}

/** The document of a row; with `fields`, those of them it has. */
export function documentOf(row: EventRow, fields?: readonly string[]): EventDocument {
  const document: EventDocument = { '@timestamp': isoTime(row.timestamp), 'event.id': row.event_id }
  if (row.received !== undefined) document['event.ingested'] = isoTime(row.received)
  for (const [column, value] of Object.entries(row)) {
    const known = fieldByColumn.get(column)
    if (known) {
      const present = presentValue(known.kind, value)
      if (present !== undefined) document[known.field] = present
    } else if (column === 'event_original') document['event.original'] = value as string
  }
  for (const [field, text] of Object.entries(row.extra ?? {})) {
    if (!fields || fields.includes(field)) document[field] = JSON.parse(text) as FieldValue
  }
  return document
}

/** Undefined for what stands for absence in its column (see seams/events/columns.ts). */
function presentValue(kind: string, value: unknown): FieldValue | undefined {
  if (value === '' || value === null || (Array.isArray(value) && value.length === 0)) return undefined
  if (kind === 'ip') return value === '::' ? undefined : plainAddress(value as string)
  if (kind === 'ips') return (value as string[]).map(plainAddress)
  if (kind === 'date') return isoTime(value as string)
  return value as FieldValue
}

/** The store keeps IPv4 as `::ffff:a.b.c.d`. */
function plainAddress(text: string): string {
  return text.startsWith('::ffff:') && text.includes('.') ? text.slice(7) : text
}

/** `2026-01-31 08:00:00.123` -> `2026-01-31T08:00:00.123Z`. */
export function isoTime(text: string): string {
  return `${text.replace(' ', 'T')}Z`
}
