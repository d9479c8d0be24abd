import { and, eq, gt, isNull, sql } from 'drizzle-orm'
import type { Logger } from 'pino'
import { isCanaryKey } from '../event/canary.ts'
import type { Change } from '../event/change.ts'
import { CodedError } from '../event/errors.ts'
import type { Detection } from '../event/event.ts'
import { requireUtcOffset } from '../lib/utc-offset.ts'
import type { BusBatch } from '../seams/bus/bus.ts'
import type { Clock } from '../seams/clock/clock.ts'
import { exceptionHits, exceptions, rejectedMatches } from '../seams/store/schema/incidents.ts'
import { offsets } from '../seams/store/schema/offsets.ts'
import type { Database, Transaction } from '../seams/store/store.ts'
import { appendAuditAll } from '../state/audit/append.ts'
import { purgeDetections } from '../state/detections/purge.ts'
import { translateStoreError } from '../state/store-error.ts'
import { type Applied, applyMatches, type Hit } from './apply.ts'
import { decodeMatch } from './decode.ts'
import { saveFindings, separateTrials } from './findings.ts'
import { sweepCandidates } from './incidents.ts'
import { addEntry, loadSeen, matchHash, type SeenWindow, storeSeen } from './seen.ts'
import { type CorrelateSettings, defaultSettings } from './settings.ts'
import type { AttackLookup } from './stage.ts'
import { compileSuppressor, type Suppressor } from './suppress.ts'

const topic = 'detections'
/** Name of the consumer group, on the bus and in the table of offsets. */
export const correlateGroup = 'correlate'

const sweepIntervalMs = 10 * 60_000

export interface CorrelatorOptions {
  database: Database
  clock: Clock
  attack: AttackLookup
  /** Called after the commit, never before. */
  notify: (change: Change) => void
  logger: Pick<Logger, 'error'>
  /** IANA name of the zone of the times in stories. */
  timeZone: string
  settings?: CorrelateSettings
  /** Days that detections of no incident are kept; for ever when left out. */
  retentionDays?: number
  /** Called with the detections of canaries: they are no one's, so no incident, notice or figure comes of them. */
  onCanaries?: (detections: Detection[]) => void
}

/** Since the start of this thread; everything left out is counted. */
export interface CorrelateCounters {
  matches: number
  /** Delivered or published before. */
  repeated: number
  /** Of rules on trial: kept apart. */
  onTrial: number
  /** Hidden by an exception. */
  hidden: number
  /** Kept in `rejected_matches`. */
  rejected: number
  opened: number
  merged: number
  /** Candidates that came to nothing and were forgotten. */
  swept: number
}

export interface Correlator {
  /**
   * Deals with one batch: all its effects and the offset are one transaction, so a batch that comes again changes
   * nothing. A record that cannot be dealt with is kept in `rejected_matches` and does not hold up the others.
   * Rejects with STORE_UNAVAILABLE when the store is away; the same call may be made again.
   */
  handle(batch: BusBatch): Promise<void>
  /** Offset after which the partition goes on; undefined when it was never read. */
  resumeAfter(partition: number): Promise<number | undefined>
  counters(): CorrelateCounters
}

