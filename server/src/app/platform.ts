import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { openAutonomousSystems, readAutonomousSystems } from '../enrich/autonomous-systems.ts'
import { checkPlaceFiles } from '../enrich/geo.ts'
import type { Change } from '../event/change.ts'
import { CodedError } from '../event/errors.ts'
import { createServer } from '../present/server.ts'
import { openLocalBus } from '../seams/bus/local.ts'
import type { Clock } from '../seams/clock/clock.ts'
import { openEvents } from '../seams/events/open.ts'
import { openStore } from '../seams/store/open.ts'
import { type Actor, type Permission, systemActor } from '../state/actor.ts'
import { openHeadSigner } from '../state/audit/sign-head.ts'
import { endInterruptedJobs } from '../state/rule-jobs/end-interrupted.ts'
import { loseOpenRuns } from '../state/runs/lose.ts'
import { openMasterKeys } from '../state/secrets/master-keys.ts'
import { createToken } from '../state/tokens/create.ts'
import { ensureRootUnit } from '../state/units/ensure-root.ts'
import { rootUnitId } from '../state/units/unit.ts'
import { bootstrapIdentity, type FirstAccount } from '../state/users/bootstrap.ts'
import { createHealthProbe } from './health.ts'
import { startHousekeeping } from './housekeeping.ts'
import { claimDataDir } from './instance.ts'
import { createMetrics } from './metrics.ts'
import type { ThreadData } from './threads/data.ts'
import { startThread, type Thread } from './threads.ts'

export interface Platform {
  httpUrl: string
  /** Answered once in the life of an installation. */
  firstAccounts: FirstAccount[]
  threads: Thread[]
  /** A bearer token for work the program does itself on the root unit; it ends after a day. */
  issueToken(actor: Actor, permissions: Permission[]): Promise<string>
  /** Records taken in that are not stored, or matches that are not worked off, as the threads last told. */
  backlog(): number
  /** Ends everything in the order of the flow, so that what was taken in is stored or stays on the bus. */
  stop(): Promise<void>
}

const dayMs = 86_400_000
const shortTokenLength = 24

/**
 * Starts everything in one process: the two stores as supervised children, the bus, the worker threads, the HTTP
 * server. Rejects with a coded error when a part cannot start; what was started by then is stopped.
 */
