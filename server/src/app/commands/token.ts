import type { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import { systemClock } from '../../seams/clock/clock.ts'
import { type Permission, systemActor } from '../../state/actor.ts'
import { createToken } from '../../state/tokens/create.ts'
import { listTokens } from '../../state/tokens/list.ts'
import { revokeToken } from '../../state/tokens/revoke.ts'
import { withStore } from '../with-store.ts'

const dayMs = 86_400_000

/** `watchfire token`: bearer tokens for programs, from the machine itself. Audited like every change. */
export function tokenCommand(program: Command, config: () => Config): void {
  const token = program.command('token').description('API tokens for programs')
  const actor = systemActor('command line')

  token
    .command('create <name>')
    .description('prints a new token once')
    .requiredOption('--permission <permission...>', 'what it may do, e.g. ingest event:read incident:read')
    .option('--unit <id>', 'unit it belongs to; the root unit unless named', Number)
    .option('--days <days>', 'days until it expires', Number, 365)
    .action((name: string, options: { permission: Permission[]; unit?: number; days: number }) =>
      withStore(config(), async (database) => {
        const created = await createToken(
          { database, clock: systemClock, actor },
          {
            name,
            permissions: options.permission,
            unitId: options.unit ?? 1,
            expiresAt: new Date(systemClock.now() + options.days * dayMs),
          },
        )
        console.log(created.token)
      }),
    )

  token
    .command('list')
    .description('id, name, permissions, unit and expiry of every token')
    .action(() =>
      withStore(config(), async (database) => {
        const { items } = await listTokens({ database, clock: systemClock, actor }, { limit: 500 })
        for (const row of items) {
          const state = row.revokedAt ? 'revoked' : (row.expiresAt?.toISOString() ?? 'no expiry')
          console.log([row.id, row.name, row.permissions.join(','), row.unitPath, state].join('\t'))
        }
      }),
    )

  token
    .command('revoke <id>')
    .description('ends a token at once')
    .action((id: string) =>
      withStore(config(), async (database) => {
        await revokeToken({ database, clock: systemClock, actor }, { id })
        console.log(`revoked ${id}`)
      }),
    )
}
