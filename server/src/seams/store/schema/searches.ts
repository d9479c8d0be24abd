import { bigint, boolean, index, integer, pgTable, text, timestamp } from 'drizzle-orm/pg-core'

const time = (name: string) => timestamp(name, { withTimezone: true, mode: 'date', precision: 3 })

/** Searches people keep, for themselves or for their unit. */
export const savedSearches = pgTable(
  'saved_searches',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    name: text('name').notNull(),
    query: text('query').notNull(),
    /** As they were typed: `now-24h`, or a fixed time. */
    rangeFrom: text('range_from').notNull(),
    rangeTo: text('range_to').notNull(),
    columns: text('columns').array().notNull(),
    /** Seen by everyone of the unit and above; else by its owner alone. */
    shared: boolean('shared').notNull(),
    ownerKind: text('owner_kind').$type<'user' | 'token' | 'system'>().notNull(),
    ownerId: text('owner_id').notNull(),
    ownerName: text('owner_name').notNull(),
    unitPath: text('unit_path').notNull(),
    /** Rises with every change a person makes. */
    version: integer('version').notNull().default(1),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (table) => [
    index('saved_searches_owner').on(table.ownerKind, table.ownerId),
    index('saved_searches_unit').on(table.unitPath.op('text_pattern_ops')),
  ],
)