export async function startPlatform(
  config: Config,
  surroundings: {
    logger: Logger
    clock: Clock
    version: string
    /** Origin on loopback that webhooks of the demo may reach. */
    demoReceiver?: string
  },
): Promise<Platform> {
  const { logger, clock, version, demoReceiver } = surroundings
  checkPlaceFiles(config)
  const claim = claimDataDir(config.dataDir)
  /** Undone last to first. */
  const undo: (() => Promise<unknown>)[] = [async () => claim.release()]
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) {
      await step().catch((error: unknown) => logger.error({ err: error }, 'a part did not stop in good order'))
    }
  }
  try {
    const [store, events] = await settleBoth(
      openStore(config, { logger, clock }),
      openEvents(config, { logger, clock }),
      undo,
    )
    await ensureRootUnit(store.database, clock)
    await endInterruptedJobs(store.database, clock)
    await loseOpenRuns({ database: store.database, clock, actor: systemActor('back-tests') }, 'backtest')
    if (config.bootstrapToken !== undefined && config.bootstrapToken.length < shortTokenLength)
      logger.warn('WATCHFIRE_BOOTSTRAP_TOKEN is short enough to be guessed; use 32 or more random characters')
    const firstAccounts = await bootstrapIdentity(store.database, clock, { bootstrapToken: config.bootstrapToken })
    const keys = openMasterKeys(config.dataDir, clock)
    const heads = await openHeadSigner(store.database, clock, config.dataDir)
    undo.push(() => heads.sign())

    const bus = await openLocalBus({
      directory: join(config.dataDir, 'bus'),
      partitions: [0],
      limitBytes: config.busLimitBytes,
      logger,
      clock,
    })
    undo.push(() => bus.close())

    const canaryKey = clock.random(32).toString('hex')
    const access = { storeUrl: store.url, eventsAccess: events.access }
    const autonomousSystems = shippedAutonomousSystems(logger)
    const data: ThreadData = { config, ...access, autonomousSystems, canaryKey, demoReceiver, index: 0 }
    const threads: Thread[] = []
    const start = async (name: string, file: string, index = 0) => {
      const thread = startThread(
        name,
        new URL(`./threads/${file}.js`, import.meta.url),
        { ...data, index },
        { logger, clock },
      )
      undo.push(() => thread.stop())
      threads.push(thread)
      await thread.ready
    }
    // Consumers before producers, so that nothing waits; stopped in the opposite order.
    await start('correlate', 'correlate')
    for (let index = 0; index < config.processThreads; index++) await start(`process-${index}`, 'process', index)
    await start('history', 'history')
    await start('collect', 'collect')

    const changes = bus.broadcast<Change>('changes')
    const signAuditHead = () => heads.sign()
    const server = createServer({
      config,
      version,
      clock,
      logger,
      database: store.database,
      keys,
      events: events.query,
      bus,
      changes,
      canaryKey,
      health: createHealthProbe({ config, store, events, threads, clock }),
      metrics: createMetrics({ threads, store, events }),
      webFolder: webFolder(),
    })
    undo.push(() => server.close())
    const measureReadiness = () => server.measureReadiness()
    const housekeeping = startHousekeeping({
      database: store.database,
      clock,
      changes,
      signAuditHead,
      measureReadiness,
      retentionDays: config.retentionDays,
      logger,
    })
    undo.push(() => housekeeping.stop())
    const httpUrl = await server.listen({ host: config.bind, port: config.httpPort }).catch((cause: Error) => {
      const place = { host: config.bind, port: config.httpPort }
      const message = `HTTP ${place.host}:${place.port} cannot be listened on: ${cause.message}`
      throw new CodedError('LISTEN_FAILED', message, place, { cause })
    })
    claim.publish({ httpUrl, storeUrl: store.url })
    const issueToken = async (actor: Actor, permissions: Permission[]) => {
      const expiresAt = new Date(clock.now() + dayMs)
      const context = { database: store.database, clock, actor }
      return (await createToken(context, { name: actor.name, permissions, unitId: rootUnitId, expiresAt })).token
    }
    const backlog = () =>
      threads.reduce((sum, { stats }) => sum + (stats().lag ?? 0) + (stats().matchesLag ?? 0) + (stats().open ?? 0), 0)
    return { httpUrl, firstAccounts, threads, issueToken, backlog, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Both stores start at once; when one fails, the other is stopped before the failure is told. */
async function settleBoth<First extends { close(): Promise<void> }, Second extends { close(): Promise<void> }>(
  first: Promise<First>,
  second: Promise<Second>,
  undo: (() => Promise<unknown>)[],
): Promise<[First, Second]> {
  const [one, two] = await Promise.allSettled([first, second])
  if (one.status === 'fulfilled') undo.push(() => one.value.close())
  if (two.status === 'fulfilled') undo.push(() => two.value.close())
  if (one.status === 'rejected') throw one.reason
  if (two.status === 'rejected') throw two.reason
  return [one.value, two.value]
}

/** The table that the build compiled. Events are stored without autonomous systems rather than not at all. */
function shippedAutonomousSystems(logger: Logger): SharedArrayBuffer | undefined {
  const path = fileURLToPath(new URL('../enrich/autonomous-systems.bin', import.meta.url))
  try {
    const block = readAutonomousSystems(path)
    openAutonomousSystems(block)
    return block
  } catch (err) {
    logger.error(
      { err, path },
      'the table of autonomous systems cannot be used; building or installing again renews it',
    )
    return undefined
  }
}

/** The built web client: inside the published package, or beside the server in a clone; absent when it was not built. */
function webFolder(): string | undefined {
  return ['../../web', '../../../web/dist']
    .map((path) => fileURLToPath(new URL(path, import.meta.url)))
    .find((path) => existsSync(join(path, 'index.html')))
}