export function createCorrelator(options: CorrelatorOptions): Correlator {
  const { database, clock, notify, logger } = options
  const settings = options.settings ?? defaultSettings
  const utcOffset = requireUtcOffset(options.timeZone)
  const surroundings = { attack: options.attack, settings, utcOffset }
  const windows = new Map<number, SeenWindow>()
  const exceptionsCache: ExceptionsCache = { version: '', suppressor: compileSuppressor([]) }
  const counters: CorrelateCounters = {
    matches: 0,
    repeated: 0,
    onTrial: 0,
    hidden: 0,
    rejected: 0,
    opened: 0,
    merged: 0,
    swept: 0,
  }
  let nextSweepAtMs = clock.now() + sweepIntervalMs

  async function handle(batch: BusBatch): Promise<void> {
    try {
      await handleOnce(batch)
    } catch (error) {
      const translated = translateStoreError(error)
      if (translated instanceof CodedError && translated.retry) throw translated
      if (batch.records.length > 1) {
        // Something in it cannot be dealt with: halves, down to the one record.
        const middle = batch.records.length >> 1
        await handle({ ...batch, last: batch.first + middle - 1, records: batch.records.slice(0, middle) })
        await handle({ ...batch, first: batch.first + middle, records: batch.records.slice(middle) })
        return
      }
      await reject(batch, error)
    }
  }

  async function handleOnce(batch: BusBatch): Promise<void> {
    const done = await database.transaction((transaction) => run(transaction, batch))
    if (!done) return
    if (done.canaries.length > 0) options.onCanaries?.(done.canaries)
    addEntry(done.window, done.entry, settings.seenLimit)
    windows.set(batch.partition, done.window)
    counters.matches += done.entry.hashes.length
    counters.repeated += done.repeated
    counters.onTrial += done.onTrial
    counters.hidden += done.applied.hiddenCount
    counters.opened += done.applied.openedCount
    counters.merged += done.applied.mergedCount
    for (const change of done.applied.changes) notify(change)
    await sweepWhenDue()
  }

  /** What is kept too long costs space, nothing else; so a failure here waits for the next time. */
  async function sweepWhenDue(): Promise<void> {
    const nowMs = clock.now()
    if (nowMs < nextSweepAtMs) return
    nextSweepAtMs = nowMs + sweepIntervalMs
    try {
      counters.swept += await database.transaction(async (transaction) => {
        await lockCorrelators(transaction)
        return sweepCandidates(transaction, nowMs)
      })
      if (options.retentionDays !== undefined) await purgeDetections(database, clock, options.retentionDays)
    } catch (error) {
      logger.error({ err: translateStoreError(error) }, 'old candidates and detections could not be swept')
    }
  }

  async function run(transaction: Transaction, batch: BusBatch) {
    await lockCorrelators(transaction)
    const lastOffset = await readOffset(transaction, batch.partition)
    if (lastOffset !== undefined && lastOffset >= batch.last) return undefined
    const skip = lastOffset === undefined ? 0 : Math.max(0, lastOffset + 1 - batch.first)
    const known = windows.get(batch.partition)
    const window =
      known && known.lastOffset === (lastOffset ?? -1)
        ? known
        : await loadSeen(transaction, batch.partition, lastOffset ?? -1, settings.seenLimit)
    const arrived = batch.records.slice(skip).map(decodeMatch)
    const canaries = arrived.filter(({ sourceKey }) => isCanaryKey(sourceKey))
    const real = canaries.length === 0 ? arrived : arrived.filter(({ sourceKey }) => !isCanaryKey(sourceKey))
    const { fresh, hashes } = unseen(real, window)
    const nowMs = clock.now()
    const suppressor = await currentSuppressor(transaction, exceptionsCache, nowMs)
    const { inForce, onTrial } = separateTrials(fresh)
    const applied = await applyMatches(transaction, inForce, { ...surroundings, suppressor, nowMs })
    applied.changes.push(...(await saveFindings(transaction, onTrial, { suppressor, settings, nowMs })))
    await storeHits(transaction, applied.hits)
    const entry = { lastOffset: batch.last, hashes }
    await storeSeen(transaction, batch.partition, window, entry, settings.seenLimit)
    await writeOffset(transaction, batch.partition, batch.last)
    await appendAuditAll(transaction, clock, applied.audit)
    const repeated = batch.records.length - canaries.length - fresh.length
    return { applied, canaries, window, entry, repeated, onTrial: onTrial.length } satisfies {
      applied: Applied
    } & Record<string, unknown>
  }

  async function reject(batch: BusBatch, error: unknown): Promise<void> {
    const problem = error instanceof Error ? `${error.name}: ${causeOf(error).message}` : String(error)
    logger.error(
      { err: error, partition: batch.partition, offset: batch.first },
      'a match could not be correlated and was set aside',
    )
    try {
      await database.transaction(async (transaction) => {
        await lockCorrelators(transaction)
        await transaction
          .insert(rejectedMatches)
          .values({
            partition: batch.partition,
            offset: batch.first,
            at: new Date(clock.now()),
            problem: problem.replaceAll('\0', '').slice(0, 1_000),
            record: Buffer.from(batch.records[0]!),
          })
          .onConflictDoNothing()
        await writeOffset(transaction, batch.partition, batch.last)
      })
    } catch (failure) {
      throw translateStoreError(failure)
    }
    windows.delete(batch.partition)
    counters.rejected++
  }

  return {
    handle,
    resumeAfter: (partition) => database.transaction((transaction) => readOffset(transaction, partition)),
    counters: () => ({ ...counters }),
  }
}

