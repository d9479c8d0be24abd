import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync } from 'node:fs'
import { promisify } from 'node:util'
import { CodedError } from '../../event/errors.ts'

const run = promisify(execFile)
const accountName = 'postgres'

/** Who runs the database server. PostgreSQL refuses to run as root, so root hands it to the account `postgres`. */
export interface Account {
  uid: number | undefined
  gid: number | undefined
  spawnOptions: { uid?: number; gid?: number; env: Record<string, string> }
  /** Wraps a command line when more than a change of user is needed. */
  command(commandLine: string[]): string[]
}

/** Nothing of our own environment (secrets among it) reaches the server. */
const environment = { PATH: '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' }

/**
 * The account for the server. As root: `postgres`, made when the system has none; where that account cannot reach the
 * binaries or the data (a clone under /root), it is given the one capability that passes directory permissions.
 */
export async function serverAccount(directory: string, postgresBinary: string): Promise<Account> {
  if (process.getuid?.() !== 0) {
    return { uid: undefined, gid: undefined, spawnOptions: { env: environment }, command: (line) => line }
  }
  const ids = (await lookUp()) ?? (await create())
  mkdirSync(directory, { recursive: true })
  chmodSync(directory, 0o711)
  const plain: Account = { ...ids, spawnOptions: { ...ids, env: environment }, command: (line) => line }
  if (await canRun(plain, postgresBinary, directory)) return plain
  const wrapped: Account = {
    ...ids,
    spawnOptions: { env: environment },
    command: (line) => [
      'setpriv',
      `--reuid=${ids.uid}`,
      `--regid=${ids.gid}`,
      '--clear-groups',
      '--inh-caps=+dac_override',
      '--ambient-caps=+dac_override',
      ...line,
    ],
  }
  if (await canRun(wrapped, postgresBinary, directory)) return wrapped
  throw new CodedError(
    'CONFIG_INVALID',
    `PostgreSQL does not run as root, and the account ${accountName} cannot reach ${directory} or ${postgresBinary}; start Watchfire as another user, or choose a dataDir that every user can enter`,
    { directory, postgresBinary },
  )
}

async function canRun(account: Account, postgresBinary: string, directory: string): Promise<boolean> {
  const reaches = async (line: string[]) => {
    const [command, ...args] = account.command(line)
    await run(command!, args, { ...account.spawnOptions, cwd: '/' })
  }
  try {
    await reaches([postgresBinary, '--version'])
    await reaches(['/bin/sh', '-c', 'cd "$1"', 'reach', directory])
    return true
  } catch {
    return false
  }
}

async function lookUp(): Promise<{ uid: number; gid: number } | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', accountName]), run('id', ['-g', accountName])])
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
  } catch {
    return undefined
  }
}

async function create(): Promise<{ uid: number; gid: number }> {
  try {
    await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', accountName])
  } catch (cause) {
    throw new CodedError(
      'CONFIG_INVALID',
      `PostgreSQL does not run as root, and the account ${accountName} could not be made; start Watchfire as another user`,
      {},
      { cause },
    )
  }
  const ids = await lookUp()
  if (ids === undefined) throw new CodedError('CONFIG_INVALID', `The account ${accountName} was made but is not found`)
  return ids
}
