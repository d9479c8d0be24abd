import { inArray } from 'drizzle-orm'
import { z } from 'zod'
import { settings } from '../../seams/store/schema/settings.ts'
import type { Database, Transaction } from '../../seams/store/store.ts'

/** Every setting that people change while the program runs: its schema, with the default. */
export const settingSchemas = {
  /** Silence after which a new source raises an alarm, in minutes; null: never. File imports never do. */
  'sources.silenceAfterMinutes': z
    .number()
    .int()
    .min(1)
    .max(525_600)
    .nullable()
    .default(24 * 60),
  /** How often a canary walks the way of each source in use, in minutes; null: never by itself. */
  'canary.everyMinutes': z.number().int().min(5).max(1440).nullable().default(60),
  /** Ids of sources that no canary walks by itself. */
  'canary.exceptSources': z.array(z.string().min(1).max(64)).max(1_000).default([]),
  /** What people read before they sign in, as the security rules of many offices ask. */
  'signIn.notice': z.string().max(2_000).default(''),
} as const satisfies Record<string, z.ZodType>

export type SettingKey = keyof typeof settingSchemas
export type Settings = { [Key in SettingKey]: z.output<(typeof settingSchemas)[Key]> }

export const settingKeys = Object.keys(settingSchemas) as SettingKey[]

/** All settings in force. A stored value that no longer fits its schema counts as the default. */
export async function loadSettings(database: Database | Transaction): Promise<Settings> {
  const rows = await database.select().from(settings).where(inArray(settings.key, settingKeys))
  const stored = new Map(rows.map((row) => [row.key, row.value]))
  const entries = settingKeys.map((key) => {
    const parsed = settingSchemas[key].safeParse(stored.get(key))
    return [key, parsed.success ? parsed.data : settingSchemas[key].parse(undefined)]
  })
  return Object.fromEntries(entries) as Settings
}
