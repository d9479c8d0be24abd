import { bigint, index, integer, jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core'

/** Who did what to what, each row bound to the one before it by its hash. Rows are only ever appended. */
export const auditRows = pgTable(
  'audit_rows',
  {
    /** Gapless, from 1. */
    sequence: bigint('sequence', { mode: 'number' }).primaryKey(),
    time: timestamp('time', { withTimezone: true, mode: 'date', precision: 3 }).notNull(),
    actorKind: text('actor_kind').$type<'user' | 'token' | 'system'>().notNull(),
    actorId: text('actor_id').notNull(),
    actorName: text('actor_name').notNull(),
    actorAddress: text('actor_address'),
    /** `noun.verb`, e.g. `user.create`. */
    action: text('action').notNull(),
    target: text('target').notNull(),
    unitPath: text('unit_path').notNull(),
    detail: jsonb('detail').$type<Record<string, unknown>>().notNull(),
    /** Name of the hash function, so that it can change without breaking the chain. */
    algorithm: text('algorithm').$type<'sm3' | 'sha256'>().notNull(),
    previousHash: text('previous_hash').notNull(),
    hash: text('hash').notNull(),
  },
  (table) => [
    index('audit_rows_time').on(table.time),
    index('audit_rows_action').on(table.action, table.sequence),
    index('audit_rows_actor').on(table.actorName, table.sequence),
    index('audit_rows_target').on(table.target, table.sequence),
    index('audit_rows_actor_id').on(table.actorId, table.sequence),
  ],
)

/** One row, locked by every append: the end of the chain. */
export const auditHead = pgTable('audit_head', {
  id: integer('id').primaryKey(),
  sequence: bigint('sequence', { mode: 'number' }).notNull(),
  hash: text('hash').notNull(),
})
