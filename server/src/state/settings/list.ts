import { type Context, read } from '../write.ts'
import { loadSettings, type Settings } from './setting.ts'

/** All settings in force. */
export async function listSettings(context: Context): Promise<Settings> {
  return read(context, 'health:read', loadSettings)
}
