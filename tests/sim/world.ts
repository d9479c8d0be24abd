/**
 * The whole pipeline in this process, on a simulated clock and a simulated disk: bus `raw` -> normalise -> enrich -> detect
 * -> `matches` -> correlations -> `detections` -> incidents, all of it the code of the threads. It ends at any step that
 * leaves the process, as kill -9 or a power cut does, and another goes on from what is durable.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { createBlockWriter } from '../../server/src/app/block-writer.ts'
import { createMatchPublisher } from '../../server/src/app/match-publisher.ts'
import { createPipeline } from '../../server/src/app/pipeline.ts'
import { openAuditFile } from '../../server/src/app/threads/audit-file.ts'
import { correlationGroup, createCorrelationIntake } from '../../server/src/app/threads/correlation-intake.ts'
import { createDetectionIntake } from '../../server/src/app/threads/detection-intake.ts'
import { createIntake } from '../../server/src/app/threads/intake.ts'
import { shippedContentDir } from '../../server/src/config/content-dir.ts'
import { correlateGroup, createCorrelator } from '../../server/src/correlate/correlate.ts'
import { parseAttackLookup } from '../../server/src/correlate/stage.ts'
import { correlationLatenessMs, createCorrelationLanes } from '../../server/src/detect/correlation-lanes.ts'
import { createCorrelationStage } from '../../server/src/detect/correlations.ts'
import { createDetector } from '../../server/src/detect/detect.ts'
import { readRulePaths } from '../../server/src/detect/load.ts'
import { loadLookups } from '../../server/src/detect/sigma/logsource.ts'
import { compileRuleSet } from '../../server/src/detect/sigma/ruleset.ts'
import { createEnricher } from '../../server/src/enrich/enrich.ts'
import { openPlaces } from '../../server/src/enrich/geo.ts'
import type { Event } from '../../server/src/event/event.ts'
import { encodeRawRecord, type RawRecord } from '../../server/src/event/raw-record.ts'
import { readPrivateFile } from '../../server/src/lib/private-file.ts'
import { loadParsers } from '../../server/src/normalise/load.ts'
import { createNormaliser } from '../../server/src/normalise/normalise.ts'
import type { Subscriber } from '../../server/src/seams/bus/bus.ts'
import type { Files, OpenFile } from '../../server/src/seams/bus/files.ts'
import { openLocalBus } from '../../server/src/seams/bus/local.ts'
import { type Clock, systemClock } from '../../server/src/seams/clock/clock.ts'
import { openBlockLedger } from '../../server/src/seams/events/blocks.ts'
import type { Database } from '../../server/src/seams/store/store.ts'
import type { SimulatedDisk } from './bus-disk.ts'
import type { Random } from './random.ts'

const content = shippedContentDir()
const logger = pino({ level: process.env.TEST_LOG ?? 'silent' })
const ruleSet = compileRuleSet(readRulePaths([join(content, 'rules')]))
const lookups = loadLookups(content)
const { parsers } = loadParsers([content])
const findPlace = openPlaces()
const attack = parseAttackLookup(readFileSync(join(content, 'lookups', 'attack.yml'), 'utf8'))
const processGroup = 'process'
const never = new Promise<never>(() => undefined)
let lives = 0

/** A batch that a sender sends until it is answered. */
export interface Sent {
  key: string
  records: RawRecord[]
  acknowledged: boolean
}

/** What outlives the process. */
export interface Durable {
  disk: SimulatedDisk
  database: Database
  /** The file of the state of correlations; each process has it in a folder of its own, so that a dead one writes in vain. */
  correlations: string | undefined
  /** The file of unfinished audit events, likewise. */
  auditEvents: string | undefined
  /** Event store: token -> events, as one block each. */
  blocks: Map<string, Event[]>
}

class Ended extends Error {}

/**
 * Lives from what is durable until all that is sent has gone through, or until `stepsLeft` operations were begun; true
 * when all went through. Batches are cut at random, of `mostRecords` at most.
 */
