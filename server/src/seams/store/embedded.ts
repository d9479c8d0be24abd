import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import type { Logger } from 'pino'
import { syncDirectory } from '../../lib/private-file.ts'
import { lockDirectory, processCommand } from '../child/directory-lock.ts'
import { freePort } from '../child/free-port.ts'
import { endWithParent } from '../child/parent-watch.ts'
import { keptSecret } from '../child/secret.ts'
import { type ChildState, supervise } from '../child/supervise.ts'
import type { Clock } from '../clock/clock.ts'
import { type Account, serverAccount } from './account.ts'
import { locateBinaries } from './binaries.ts'

const run = promisify(execFile)
const databaseUser = 'watchfire'

export interface StoreServer {
  url: string
  state(): ChildState
  onState(listener: (state: ChildState) => void): () => void
  pid(): number | undefined
  stop(): Promise<void>
}

/**
 * Starts the PostgreSQL that comes with npm as a supervised child: data under `dataDir/state`, loopback only, SCRAM with
 * a random password kept in a 0600 file, fsync on. A server that a killed predecessor left running on the same data is
 * stopped first. Rejects with DATA_DIR_BUSY when a living program uses the data.
 */
export async function startEmbeddedPostgres(
  dataDir: string,
  { logger, clock }: { logger: Logger; clock: Clock },
): Promise<StoreServer> {
  const directory = join(dataDir, 'state')
  const cluster = join(directory, 'cluster')
  const unlock = lockDirectory(directory)
  try {
    const binaries = locateBinaries()
    const account = await serverAccount(directory, binaries.postgres)
    const password = keptSecret(join(directory, 'password'), clock)
    await stopOrphan(cluster, logger, clock)
    if (!existsSync(join(cluster, 'PG_VERSION')))
      await createCluster(binaries.initdb, directory, password, account, clock)
    const port = await freePort(clock)
    const url = `postgres://${databaseUser}:${password}@127.0.0.1:${port}/postgres`
    const child = await supervise(
      {
        name: 'postgresql',
        readyTimeoutMs: 10 * 60_000,
        async spawn() {
          await stopOrphan(cluster, logger, clock)
          return spawnServer(binaries.postgres, cluster, port, account, logger)
        },
        probe: () => probe(url),
        // SIGINT is PostgreSQL's fast shutdown: open transactions are rolled back, a checkpoint is written.
        requestStop: async (process) => void process.kill('SIGINT'),
      },
      { logger, clock },
    )
    return {
      url,
      state: child.state,
      onState: child.onState,
      pid: child.pid,
      async stop() {
        await child.stop()
        unlock()
      },
    }
  } catch (error) {
    unlock()
    throw error
  }
}

/** Made under another name and renamed when whole, so that a kill in the middle leaves nothing half-made. */
async function createCluster(
  initdb: string,
  directory: string,
  password: string,
  account: Account,
  clock: Clock,
): Promise<void> {
  const draft = join(directory, 'cluster.new')
  const passwordFile = join(directory, `initial-${clock.id()}`)
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(draft, { mode: 0o700 })
  if (account.uid !== undefined && account.gid !== undefined) chownSync(draft, account.uid, account.gid)
  try {
    await writeFile(passwordFile, `${password}\n`, { mode: 0o600 })
    if (account.uid !== undefined && account.gid !== undefined) chownSync(passwordFile, account.uid, account.gid)
    const [command, ...args] = account.command([
      initdb,
      `--pgdata=${draft}`,
      `--username=${databaseUser}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      // The built-in provider sorts the same on every system, whatever its C library.
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--locale=C',
    ])
    await run(command!, args, { ...account.spawnOptions, cwd: draft })
    renameSync(draft, join(directory, 'cluster'))
    syncDirectory(directory)
  } finally {
    await unlink(passwordFile)
  }
}

function spawnServer(postgres: string, cluster: string, port: number, account: Account, logger: Logger): ChildProcess {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    max_connections: '120',
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
    logging_collector: 'off',
    log_destination: 'stderr',
    password_encryption: 'scram-sha-256',
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const [command, ...args] = account.command([postgres, '-D', cluster, ...flags])
  const child = spawn(command!, args, {
    ...account.spawnOptions,
    cwd: cluster,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A session of its own: Ctrl-C must reach us alone, or the server would stop before we have written our last.
    detached: true,
  })
  child.on('error', (error) => logger.error({ err: error }, 'postgresql could not be run'))
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => logger.debug({ child: 'postgresql' }, chunk.toString().trimEnd()))
  }
  endWithParent(child, 'INT')
  return child
}

async function probe(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('select 1')
  } finally {
    await client.end().catch(() => undefined)
  }
}

/**
 * Stops a server that still runs on `cluster` although nobody supervises it (we hold the directory's lock): its process
 * id stands in `postmaster.pid`. The process is only signalled when its command line names our directory.
 */
async function stopOrphan(cluster: string, logger: Logger, clock: Clock): Promise<void> {
  const pidFile = join(cluster, 'postmaster.pid')
  if (!existsSync(pidFile)) return
  const pid = Number(readFileSync(pidFile, 'utf8').split('\n')[0])
  const isOurs = () => processCommand(pid).includes(cluster)
  if (!isOurs()) return
  logger.warn({ pid }, 'stopping a postgresql that an ended program left behind')
  // Fast shutdown first; immediate shutdown (which replays its log at the next start) when that takes too long.
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (!isOurs()) return
    process.kill(pid, signal)
    for (let waitedMs = 0; waitedMs < 10_000 && isOurs(); waitedMs += 50) await clock.sleep(50)
  }
}
