import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import type { Logger } from 'pino'
import type { Config } from '../../config/config.ts'
import { CodedError } from '../../event/errors.ts'
import type { Event } from '../../event/event.ts'
import type { ChildState } from '../child/supervise.ts'
import type { Clock } from '../clock/clock.ts'
import type { EventsLogins, Login } from './child-config.ts'
import { startEventsChild } from './embedded.ts'
import { asEventsError } from './errors.ts'
import { createInserter, type EventBlock } from './insert.ts'
import { databaseName, migrateEvents } from './schema.ts'

/** What another thread needs to reach the event store; holds passwords, never to be logged. */
export interface EventsAccess {
  urls: readonly string[]
  writer: Login
  reader: Login
  retentionDays: number
}

export interface EventsConnection {
  /** Reads as the reader: each query must say for whom, see `visibleTo`. */
  query: ClickHouseClient
  /** A new block of events, to be filled and stored. */
  openBlock(): EventBlock
  /** Stores events as one block; see `EventBlock.insert`. */
  insertBlock(events: readonly Event[], token: string): Promise<void>
  close(): Promise<void>
}

export interface Events extends EventsConnection {
  access: EventsAccess
  state(): ChildState
  /** Process of the embedded engine; undefined while it is down, and for an external server. */
  pid(): number | undefined
  /** Version of ClickHouse as of the opening. */
  version: string
  /** Calls `listener` at every change of state; returns the function that stops listening. */
  onState(listener: (state: ChildState) => void): () => void
}

type EventsConfig = Pick<
  Config,
  'events' | 'dataDir' | 'retentionDays' | 'eventsCluster' | 'eventsWriter' | 'eventsReader'
>

interface Surroundings {
  logger: Logger
  clock: Clock
}

const watchIntervalMs = 5_000

/**
 * Opens the event store the configuration names: `embedded`, or the URLs of a ClickHouse server or of the nodes of a
 * cluster (with the migrator's user and password in them), brings its tables up to date and returns it. Rejects with
 * DATA_DIR_BUSY, CONFIG_INVALID (no row filter for the reader), DATA_OF_ANOTHER_VERSION (tables of another version) or
 * EVENTS_UNAVAILABLE (an external server does not answer).
 */
export async function openEvents(config: EventsConfig, surroundings: Surroundings): Promise<Events> {
  const server =
    config.events === 'embedded' ? await startEmbedded(config, surroundings) : await watchExternal(config, surroundings)
  try {
    for (const url of server.urls) await migrate(url, server.logins, config.eventsCluster)
  } catch (error) {
    await server.stop()
    throw asEventsError(error)
  }
  const { writer, reader } = server.logins
  const access = { urls: server.urls, writer, reader, retentionDays: config.retentionDays }
  const connection = connectEvents(access)
  let version: string
  try {
    version = await versionOf(connection.query)
  } catch (error) {
    await connection.close()
    await server.stop()
    throw asEventsError(error)
  }
  return {
    ...connection,
    access,
    state: server.state,
    pid: server.pid,
    version,
    onState: server.onState,
    async close() {
      await connection.close()
      await server.stop()
    },
  }
}

async function versionOf(client: ClickHouseClient): Promise<string> {
  const answer = await client.query({ query: 'SELECT version() AS version', format: 'JSONEachRow' })
  return (await answer.json<{ version: string }>())[0]!.version
}

/** Connects to an event store that another thread has opened; `access` is `Events.access`. */
export function connectEvents(
  access: EventsAccess,
  retentionDaysOf: (event: Event) => number = () => access.retentionDays,
): EventsConnection {
  const query = clientFor(access.urls[0]!, access.reader)
  const inserter = createInserter({ urls: access.urls, writer: access.writer, retentionDaysOf })
  return {
    query,
    openBlock: inserter.openBlock,
    insertBlock: inserter.insertBlock,
    async close() {
      await inserter.close()
      await query.close()
    },
  }
}

/**
 * Settings a query must carry (`clickhouse_settings`): it sees the rows of the unit that `unitPath` ends with and of the
 * units below it, and none without them. The path of the program itself, `/`, stands for the root unit; a text that is
 * no path of unit ids sees nothing.
 */
export function visibleTo(unitPath: string): { log_comment: string } {
  const unitId = unitPath === '/' ? '1' : /^(?:\/\d+)*\/(\d+)\/$/.exec(unitPath)?.[1]
  return { log_comment: unitId === undefined ? '' : `/${unitId}/` }
}

