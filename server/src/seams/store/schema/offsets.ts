import { bigint, integer, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'

/**
 * Offsets of bus consumers that keep their place in the same transaction as what they wrote: everything of the
 * partition up to and including `offset` has been dealt with.
 */
export const offsets = pgTable(
  'offsets',
  {
    topic: text().notNull(),
    group: text().notNull(),
    partition: integer().notNull(),
    offset: bigint({ mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.topic, table.group, table.partition] })],
)
