import type { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import { CodedError } from '../../event/errors.ts'
import { systemClock } from '../../seams/clock/clock.ts'
import { systemActor } from '../../state/actor.ts'
import { listSettings } from '../../state/settings/list.ts'
import { putSetting } from '../../state/settings/put.ts'
import { type SettingKey, type Settings, settingKeys } from '../../state/settings/setting.ts'
import { withStore } from '../with-store.ts'

/** `watchfire setting`: what is changed while the program runs. Audited like every change. */
export function settingCommand(program: Command, config: () => Config): void {
  const setting = program.command('setting').description('settings that are changed while the program runs')
  const context = { clock: systemClock, actor: systemActor('command line') }

  setting
    .command('list')
    .description('keys and values in force')
    .action(() =>
      withStore(config(), async (database) => {
        for (const [key, value] of Object.entries(await listSettings({ ...context, database }))) {
          console.log(`${key}\t${JSON.stringify(value)}`)
        }
      }),
    )

  setting
    .command('put <key> <value>')
    .description('sets a key; the value is JSON, or a plain text')
    .action((key: string, value: string) =>
      withStore(config(), async (database) => {
        if (!(settingKeys as string[]).includes(key)) {
          throw new CodedError('NOT_FOUND', `there is no setting ${key}; there are ${settingKeys.join(', ')}`, { key })
        }
        await putSetting({ ...context, database }, key as SettingKey, readValue(value) as Settings[SettingKey])
      }),
    )
}

function readValue(value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}
