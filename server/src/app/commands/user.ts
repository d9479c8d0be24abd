import type { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import { CodedError } from '../../event/errors.ts'
import { systemClock } from '../../seams/clock/clock.ts'
import { systemActor } from '../../state/actor.ts'
import { revokeAllSessions } from '../../state/sessions/revoke-all.ts'
import { listUsers } from '../../state/users/list.ts'
import { resetPassword } from '../../state/users/reset-password.ts'
import type { User } from '../../state/users/user.ts'
import type { Context } from '../../state/write.ts'
import { withStore } from '../with-store.ts'

/** `watchfire user`: help for who is locked out, from the machine itself. Audited like every change. */
export function userCommand(program: Command, config: () => Config): void {
  const user = program.command('user').description('people who may sign in')

  user
    .command('list')
    .description('name, role, unit and state of every person')
    .action(() =>
      withStore(config(), async (database) => {
        const context = { database, clock: systemClock, actor: systemActor('command line') }
        for (let cursor: string | undefined, more = true; more; ) {
          const page = await listUsers(context, { limit: 200, cursor })
          for (const row of page.items) {
            console.log([row.id, row.name, row.role, row.unitPath, row.disabled ? 'disabled' : 'active'].join('\t'))
          }
          cursor = page.next ?? undefined
          more = cursor !== undefined
        }
      }),
    )

  user
    .command('reset-password <name>')
    .description('prints a new one-time password and ends the sessions of the person')
    .action((name: string) =>
      withStore(config(), async (database) => {
        const context = { database, clock: systemClock, actor: systemActor('command line') }
        const found = await findUser(context, name)
        const { oneTimePassword } = await resetPassword(context, { id: found.id })
        console.log(oneTimePassword)
      }),
    )

  user
    .command('sign-out <name>')
    .description('ends all sessions of the person')
    .action((name: string) =>
      withStore(config(), async (database) => {
        const context = { database, clock: systemClock, actor: systemActor('command line') }
        const found = await findUser(context, name)
        console.log(`${await revokeAllSessions(context, { userId: found.id })} sessions ended`)
      }),
    )
}

/** Throws NOT_FOUND. */
async function findUser(context: Context, name: string): Promise<User> {
  const { items } = await listUsers(context, { text: name, limit: 200 })
  const found = items.find((row) => row.name === name)
  if (!found) throw new CodedError('NOT_FOUND', `there is no person named ${name}`, { name })
  return found
}
