import { z } from 'zod'
import { settings } from '../../seams/store/schema/settings.ts'
import { parseInput } from '../input.ts'
import { rootUnitPath } from '../units/unit.ts'
import { type Context, requireScope, write } from '../write.ts'
import { loadSettings, type SettingKey, type Settings, settingKeys, settingSchemas } from './setting.ts'

const keyInput = z.strictObject({ key: z.enum(settingKeys as [SettingKey, ...SettingKey[]]) })

/** Changes one setting of the whole platform. Throws BAD_REQUEST when the value does not fit, NOT_FOUND for a unit's administrator. */
export async function putSetting<Key extends SettingKey>(
  context: Context,
  key: Key,
  value: Settings[Key],
): Promise<Settings> {
  parseInput(keyInput, { key })
  const after = parseInput(settingSchemas[key], value)
  const target = `setting:${key}`
  requireScope(context.actor, rootUnitPath, target)
  return write(context, { action: 'setting.put', permission: 'settings:write' }, async (transaction) => {
    const before = (await loadSettings(transaction))[key]
    const row = { value: after, updatedAt: new Date(context.clock.now()), updatedBy: context.actor.name }
    await transaction
      .insert(settings)
      .values({ key, ...row })
      .onConflictDoUpdate({ target: settings.key, set: row })
    const result = await loadSettings(transaction)
    return { result, target, unitPath: rootUnitPath, detail: { before, after } }
  })
}
