import { bigint, boolean, index, integer, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core'
import { units } from './identity.ts'

const time = (name: string) => timestamp(name, { withTimezone: true, mode: 'date', precision: 3 })
const count = (name: string) => bigint(name, { mode: 'number' }).notNull().default(0)

/** Every sender of records, as it was seen and as people settled it. */
export const sources = pgTable(
  'sources',
  {
    /** Derived from the key, so that it is the same on every installation. */
    id: text('id').primaryKey(),
    /** Transport family and the name or address of the sender, `syslog:10.0.0.7`. */
    key: text('key').notNull().unique(),
    name: text('name').notNull(),
    transport: text('transport').notNull(),
    /** Parser that understood most of the last records; null while none did. */
    parser: text('parser'),
    /** Parser a person chose; nothing else is tried then. */
    pinnedParser: text('pinned_parser'),
    unitId: bigint('unit_id', { mode: 'number' })
      .notNull()
      .references(() => units.id),
    unitPath: text('unit_path').notNull(),
    firstSeenAt: time('first_seen_at').notNull(),
    lastSeenAt: time('last_seen_at').notNull(),
    /** Event time of the newest record; tells a wrong clock or zone. */
    lastEventAt: time('last_event_at'),
    recordCount: count('record_count'),
    parsedCount: count('parsed_count'),
    unparsedCount: count('unparsed_count'),
    byteCount: count('byte_count'),
    /** Why the last record failed that no parser understood. */
    lastFailure: text('last_failure'),
    /** Silence that raises an alarm; null: never. */
    silenceAfterMs: bigint('silence_after_ms', { mode: 'number' }),
    /** When the alarm was raised; null while it is heard. */
    silentSince: time('silent_since'),
    /** IANA zone of times that say none; null: the platform's. */
    timeZone: text('time_zone'),
    /** Which retention its events have; see the retention classes of the event store. */
    retentionClass: text('retention_class').notNull().default('standard'),
    /** False: taken out of service; its records are still stored, its silence is no alarm. */
    enabled: boolean('enabled').notNull().default(true),
    /** Rises with every change a person makes. */
    version: integer('version').notNull().default(1),
  },
  (table) => [
    index('sources_unit').on(table.unitPath.op('text_pattern_ops')),
    index('sources_last_seen').on(table.lastSeenAt),
  ],
)

/** Records per source and minute, for rates and sparklines; seven days. */
export const sourceMinutes = pgTable(
  'source_minutes',
  {
    sourceId: text('source_id')
      .notNull()
      .references(() => sources.id, { onDelete: 'cascade' }),
    minute: time('minute').notNull(),
    records: integer('records').notNull(),
    unparsed: integer('unparsed').notNull(),
    bytes: bigint('bytes', { mode: 'number' }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.sourceId, table.minute] }),
    index('source_minutes_minute').using('brin', table.minute),
  ],
)
