import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import { CodedError } from '../../event/errors.ts'
import { lockDirectory, processCommand } from '../child/directory-lock.ts'
import { freePort } from '../child/free-port.ts'
import { keptSecret } from '../child/secret.ts'
import { type SupervisedChild, supervise } from '../child/supervise.ts'
import type { Clock } from '../clock/clock.ts'
import { type ChildCluster, configXml, type EventsLogins, usersXml } from './child-config.ts'

export interface EventsChild extends SupervisedChild {
  /** `http://127.0.0.1:port`, without a password. */
  url: string
  logins: EventsLogins
}

export interface EventsChildOptions {
  dataDir: string
  logger: Logger
  clock: Clock
  /** Also listens for other nodes on this port and knows the cluster: for a cluster of such children. */
  cluster?: ChildCluster & { port: number }
}

const childScript = fileURLToPath(new URL('./child.mjs', import.meta.url))

/**
 * Starts the ClickHouse engine that comes with npm as a supervised child: data under `dataDir/events`, loopback only,
 * three users with random passwords kept in 0600 files. A child that a killed predecessor left on the same data is
 * ended first. Rejects with DATA_DIR_BUSY when a living program uses the data.
 */
export async function startEventsChild({ dataDir, logger, clock, cluster }: EventsChildOptions): Promise<EventsChild> {
  const directory = join(dataDir, 'events')
  const unlock = lockDirectory(directory)
  try {
    const library = locateLibrary()
    const pidFile = join(directory, 'child.pid')
    const login = (name: string) => ({
      username: `watchfire_${name}`,
      password: keptSecret(join(directory, `${name}.password`), clock),
    })
    const logins = { migrator: login('migrator'), writer: login('writer'), reader: login('reader') }
    const port = await freePort(clock)
    const url = `http://127.0.0.1:${port}`
    const ask = (sql: string) => post(url, logins.migrator, sql)
    const configPath = writeConfig(directory, logins, cluster)
    const child = await supervise(
      {
        name: 'clickhouse',
        readyTimeoutMs: 5 * 60_000,
        async spawn() {
          await endOrphan(pidFile, logger, clock)
          return spawnEngine({ library, pidFile, directory, configPath, port, tcpPort: cluster?.port }, logger)
        },
        // Authenticated: another program on the port would not know the password.
        probe: () => ask('SELECT 1'),
        // The engine's threads make an orderly exit hang. Nothing is lost: an insert is answered when it is on disk, and
        // one that is cut off leaves nothing behind.
        requestStop: async (process) => void process.kill('SIGKILL'),
      },
      { logger, clock },
    )
    return {
      ...child,
      url,
      logins,
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

function locateLibrary(): string {
  const libc = process.platform === 'linux' ? '-gnu' : ''
  const packageName = `@chdb/lib-${process.platform}-${process.arch}${libc}`
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${packageName}/package.json`)), 'libchdb.so')
  } catch (cause) {
    throw new CodedError(
      'CONFIG_INVALID',
      `There is no embedded event store for ${process.platform}-${process.arch}; name a ClickHouse server in the setting "events"`,
      { packageName },
      { cause },
    )
  }
}

/** Written anew at every start, so that a change of this program reaches the server. */
function writeConfig(directory: string, logins: EventsLogins, cluster: EventsChildOptions['cluster']): string {
  const usersPath = join(directory, 'users.xml')
  const configPath = join(directory, 'config.xml')
  // The queries of `startQuery`: a listener or two, and the one that keeps the engine running.
  writeFileSync(usersPath, usersXml(logins, cluster ? 3 : 2), { mode: 0o600 })
  writeFileSync(configPath, configXml(usersPath, cluster), { mode: 0o600 })
  return configPath
}

interface EnginePlaces {
  library: string
  pidFile: string
  directory: string
  configPath: string
  port: number
  tcpPort: number | undefined
}

function spawnEngine({ library, pidFile, directory, configPath, port, tcpPort }: EnginePlaces, logger: Logger) {
  const dataPath = join(directory, 'data')
  mkdirSync(dataPath, { recursive: true, mode: 0o700 })
  const engineArguments = [
    `--config-file=${configPath}`,
    `--path=${dataPath}`,
    '--multiquery',
    '--listen_host=127.0.0.1',
    `--http_port=${port}`,
    ...(tcpPort === undefined ? [] : [`--tcp_port=${tcpPort}`]),
    '--query',
    startQuery(tcpPort !== undefined),
  ]
  // None of our environment (secrets among it) reaches the child; a session of its own keeps Ctrl-C from it.
  const child = spawn(process.execPath, [childScript, library, pidFile, ...engineArguments], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
    cwd: directory,
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', TZ: 'UTC', HOME: directory },
  })
  child.on('error', (error) => logger.error({ err: error }, 'the event store could not be run'))
  child.stdin.on('error', () => undefined)
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => logger.debug({ child: 'clickhouse' }, chunk.toString().trimEnd()))
  }
  return child
}

/** Opens the listeners, then sleeps for ever: the engine lives as long as its query. */
function startQuery(withTcp: boolean): string {
  const sleep = `SELECT sleepEachRow(3) FROM system.numbers FORMAT Null SETTINGS max_block_size = 1, max_threads = 1,
    function_sleep_max_microseconds_per_block = 10000000, max_execution_time = 0`
  return `SYSTEM START LISTEN HTTP; ${withTcp ? 'SYSTEM START LISTEN TCP; ' : ''}${sleep};`
}

/** Ends a child that lives on although nobody supervises it (we hold the directory's lock). */
async function endOrphan(pidFile: string, logger: Logger, clock: Clock): Promise<void> {
  if (!existsSync(pidFile)) return
  const pid = Number(readFileSync(pidFile, 'utf8'))
  const isOurs = () => processCommand(pid).includes(pidFile)
  if (!isOurs()) return
  logger.warn({ pid }, 'ending an event store that an ended program left behind')
  process.kill(pid, 'SIGKILL')
  for (let waitedMs = 0; waitedMs < 10_000 && isOurs(); waitedMs += 20) await clock.sleep(20)
}

async function post(
  url: string,
  { username, password }: { username: string; password: string },
  sql: string,
): Promise<void> {
  const answer = await fetch(url, {
    method: 'POST',
    body: sql,
    headers: { 'X-ClickHouse-User': username, 'X-ClickHouse-Key': password },
  })
  const text = await answer.text()
  if (!answer.ok) throw new CodedError('EVENTS_UNAVAILABLE', text.slice(0, 500))
}
