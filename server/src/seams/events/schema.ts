import type { ClickHouseClient } from '@clickhouse/client'
import { CodedError } from '../../event/errors.ts'
import { aliasColumns, coreColumns, envelopeColumns } from './columns.ts'
import { searchColumns, textIndex } from './search-text.ts'

export const databaseName = 'watchfire'
/** What everybody reads and writes: the table itself on one server, the Distributed table over it on a cluster. */
export const eventsTable = `${databaseName}.events`
const localTable = `${databaseName}.events_local`

/** Skip indexes; figures and the reasons for them are in docs/reference/event-store.md. */
const indexes = [
  `INDEX ${textIndex}`,
  'INDEX event_id_filter event_id TYPE bloom_filter(0.01) GRANULARITY 1',
  'INDEX source_ip_filter source_ip TYPE bloom_filter(0.01) GRANULARITY 1',
  'INDEX destination_ip_filter destination_ip TYPE bloom_filter(0.01) GRANULARITY 1',
  'INDEX related_ip_filter related_ip TYPE bloom_filter(0.01) GRANULARITY 1',
  'INDEX host_name_filter host_name TYPE bloom_filter(0.01) GRANULARITY 1',
  'INDEX user_name_filter user_name TYPE bloom_filter(0.01) GRANULARITY 1',
  'INDEX received_range received TYPE minmax GRANULARITY 1',
]

/**
 * fsync: what the bus is told to forget must be on disk. The deduplication window holds more blocks than can be in
 * flight over a restart; it is 0 by default, which would store a block twice that is sent twice.
 */
const tableSettings = [
  'index_granularity = 8192',
  'non_replicated_deduplication_window = 10000',
  'ttl_only_drop_parts = 1',
  'fsync_after_insert = 1',
  'fsync_part_directory = 1',
  // A part of wide format is some 350 files; below this size (uncompressed, about 300,000 rows) one file holds all
  // columns, which takes a third off the cost of an insert.
  'min_bytes_for_wide_part = 268435456',
]

/**
 * Creates what is missing: database, table, and columns of core fields that are new in this version (old rows read
 * their default). Rejects with DATA_OF_ANOTHER_VERSION when a column has another type than the catalogue gives it.
 * With `cluster`, the table is `events_local` on every node and `events` distributes over them by event id, so that a
 * block that is sent again falls into the same parts and is recognised.
 */
export async function migrateEvents(client: ClickHouseClient, cluster: string | undefined): Promise<void> {
  const table = cluster === undefined ? eventsTable : localTable
  await client.command({ query: `CREATE DATABASE IF NOT EXISTS ${databaseName}` })
  await client.command({ query: createTable(table) })
  await addColumns(client, table)
  await renewTextIndex(client, table)
  if (cluster === undefined) return
  const engine = `Distributed('${cluster}', '${databaseName}', 'events_local', cityHash64(event_id))`
  await client.command({ query: `CREATE TABLE IF NOT EXISTS ${eventsTable} AS ${localTable} ENGINE = ${engine}` })
  await addColumns(client, eventsTable)
}

function createTable(table: string): string {
  return `
    CREATE TABLE IF NOT EXISTS ${table} (
      ${[...columnDefinitions().values(), ...indexes].join(',\n      ')}
    )
    ENGINE = MergeTree
    PARTITION BY (received_day, retention_days)
    ORDER BY (timestamp, event_id)
    TTL received_day + toIntervalDay(retention_days)
    SETTINGS ${tableSettings.join(', ')}`
}

/**
 * A table that was made before the index was what it is now gets it; what is stored before is searched without it, and
 * found all the same.
 */
async function renewTextIndex(client: ClickHouseClient, table: string): Promise<void> {
  await client.command({
    query: `ALTER TABLE ${table} DROP INDEX IF EXISTS message_text, ADD INDEX IF NOT EXISTS ${textIndex}`,
  })
}

function columnDefinitions(): Map<string, string> {
  const definitions = new Map<string, string>()
  for (const { name, type, codec } of [...envelopeColumns, ...coreColumns]) {
    definitions.set(name, `${name} ${type} CODEC(${codec})`)
  }
  for (const { name, type, expression } of [...aliasColumns, ...searchColumns])
    definitions.set(name, `${name} ${type} ALIAS ${expression}`)
  return definitions
}

async function addColumns(client: ClickHouseClient, table: string): Promise<void> {
  const [database, name] = table.split('.')
  const answer = await client.query({
    query: 'SELECT name, type FROM system.columns WHERE database = {database: String} AND table = {name: String}',
    query_params: { database, name },
    format: 'JSONEachRow',
  })
  const present = new Map((await answer.json<{ name: string; type: string }>()).map((row) => [row.name, row.type]))
  for (const { name: column, type } of [...envelopeColumns, ...coreColumns]) {
    const found = present.get(column)
    if (found !== undefined && found !== type) {
      const message = `The column ${column} of the event store is ${found} and must be ${type}; the store was made by another version`
      throw new CodedError('DATA_OF_ANOTHER_VERSION', message, { column, found, type })
    }
  }
  const missing = [...columnDefinitions()]
    .filter(([column]) => !present.has(column))
    .map(([, definition]) => definition)
  if (missing.length === 0) return
  await client.command({
    query: `ALTER TABLE ${table} ${missing.map((definition) => `ADD COLUMN IF NOT EXISTS ${definition}`).join(', ')}`,
  })
}
