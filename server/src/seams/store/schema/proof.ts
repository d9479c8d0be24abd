import { bigint, index, integer, jsonb, pgTable, primaryKey, text, timestamp } from 'drizzle-orm/pg-core'
import { sources } from './sources.ts'

const time = (name: string) => timestamp(name, { withTimezone: true, mode: 'date', precision: 3 })

/** A field that used to be there and is not any more. */
export interface DriftedField {
  field: string
  /** Share of the events that had it, 0 to 1. */
  was: number
  /** When it was first missed, ISO 8601. */
  since: string
}

/** How often each field is filled, by source and kind of event: what it used to be, and what it is. Counts are of samples. */
export const fieldFills = pgTable(
  'field_fills',
  {
    sourceId: text('source_id')
      .notNull()
      .references(() => sources.id, { onDelete: 'cascade' }),
    /** Dataset and code or action of the events. */
    kind: text('kind').notNull(),
    /** Fields that decide the log source, as a sample had them. */
    routing: jsonb('routing').$type<Record<string, unknown>>().notNull(),
    baseSamples: integer('base_samples').notNull(),
    base: jsonb('base').$type<Record<string, number>>().notNull(),
    recentSamples: integer('recent_samples').notNull(),
    recent: jsonb('recent').$type<Record<string, number>>().notNull(),
    drifted: jsonb('drifted').$type<DriftedField[]>().notNull(),
    sampledAt: time('sampled_at').notNull(),
  },
  (table) => [primaryKey({ columns: [table.sourceId, table.kind] })],
)

/** How many of the enabled rules could fire, over time, for the whole platform. */
export const ruleReadiness = pgTable(
  'rule_readiness',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    at: time('at').notNull(),
    enabled: integer('enabled').notNull(),
    canFire: integer('can_fire').notNull(),
    /** Reason -> rules. */
    reasons: jsonb('reasons').$type<Record<string, number>>().notNull(),
    /** When the drop to this was told; null while it was none. */
    alarmedAt: time('alarmed_at'),
  },
  (table) => [index('rule_readiness_at').on(table.at)],
)
