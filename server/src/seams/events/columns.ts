import { type CoreField, coreFields } from '../../event/catalogue.ts'

/**
 * Columns of the table `events`. A core field `a.b` is the column `a_b`. How absence looks:
 *
 * | type of the field          | column                          | absent |
 * | -------------------------- | ------------------------------- | ------ |
 * | keyword, text              | String, LowCardinality(String)  | `''`   |
 * | ip                         | IPv6 (IPv4 as `::ffff:a.b.c.d`) | `::`   |
 * | arrays                     | Array(…)                        | `[]`   |
 * | long, double, boolean, date | Nullable(…)                    | NULL   |
 *
 * So `column != 'x'` also finds the events that lack the field, and most columns need no null map. A value that its
 * column cannot hold exactly (an empty string, null, `::`, an empty array, a number that is no 64-bit integer, another
 * type than the catalogue names) lies in the map `extra` under the name of the field, as JSON text, like every field
 * that is not core.
 */
export interface Column {
  name: string
  type: string
  /** How the encoder writes it; see encoder.ts. */
  kind: ColumnKind
  codec: string
  /** The core field it holds; undefined for what stands beside the fields. */
  field?: string
}

export type ColumnKind = 'string' | 'few' | 'long' | 'double' | 'boolean' | 'date' | 'ip' | 'strings' | 'fews' | 'ips'

/** Columns for what stands beside the fields of an event, in table order. */
export const envelopeColumns = [
  { name: 'timestamp', type: "DateTime64(3, 'UTC')", codec: 'Delta(8), ZSTD(1)' },
  { name: 'event_id', type: 'String', codec: 'ZSTD(1)' },
  { name: 'received', type: "DateTime64(3, 'UTC')", codec: 'Delta(8), ZSTD(1)' },
  { name: 'received_day', type: 'Date', codec: 'ZSTD(1)' },
  { name: 'retention_days', type: 'UInt16', codec: 'ZSTD(1)' },
  { name: 'unit_path', type: 'LowCardinality(String)', codec: 'ZSTD(1)' },
  { name: 'source_key', type: 'LowCardinality(String)', codec: 'ZSTD(1)' },
  // The record as it came, without the message that lies in it: most of the record would be stored twice otherwise.
  { name: 'original_head', type: 'String', codec: 'ZSTD(3)' },
  { name: 'original_tail', type: 'String', codec: 'ZSTD(3)' },
  { name: 'original_has_message', type: 'Bool', codec: 'ZSTD(1)' },
  { name: 'extra', type: 'Map(LowCardinality(String), String)', codec: 'ZSTD(1)' },
] as const

/** Columns that are computed when they are read. */
export const aliasColumns = [
  {
    name: 'event_original',
    type: 'String',
    expression: 'if(original_has_message, concat(original_head, message, original_tail), original_head)',
  },
] as const

/** Columns of the core fields, in table order. */
export const coreColumns: readonly Column[] = coreFields.map(columnFor)

const columnByField = new Map<string, string>([
  ['@timestamp', 'timestamp'],
  ['event.id', 'event_id'],
  ['event.ingested', 'received'],
  ['event.original', 'event_original'],
  ...coreColumns.map((column): [string, string] => [column.field!, column.name]),
])

/** Column that holds a field (core fields and `@timestamp`, `event.id`, `event.ingested`, `event.original`); undefined when it lies in `extra`. */
export function columnOf(field: string): string | undefined {
  return columnByField.get(field)
}

function columnFor(field: CoreField): Column {
  const { kind, type } = columnType(field)
  return { name: field.name.replaceAll('.', '_').replaceAll('@', ''), type, kind, codec: 'ZSTD(1)', field: field.name }
}

function columnType({ type, array, lowCardinality }: CoreField): { kind: ColumnKind; type: string } {
  switch (type) {
    case 'keyword':
    case 'text':
      if (array && lowCardinality) return { kind: 'fews', type: 'Array(LowCardinality(String))' }
      if (array) return { kind: 'strings', type: 'Array(String)' }
      return lowCardinality ? { kind: 'few', type: 'LowCardinality(String)' } : { kind: 'string', type: 'String' }
    case 'ip':
      return array ? { kind: 'ips', type: 'Array(IPv6)' } : { kind: 'ip', type: 'IPv6' }
    case 'long':
      return { kind: 'long', type: 'Nullable(Int64)' }
    case 'double':
      return { kind: 'double', type: 'Nullable(Float64)' }
    case 'boolean':
      return { kind: 'boolean', type: 'Nullable(Bool)' }
    case 'date':
      return { kind: 'date', type: "Nullable(DateTime64(3, 'UTC'))" }
  }
}