function clientFor(url: string, { username, password }: Login): ClickHouseClient {
  return createClient({
    url,
    username,
    password,
    application: 'watchfire',
    request_timeout: 120_000,
    max_open_connections: 16,
    // It remembers which parts of the table hold nothing for a condition, and must not do so across units.
    clickhouse_settings: { use_query_condition_cache: 0 },
    // Below the server's own limit, so that a socket it has closed is not used.
    keep_alive: { enabled: true, idle_socket_ttl: 2_000 },
    log: { level: ClickHouseLogLevel.OFF },
  })
}

async function migrate(url: string, logins: EventsLogins, cluster: string | undefined): Promise<void> {
  const client = clientFor(url, logins.migrator)
  try {
    await migrateEvents(client, cluster)
    await requireRowFilter(client, logins.reader, cluster === undefined ? 'events' : 'events_local')
  } finally {
    await client.close()
  }
}

/** Refuses to work when the reader would see the rows of every unit: an external server may be set up wrongly. */
async function requireRowFilter(client: ClickHouseClient, reader: Login, table: string): Promise<void> {
  const answer = await client.query({
    query: `SELECT count() AS filters FROM system.row_policies
      WHERE database = {database: String} AND table = {table: String} AND has(apply_to_list, {reader: String})
        AND position(select_filter, 'log_comment') > 0`,
    query_params: { database: databaseName, table, reader: reader.username },
    format: 'JSONEachRow',
  })
  const [row] = await answer.json<{ filters: string }>()
  if (Number(row?.filters ?? 0) > 0) return
  const message = `The event store has no row filter for ${reader.username} on ${databaseName}.${table}; see docs/reference/event-store.md`
  throw new CodedError('CONFIG_INVALID', message, { reader: reader.username, table })
}

async function startEmbedded(config: EventsConfig, surroundings: Surroundings) {
  const child = await startEventsChild({ dataDir: config.dataDir, ...surroundings })
  const { url, logins, state, pid, onState, stop } = child
  return { urls: [url], logins, state, pid, onState, stop }
}

/** External servers are not ours to start; we only watch whether the first answers, so that the platform can say so. */
async function watchExternal(config: EventsConfig, { logger, clock }: Surroundings) {
  const { urls, migrator } = parseUrls(config.events)
  const logins = {
    migrator,
    writer: parseLogin(config.eventsWriter, 'eventsWriter'),
    reader: parseLogin(config.eventsReader, 'eventsReader'),
  }
  const client = clientFor(urls[0]!, migrator)
  const ask = async () => {
    const answer = await client.ping({ select: true })
    if (!answer.success) throw asEventsError(answer.error)
  }
  const listeners = new Set<(state: ChildState) => void>()
  const stopping = new AbortController()
  let state: ChildState = 'ready'
  const watch = async () => {
    while (!stopping.signal.aborted) {
      await clock.sleep(watchIntervalMs, stopping.signal).catch(() => undefined)
      if (stopping.signal.aborted) return
      const next = await ask().then(
        (): ChildState => 'ready',
        (): ChildState => 'down',
      )
      if (next === state) continue
      state = next
      logger[next === 'ready' ? 'info' : 'error']({ state }, `the external event store is ${next}`)
      for (const listener of listeners) listener(next)
    }
  }
  try {
    await ask()
  } catch (error) {
    await client.close()
    throw error
  }
  const watching = watch()
  return {
    urls,
    logins,
    state: () => state,
    pid: () => undefined,
    onState(listener: (state: ChildState) => void) {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },
    async stop() {
      stopping.abort()
      await watching
      await client.close()
    },
  }
}

function parseUrls(setting: string): { urls: string[]; migrator: Login } {
  try {
    const parsed = setting.split(',').map((text) => new URL(text.trim()))
    const { username, password } = parsed[0]!
    if (username === '') throw new TypeError('it names no user')
    const urls = parsed.map((url) => {
      if (url.protocol !== 'http:' && url.protocol !== 'https:')
        throw new TypeError(`${url.protocol} is not http or https`)
      return url.origin
    })
    return { urls, migrator: { username: decodeURIComponent(username), password: decodeURIComponent(password) } }
  } catch (cause) {
    const message = 'The setting events must be "embedded" or http(s)://user:password@host:port, several with commas'
    throw new CodedError('CONFIG_INVALID', `${message}: ${(cause as Error).message}`, {}, { cause })
  }
}

function parseLogin(setting: string | undefined, name: string): Login {
  const colon = setting?.indexOf(':') ?? -1
  if (setting === undefined || colon < 1) {
    throw new CodedError('CONFIG_INVALID', `With an external event store the setting ${name} must be user:password`, {
      name,
    })
  }
  return { username: setting.slice(0, colon), password: setting.slice(colon + 1) }
}
