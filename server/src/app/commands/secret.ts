import { text } from 'node:stream/consumers'
import { type Command, Option } from 'commander'
import type { Config } from '../../config/config.ts'
import { systemClock } from '../../seams/clock/clock.ts'
import { systemActor } from '../../state/actor.ts'
import { listSecrets } from '../../state/secrets/list.ts'
import { openMasterKeys } from '../../state/secrets/master-keys.ts'
import { putSecret } from '../../state/secrets/put.ts'
import { removeSecret } from '../../state/secrets/remove.ts'
import { rotateMasterKey } from '../../state/secrets/rotate.ts'
import type { SecretPurpose } from '../../state/secrets/secret.ts'
import { withStore } from '../with-store.ts'

/** `watchfire secret`: what connectors need to sign in elsewhere. Values are written, never shown. */
export function secretCommand(program: Command, config: () => Config): void {
  const secret = program
    .command('secret')
    .description('passwords and keys of connectors, sealed; values are never shown')
  const actor = systemActor('command line')

  secret
    .command('list')
    .description('names and times')
    .addOption(new Option('--purpose <purpose>').choices(['notification', 'setting', 'source']).default('notification'))
    .action(({ purpose }: { purpose: SecretPurpose }) =>
      withStore(config(), async (database) => {
        const { items } = await listSecrets({ database, clock: systemClock, actor }, { limit: 500, purpose })
        for (const row of items) console.log([row.name, row.updatedAt.toISOString()].join('\t'))
      }),
    )

  secret
    .command('put <name>')
    .description('seals the value read from standard input, e.g. notification:mail')
    .action(async (name: string) => {
      const value = (await text(process.stdin)).replace(/\n$/, '')
      await withStore(config(), (database) => {
        const keys = openMasterKeys(config().dataDir, systemClock)
        return putSecret({ database, clock: systemClock, actor }, keys, { name, value })
      })
    })

  secret
    .command('remove <name>')
    .description('forgets a secret')
    .action((name: string) =>
      withStore(config(), (database) => removeSecret({ database, clock: systemClock, actor }, { name })),
    )

  secret
    .command('rotate')
    .description('makes a new master key and seals every data key with it')
    .action(() =>
      withStore(config(), async (database) => {
        const keys = openMasterKeys(config().dataDir, systemClock)
        const count = await rotateMasterKey({ database, clock: systemClock, actor }, keys)
        console.log(`${count} secrets are sealed with the new key`)
      }),
    )
}
