import { bigint, boolean, index, integer, pgTable, text, timestamp } from 'drizzle-orm/pg-core'

const time = (name: string) => timestamp(name, { withTimezone: true, mode: 'date', precision: 3 })

/** Whether people switched a rule on or off; a rule that is not here is as its file says. */
export const ruleStates = pgTable('rule_states', {
  ruleId: text('rule_id').primaryKey(),
  enabled: boolean('enabled').notNull(),
  note: text('note').notNull(),
  changedAt: time('changed_at').notNull(),
  changedBy: text('changed_by').notNull(),
  /** Rises with every switching. */
  version: integer('version').notNull().default(1),
})

/** Every switching, for the history of a rule. */
export const ruleChanges = pgTable(
  'rule_changes',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    ruleId: text('rule_id').notNull(),
    enabled: boolean('enabled').notNull(),
    note: text('note').notNull(),
    changedAt: time('changed_at').notNull(),
    changedBy: text('changed_by').notNull(),
  },
  (table) => [index('rule_changes_rule').on(table.ruleId, table.id)],
)
