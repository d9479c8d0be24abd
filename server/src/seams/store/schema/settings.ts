import { customType, index, jsonb, pgTable, text, timestamp } from 'drizzle-orm/pg-core'

const time = (name: string) => timestamp(name, { withTimezone: true, mode: 'date', precision: 3 })
const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' })

/** Envelope-encrypted values: each under its own data key, which lies here under a master key from outside the database. */
export const secrets = pgTable(
  'secrets',
  {
    /** Who uses it, then its own name: `notification:mail-password`, `totp:42`. */
    name: text('name').primaryKey(),
    unitPath: text('unit_path').notNull(),
    keyId: text('key_id').notNull(),
    wrappedKey: bytes('wrapped_key').notNull(),
    box: bytes('box').notNull(),
    updatedAt: time('updated_at').notNull(),
    updatedBy: text('updated_by').notNull(),
  },
  (table) => [index('secrets_key').on(table.keyId)],
)

/** Settings that people change while the program runs; what is not here has its default (state/settings/setting.ts). */
export const settings = pgTable('settings', {
  key: text('key').primaryKey(),
  value: jsonb('value').notNull(),
  updatedAt: time('updated_at').notNull(),
  updatedBy: text('updated_by').notNull(),
})
