import { bigint, customType, index, integer, jsonb, pgTable, text, timestamp, unique } from 'drizzle-orm/pg-core'

const time = (name: string) => timestamp(name, { withTimezone: true, mode: 'date', precision: 3 })
const inet = customType<{ data: string }>({ dataType: () => 'inet' })

/** What a sensor last said of itself; numbers are totals since it started, unless named otherwise. */
export interface SensorReport {
  version: string
  /** Interface it watches; null for a capture on its standard input. */
  interface: string | null
  filter: string | null
  startedAt: string
  packets: number
  wireBytes: number
  packetsPerSecond: number
  bytesPerSecond: number
  /** Packets the capturer lost, by its own count. */
  lostPackets: number
  /** Packets that were cut by the snap length. */
  cutPackets: number
  /** Records given up because the platform did not take them. */
  lostRecords: number
  openFlows: number
  evictedFlows: number
  /** Conversations whose content a dissector could not read. */
  failures: number
  /** The packets it keeps; null when it keeps none. */
  ring: {
    bytes: number
    limitBytes: number
    oldestAt: string | null
    evictedPackets: number
    lostPackets: number
  } | null
}

/** Sensors as they report themselves; one for each source that a sensor feeds. */
export const sensors = pgTable(
  'sensors',
  {
    /** That of its source in `sources`. */
    id: text('id').primaryKey(),
    sourceKey: text('source_key').notNull().unique(),
    name: text('name').notNull(),
    /** Unit of the token it reports with. */
    unitPath: text('unit_path').notNull(),
    firstReportAt: time('first_report_at').notNull(),
    lastReportAt: time('last_report_at').notNull(),
    report: jsonb('report').$type<SensorReport>().notNull(),
  },
  (table) => [index('sensors_unit').on(table.unitPath.op('text_pattern_ops'))],
)

/** Addresses seen in traffic, by the unit whose source saw them. */
export const hosts = pgTable(
  'hosts',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    unitPath: text('unit_path').notNull(),
    address: inet('address').notNull(),
    firstSeenAt: time('first_seen_at').notNull(),
    lastSeenAt: time('last_seen_at').notNull(),
    /** When it was last told, which is later for captures of long ago. */
    notedAt: time('noted_at').notNull(),
  },
  (table) => [
    unique('hosts_address').on(table.unitPath, table.address),
    index('hosts_unit').on(table.unitPath.op('text_pattern_ops'), table.lastSeenAt),
  ],
)

/** What was observed of a host; each fact once, with the time it was seen first and last. */
export const hostFacts = pgTable(
  'host_facts',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    hostId: bigint('host_id', { mode: 'number' })
      .notNull()
      .references(() => hosts.id, { onDelete: 'cascade' }),
    kind: text('kind').notNull(),
    value: text('value').notNull(),
    /** Where it was read: `dhcp`, `arp`, `http.user_agent`, ... */
    origin: text('origin').notNull(),
    count: integer('count').notNull(),
    firstSeenAt: time('first_seen_at').notNull(),
    lastSeenAt: time('last_seen_at').notNull(),
  },
  (table) => [
    unique('host_facts_value').on(table.hostId, table.kind, table.value, table.origin),
    index('host_facts_lookup').on(table.kind, table.value),
  ],
)
