import { join } from 'node:path'
import type { Logger } from 'pino'
import type { CorrelationLanes, LanesSnapshot } from '../../detect/correlation-lanes.ts'
import { isCanaryKey } from '../../event/canary.ts'
import { CodedError } from '../../event/errors.ts'
import type { Detection } from '../../event/event.ts'
import { decodeMatches, type RecordMatches } from '../../event/match.ts'
import { BoundedMap } from '../../lib/bounded-map.ts'
import { readPrivateFile, replacePrivateFile } from '../../lib/private-file.ts'
import type { Bus, BusBatch, Subscriber } from '../../seams/bus/bus.ts'
import type { Clock } from '../../seams/clock/clock.ts'

interface Saved {
  version: 1
  /** Partition of `matches` -> last offset that is in the state. */
  offsets: Record<string, number>
  /** `partition of matches:partition of raw` -> offset on `raw` of the last record whose matches are in the state. */
  counted?: Record<string, number>
  lanes: LanesSnapshot
}

/** Consumer group of the correlations on `matches`. */
export const correlationGroup = 'correlation'

const idleIntervalMs = 1_000
const saveIntervalMs = 5_000
/** Saving holds the thread, and with it every alert, for at most this share of the time; a large state is saved less often, but not never. */
const saveShare = 0.01
const longestSaveIntervalMs = 60_000
const retryDelayMs = 200
/** Canaries under way at once; the state of one that has passed is of no use. */
const canariesMax = 64

/**
 * bus `matches` -> correlations -> bus `detections`. The state is saved together with the offsets it holds; what came after
 * is counted again at the next start, and what it completes is published under the key of the record that completed it,
 * so that nothing is published twice. Matches come in the order of the records of `raw` they were found in: those of a
 * record that is not beyond the last one are a replay and are left out.
 */