/** One correlator at a time, until the transaction ends: two could open an incident each for one entity. */
async function lockCorrelators(transaction: Transaction): Promise<void> {
  await transaction.execute(sql`SELECT pg_advisory_xact_lock(hashtext('correlate'))`)
}

/** The deepest cause: drizzle wraps what the driver says. */
function causeOf(error: Error): Error {
  let cause = error
  for (let depth = 0; cause.cause instanceof Error && depth < 5; depth++) cause = cause.cause
  return cause
}

/** Those matches that neither the window nor the batch itself has seen. */
function unseen(matches: Detection[], window: SeenWindow): { fresh: Detection[]; hashes: number[] } {
  const inBatch = new Set<number>()
  const fresh = matches.filter((match) => {
    const hash = matchHash(match.id)
    if (window.hashes.has(hash) || inBatch.has(hash)) return false
    inBatch.add(hash)
    return true
  })
  return { fresh, hashes: [...inBatch] }
}

async function readOffset(transaction: Transaction, partition: number): Promise<number | undefined> {
  const [row] = await transaction
    .select({ offset: offsets.offset })
    .from(offsets)
    .where(and(eq(offsets.topic, topic), eq(offsets.group, correlateGroup), eq(offsets.partition, partition)))
  return row?.offset
}

async function writeOffset(transaction: Transaction, partition: number, offset: number): Promise<void> {
  await transaction
    .insert(offsets)
    .values({ topic, group: correlateGroup, partition, offset })
    .onConflictDoUpdate({ target: [offsets.topic, offsets.group, offsets.partition], set: { offset } })
}

interface ExceptionsCache {
  version: string
  suppressor: Suppressor
}

/** Compiled exceptions, made anew when any changed, expired, or moved with its unit. */
async function currentSuppressor(transaction: Transaction, cache: ExceptionsCache, nowMs: number): Promise<Suppressor> {
  const isActive = and(isNull(exceptions.removedAt), gt(exceptions.expiresAt, new Date(nowMs)))
  const [found] = await transaction
    .select({
      version: sql<string>`concat(count(*), ' ', max(${exceptions.revision}), ' ',
        md5(string_agg(${exceptions.unitPath}, ',' ORDER BY ${exceptions.id})))`,
    })
    .from(exceptions)
    .where(isActive)
  if (found!.version === cache.version) return cache.suppressor
  const active = await transaction.select().from(exceptions).where(isActive)
  cache.suppressor = compileSuppressor(active.map((one) => ({ ...one, expiresAtMs: one.expiresAt.getTime() })))
  cache.version = found!.version
  return cache.suppressor
}

const dayMs = 86_400_000

/** Counts what exceptions hid, by rule and day, so that anybody can see what they cost. */
async function storeHits(transaction: Transaction, hits: Hit[]): Promise<void> {
  if (hits.length === 0) return
  const byDay = new Map<
    string,
    { exceptionId: number; ruleId: string; day: string; matchCount: number; lastMs: number }
  >()
  for (const { exceptionId, ruleId, timeMs } of hits) {
    const day = new Date(Math.floor(timeMs / dayMs) * dayMs).toISOString().slice(0, 10)
    const key = `${exceptionId} ${day} ${ruleId}`
    const found = byDay.get(key)
    if (found) {
      found.matchCount++
      found.lastMs = Math.max(found.lastMs, timeMs)
    } else byDay.set(key, { exceptionId, ruleId, day, matchCount: 1, lastMs: timeMs })
  }
  const counted = [...byDay.values()]
  await transaction
    .insert(exceptionHits)
    .values(counted)
    .onConflictDoUpdate({
      target: [exceptionHits.exceptionId, exceptionHits.ruleId, exceptionHits.day],
      set: { matchCount: sql`${exceptionHits.matchCount} + excluded.match_count` },
    })
  for (const id of [...new Set(counted.map((one) => one.exceptionId))].sort((a, b) => a - b)) {
    const own = counted.filter(({ exceptionId }) => exceptionId === id)
    const lastHit = new Date(Math.max(...own.map(({ lastMs }) => lastMs)))
    await transaction
      .update(exceptions)
      .set({
        hitCount: sql`${exceptions.hitCount} + ${own.reduce((sum, { matchCount }) => sum + matchCount, 0)}`,
        lastHitAt: sql`greatest(${exceptions.lastHitAt}, ${lastHit})`,
      })
      .where(eq(exceptions.id, id))
  }
}