export async function live(
  durable: Durable,
  sent: Sent[],
  random: Random,
  stepsLeft: { value: number },
  tick: () => void,
  mostRecords = 30,
): Promise<boolean> {
  const world = { ended: false }
  const flying = new Set<Promise<unknown>>()
  /** Every operation that leaves the process passes here, before and after. */
  function step(isRead = false): void {
    if (world.ended || (!isRead && stepsLeft.value-- <= 0)) {
      world.ended = true
      throw new Ended('the process ended here')
    }
  }
  async function passing<Result>(work: () => Promise<Result>): Promise<Result> {
    step()
    const result = await work()
    step()
    return result
  }
  let nowMs = 1_772_420_000_000
  const clock: Clock = {
    ...systemClock,
    now: () => nowMs++,
    async sleep(ms, signal) {
      if (world.ended) return never
      await new Promise((resolve) => setImmediate(resolve))
      nowMs += ms
      signal?.throwIfAborted()
    },
  }
  const database = new Proxy(durable.database, {
    get(target, name, receiver) {
      if (name !== 'transaction') return Reflect.get(target, name, receiver)
      return (work: Parameters<Database['transaction']>[0]) => {
        const transaction = passing(() =>
          target.transaction(async (inner) => {
            const result = await work(inner)
            // The process may end before the commit, which then never comes.
            step()
            return result
          }),
        )
        flying.add(transaction)
        const done = () => flying.delete(transaction)
        transaction.then(done, done)
        return transaction
      }
    },
  }) as Database
  const files = guarded(durable.disk.files, step)
  const bus = await openLocalBus({
    ...{ directory: '/bus', partitions: [0], limitBytes: 1 << 30, logger, clock, files },
    channelName: `world-${lives++}`,
    limits: { segmentBytes: 20_000, reserveBytes: 0, keyLimit: 10_000 },
  }).catch(() => undefined)
  if (!bus) return false
  const ledger = openBlockLedger('/blocks', files)
  const dataDir = mkdtempSync(join(tmpdir(), 'watchfire-world-'))
  const auditPath = join(dataDir, 'audit-events.json')
  if (durable.correlations) writeFileSync(join(dataDir, 'correlations.json'), durable.correlations, { mode: 0o600 })
  if (durable.auditEvents) writeFileSync(auditPath, durable.auditEvents, { mode: 0o600 })
  const auditFile = openAuditFile(auditPath, { clock, logger })
  const normaliser = createNormaliser(parsers, { zone: 'UTC' })
  const knowledge = { assets: [], units: new Map(), sources: new Map(), indicators: [] }
  const blocks = createBlockWriter({
    clock,
    ledger,
    openBlock() {
      const events: Event[] = []
      return {
        get rows() {
          return events.length
        },
        rawBytes: 0,
        add: (more) => events.push(...more),
        insert: (token) =>
          passing(async () => {
            if (!durable.blocks.has(token)) durable.blocks.set(token, events)
          }),
        release: () => undefined,
      }
    },
    onClose: ({ partition, last }) => auditFile.note(partition, last, normaliser.unfinished(partition)),
    async commit(partition, last) {
      step()
      auditFile.save()
      await bus.commit('raw', processGroup, partition, last)
    },
    onFailure: () => undefined,
    maxRows: 1 + random.below(40),
  })
  const intake = createIntake({ normaliser, columnFile: { add: () => undefined }, auditFile, logger })
  const publisher = createMatchPublisher({ bus, clock, logger })
  const pipeline = createPipeline({
    normalise: intake.normalise,
    enrich: createEnricher(knowledge, findPlace).enrich,
    detect: createDetector(ruleSet, { lookups }).match,
    // A failure for good ends a thread; here it comes when the process has ended already.
    publishMatches: (found) => publisher.publish(found).catch((error) => (world.ended ? never : Promise.reject(error))),
    store: blocks.add,
  })
  const lanes = createCorrelationLanes(() => createCorrelationStage(ruleSet, { latenessMs: correlationLatenessMs }))
  const correlations = createCorrelationIntake({ bus, lanes, createCanaryLanes: () => lanes, dataDir, clock, logger })
  const correlator = createCorrelator({
    ...{ database, clock, attack, logger, notify: () => undefined, timeZone: 'UTC' },
  })
  const assigned = new Set<string>()
  const noted = (name: string, subscriber: Subscriber): Subscriber => ({
    ...subscriber,
    async onAssign(partition, committed) {
      const resumeAfter = await subscriber.onAssign?.(partition, committed)
      assigned.add(name)
      return resumeAfter
    },
  })
  const subscriptions = await Promise.all([
    bus.subscribe(
      'raw',
      processGroup,
      noted('raw', { batchSize: 1 + random.below(mostRecords), ...intake.replaying({ ledger, pipeline, blocks }) }),
    ),
    bus.subscribe(
      'matches',
      correlationGroup,
      noted('matches', { ...correlations.subscriber, batchSize: 1 + random.below(20) }),
    ),
    bus.subscribe(
      'detections',
      correlateGroup,
      noted('detections', { ...createDetectionIntake(bus, correlator), batchSize: 1 + random.below(20) }),
    ),
  ]).catch(() => undefined)
  const isIdle = () =>
    subscriptions !== undefined &&
    assigned.size === 3 &&
    sent.every(({ acknowledged }) => acknowledged) &&
    subscriptions.every((one) => one.lag() === 0)
  void feed()
  // A subscription hears of what lies on the bus a moment after it was assigned: only what stays idle is done.
  for (let idleSince = performance.now(); subscriptions && !world.ended; ) {
    await clock.sleep(50)
    tick()
    if (!isIdle()) idleSince = performance.now()
    else if (performance.now() - idleSince > 40) break
  }
  const isThrough = !world.ended
  world.ended = true
  await Promise.allSettled([...flying])
  durable.correlations = readPrivateFile(join(dataDir, 'correlations.json'))
  durable.auditEvents = readPrivateFile(auditPath)
  // From here on it can do nothing but let go of its timers.
  void correlations.close().catch(() => undefined)
  await Promise.race([bus.close().catch(() => undefined), ticks(20)])
  rmSync(dataDir, { recursive: true, force: true })
  return isThrough

  async function feed(): Promise<void> {
    for (const batch of sent) {
      while (!batch.acknowledged && !world.ended) {
        try {
          await bus!.publish('raw', batch.records.map(encodeRawRecord), { idempotencyKey: batch.key })
          batch.acknowledged = true
        } catch {
          await clock.sleep(10)
        }
      }
    }
  }
}

async function ticks(count: number): Promise<void> {
  for (let tick = 0; tick < count; tick++) await new Promise((resolve) => setImmediate(resolve))
}

/** Operations that change nothing: an end before one is an end before the next change. How many there are is a matter of time. */
const reads = new Set<string | symbol>(['list', 'size', 'read', 'freeBytes'])

/** The disk as one process sees it: once that has ended it changes nothing any more. */
function guarded(files: Files, step: (isRead: boolean) => void): Files {
  const guard = <Target extends object>(target: Target): Target =>
    new Proxy(target, {
      get(object, name) {
        const member = Reflect.get(object, name)
        if (typeof member !== 'function' || name === 'lock' || name === 'isLocked' || name === 'close') return member
        return async (...parameters: unknown[]) => {
          step(reads.has(name) || parameters[1] === 'read')
          const result = await member.apply(object, parameters)
          return name === 'open' ? guard(result as OpenFile) : result
        }
      },
    })
  return guard(files)
}