export function createCorrelationIntake(options: {
  bus: Bus
  lanes: CorrelationLanes
  /** Each canary is correlated by itself, apart from everything real, and never saved. */
  createCanaryLanes(): CorrelationLanes
  dataDir: string
  clock: Clock
  logger: Logger
}) {
  const { bus, lanes, clock, logger } = options
  const path = join(options.dataDir, 'correlations.json')
  const offsets = new Map<number, number>()
  const canaryLanes = new BoundedMap<string, CorrelationLanes>(canariesMax)
  const counted = new Map<string, number>()
  /** Key of a publication -> detections that the state has brought forth and the bus does not hold yet. */
  const unpublished = new Map<string, Detection[]>()
  let dirty = false
  let saveDueMs = 0
  let unreadable = 0
  let repeated = 0

  load()

  function load(): void {
    const text = readPrivateFile(path)
    if (text === undefined) return
    const saved = JSON.parse(text) as Saved
    if (saved.version !== 1) {
      const message = `${path} is of version ${saved.version}, which this program does not know`
      throw new CodedError('DATA_OF_ANOTHER_VERSION', message, { path, version: saved.version })
    }
    for (const [partition, offset] of Object.entries(saved.offsets)) offsets.set(Number(partition), offset)
    for (const [place, offset] of Object.entries(saved.counted ?? {})) counted.set(place, offset)
    lanes.restore(saved.lanes)
    // The end may have come between the state and the commits of its offsets, and no further match may ever come.
    dirty = true
  }

  /** The JSON of `Saved`. */
  function* savedText(): Generator<string> {
    const places = { offsets: Object.fromEntries(offsets), counted: Object.fromEntries(counted) }
    yield `${JSON.stringify({ version: 1, ...places } satisfies Omit<Saved, 'lanes'>).slice(0, -1)},"lanes":`
    yield* lanes.snapshotText()
    yield '}'
  }

  async function save(): Promise<void> {
    await publishAll()
    if (!dirty) return
    const startedMs = clock.now()
    replacePrivateFile(path, savedText(), clock.id())
    dirty = false
    // What held the thread. The commits below only wait, for the disk and for a busy thread's turn.
    const tookMs = clock.now() - startedMs
    saveDueMs = clock.now() + Math.min(longestSaveIntervalMs, Math.max(saveIntervalMs, tookMs / saveShare))
    for (const [partition, offset] of offsets) await bus.commit('matches', correlationGroup, partition, offset)
  }

  /** What cannot be published stays for the next turn, and the state is not saved before. */
  async function publishAll(): Promise<void> {
    const publications = [...unpublished].map(async ([key, detections]) => {
      await publish(detections, key)
      unpublished.delete(key)
    })
    for (const outcome of await Promise.allSettled(publications))
      if (outcome.status === 'rejected') throw outcome.reason
  }

  async function publish(detections: Detection[], idempotencyKey: string): Promise<void> {
    const records = detections.map((detection) => Buffer.from(JSON.stringify(detection)))
    for (;;) {
      try {
        await bus.publish('detections', records, { idempotencyKey })
        return
      } catch (error) {
        if (!(error instanceof CodedError) || !error.retry) throw error
        logger.warn({ err: error }, 'detections wait for the bus')
        await clock.sleep(retryDelayMs)
      }
    }
  }

  function lanesOf(sourceKey: string): CorrelationLanes {
    if (!isCanaryKey(sourceKey)) return lanes
    const known = canaryLanes.get(sourceKey) ?? options.createCanaryLanes()
    canaryLanes.set(sourceKey, known)
    return known
  }

  function decode(record: Uint8Array): RecordMatches | undefined {
    try {
      return decodeMatches(record)
    } catch (error) {
      unreadable++
      logger.error({ err: error }, 'a record of matches cannot be read')
      return undefined
    }
  }

  /** True when a process thread that began again after a crash has published these matches a second time. */
  function isRepeated(partition: number, found: RecordMatches): boolean {
    const place = `${partition}:${found.partition}`
    if (found.offset <= (counted.get(place) ?? -1)) return true
    counted.set(place, found.offset)
    return false
  }

  /** One thing at a time: what is saved must never hold a match whose detections are not on the bus yet. */
  let turn: Promise<unknown> = Promise.resolve()
  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = turn.then(work)
    turn = result.catch(() => undefined)
    return result
  }

  async function take(batch: BusBatch): Promise<void> {
    for (const [index, record] of batch.records.entries()) {
      const offset = batch.first + index
      if (offset <= (offsets.get(batch.partition) ?? -1)) continue
      offsets.set(batch.partition, offset)
      dirty = true
      const found = decode(record)
      if (found === undefined) continue
      if (isRepeated(batch.partition, found)) {
        repeated++
        continue
      }
      const detections = lanesOf(found.matches[0]?.sourceKey ?? '').push(found.matches, clock.now())
      if (detections.length > 0) unpublished.set(`correlated:${batch.partition}:${offset}`, detections)
    }
    // A batch that comes again after a failure adds nothing here: what is missing of it is published all the same.
    await publishAll()
    if (clock.now() >= saveDueMs) await save()
  }

  /** Lets silent streams go on, and saves what came last when nothing follows. */
  async function rest(): Promise<void> {
    const nowMs = clock.now()
    const detections = lanes.idle(nowMs)
    if (detections.length > 0) dirty = true
    // A restart decides these anew from the saved state; the correlator knows a detection by its id.
    if (detections.length > 0) unpublished.set(`idle:${nowMs}`, detections)
    await publishAll()
    if (nowMs >= saveDueMs) await save()
  }

  const subscriber: Subscriber = {
    batchSize: 2_000,
    onAssign: async (partition) => offsets.get(partition),
    onBatch: (batch) => inTurn(() => take(batch)),
  }

  let resting = false
  const idleTimer = setInterval(() => {
    if (resting) return
    resting = true
    inTurn(rest)
      .catch((error: unknown) => logger.warn({ err: error }, 'the state of correlations could not be saved yet'))
      .finally(() => {
        resting = false
      })
  }, idleIntervalMs)

  return {
    subscriber,
    stats: () => ({ ...lanes.counters(), unreadableMatches: unreadable, repeatedMatches: repeated }),
    async close(): Promise<void> {
      clearInterval(idleTimer)
      await inTurn(save)
    },
  }
}
