import { index, pgTable, text, timestamp } from 'drizzle-orm/pg-core'

const time = (name: string) => timestamp(name, { withTimezone: true, mode: 'date', precision: 3 })

/** Records the platform sent itself to prove that a way is open, with the time of each hop. */
export const canaries = pgTable(
  'canaries',
  {
    id: text('id').primaryKey(),
    /** Source whose way it walks; null when a rule is tested by itself. */
    sourceId: text('source_id'),
    sourceName: text('source_name'),
    unitPath: text('unit_path').notNull(),
    /** Rule whose sample it is; null where no rule has one for the parser, and a sample of the parser is sent. */
    ruleId: text('rule_id'),
    parser: text('parser'),
    /** Input it came in by; `bus` where the source has none that can be used. */
    input: text('input').$type<'syslog-udp' | 'syslog-tcp' | 'http' | 'bus'>(),
    state: text('state').$type<'waiting' | 'running' | 'arrived' | 'lost' | 'interrupted' | 'impossible'>().notNull(),
    /** The first hop it did not reach. */
    lostAt: text('lost_at').$type<'sent' | 'parsed' | 'detected' | 'correlated' | 'stored' | 'searchable'>(),
    detail: text('detail'),
    requestedBy: text('requested_by').notNull(),
    requestedAt: time('requested_at').notNull(),
    sentAt: time('sent_at'),
    parsedAt: time('parsed_at'),
    detectedAt: time('detected_at'),
    correlatedAt: time('correlated_at'),
    storedAt: time('stored_at'),
    searchableAt: time('searchable_at'),
    endedAt: time('ended_at'),
  },
  (table) => [
    index('canaries_unit').on(table.unitPath.op('text_pattern_ops')),
    index('canaries_requested').on(table.requestedAt, table.id),
    index('canaries_source').on(table.sourceId, table.requestedAt),
    index('canaries_rule').on(table.ruleId, table.requestedAt),
  ],
)
