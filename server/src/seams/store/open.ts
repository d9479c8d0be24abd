import { sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import pg from 'pg'
import type { Logger } from 'pino'
import type { Config } from '../../config/config.ts'
import type { ChildState } from '../child/supervise.ts'
import type { Clock } from '../clock/clock.ts'
import { startEmbeddedPostgres } from './embedded.ts'
import { asStoreError } from './errors.ts'
import { migrateStore } from './migrate.ts'
import type { Database, Store } from './store.ts'

interface Surroundings {
  logger: Logger
  clock: Clock
}

const poolSize = 16
const connectTimeoutMs = 10_000
const watchIntervalMs = 5_000

/**
 * Opens the state store the configuration names (`embedded` or a `postgres://` URL), brings its schema up to date and
 * returns it. Rejects with DATA_DIR_BUSY when another program uses the data directory, DATA_OF_ANOTHER_VERSION when the schema is of
 * another version, STORE_UNAVAILABLE when an external server does not answer.
 */
export async function openStore(config: Pick<Config, 'state' | 'dataDir'>, surroundings: Surroundings): Promise<Store> {
  const server =
    config.state === 'embedded'
      ? await startEmbeddedPostgres(config.dataDir, surroundings)
      : await watchExternal(config.state, surroundings)
  try {
    await migrateStore(server.url)
  } catch (error) {
    await server.stop()
    throw error
  }
  const connection = connectStore(server.url, surroundings)
  let version: string
  try {
    version = await versionOf(connection.database)
  } catch (error) {
    await connection.close()
    await server.stop()
    throw asStoreError(error)
  }
  return {
    database: connection.database,
    url: server.url,
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

/** `18.1`; what a distribution appends in brackets is left out. */
async function versionOf(database: Database): Promise<string> {
  const { rows } = await database.execute<{ version: string }>(sql`SELECT current_setting('server_version') AS version`)
  return rows[0]!.version.split(' ')[0]!
}

/** A pool of connections to a store that another thread has opened; `url` is `Store.url`. */
export function connectStore(
  url: string,
  { logger }: Pick<Surroundings, 'logger'>,
): { database: Database; close(): Promise<void> } {
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    connectionTimeoutMillis: connectTimeoutMs,
    application_name: 'watchfire',
  })
  // An idle connection that breaks (the server went away) is replaced at the next query; without this it would be thrown.
  pool.on('error', (error) => logger.warn({ err: error }, 'a connection to the state store broke'))
  // One that breaks in the middle of a transaction fails its query; the event that tells of it again must find a
  // listener too, or it would end the thread, and in the main thread the program.
  pool.on('connect', (client) => client.on('error', () => undefined))
  return { database: drizzle(pool, { casing: 'snake_case' }), close: () => pool.end() }
}

/** An external server is not ours to start; we only watch whether it answers, so that the platform can say so. */
async function watchExternal(url: string, { logger, clock }: Surroundings) {
  const listeners = new Set<(state: ChildState) => void>()
  const stopping = new AbortController()
  let state: ChildState = 'ready'
  await askOnce(url)
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      await clock.sleep(watchIntervalMs, stopping.signal).catch(() => undefined)
      if (stopping.signal.aborted) return
      const next = await askOnce(url).then(
        (): ChildState => 'ready',
        (): ChildState => 'down',
      )
      if (next === state) continue
      state = next
      logger[next === 'ready' ? 'info' : 'error']({ state }, `the external state store is ${next}`)
      for (const listener of listeners) listener(next)
    }
  })()
  return {
    url,
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
    },
  }
}

async function askOnce(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: connectTimeoutMs })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('select 1')
  } catch (error) {
    throw asStoreError(error)
  } finally {
    await client.end().catch(() => undefined)
  }
}
