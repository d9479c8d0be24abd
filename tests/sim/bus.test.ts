import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import type { Bus, OffsetRange } from '../../server/src/seams/bus/bus.ts'
import { openLocalBus } from '../../server/src/seams/bus/local.ts'
import type { Clock } from '../../server/src/seams/clock/clock.ts'
import { systemClock } from '../../server/src/seams/clock/clock.ts'
import { SimulatedDisk, type Verdict } from './bus-disk.ts'
import { createRandom, type Random } from './random.ts'

const logger = pino({ level: 'silent' })
const seeds = Number(process.env.WATCHFIRE_SIM_SEEDS ?? 150)

interface Publication {
  texts: string[]
  idempotencyKey: string | undefined
  range: OffsetRange | undefined
}

/** What a correct bus would hold, as far as its answers bind it. */
class Model {
  /** Acknowledged: these records stand at these offsets for ever. */
  readonly acknowledged = new Map<number, string>()
  /** Sent, and refused or never answered: each may stand somewhere, whole, or nowhere. */
  readonly unanswered: Publication[] = []
  readonly keys = new Map<string, Publication>()
  committedAcknowledged = -1
  committedAsked = -1
  published = 0
}

class SimulatedClock implements Clock {
  #nowMs = 1_000_000
  readonly random = systemClock.random
  readonly id = systemClock.id

  now(): number {
    return this.#nowMs++
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    this.#nowMs += ms
    await new Promise((resolve) => setImmediate(resolve))
    signal?.throwIfAborted()
  }
}

let lives = 0

function openBus(disk: SimulatedDisk, clock: Clock): Promise<Bus> {
  return openLocalBus({
    directory: '/bus',
    partitions: [0],
    limitBytes: 1 << 30,
    logger,
    clock,
    files: disk.files,
    channelName: `simulated-${lives++}`,
    limits: { segmentBytes: 3_000, reserveBytes: 0, keyLimit: 10_000 },
  })
}

/** Publishes and commits at random until `steps` are done or the power goes. */
async function live(bus: Bus, disk: SimulatedDisk, model: Model, random: Random, steps: number): Promise<void> {
  const flying: Promise<void>[] = []
  for (let step = 0; step < steps && !disk.isDown; step++) {
    if (random.chance(0.15) && model.acknowledged.size > 0) {
      const offset = random.below(Math.max(...model.acknowledged.keys()) + 1)
      if (offset > model.committedAsked) model.committedAsked = offset
      const committing = bus.commit('raw', 'group', 0, offset).then(
        () => {
          model.committedAcknowledged = Math.max(model.committedAcknowledged, offset)
        },
        () => undefined,
      )
      flying.push(committing)
    } else flying.push(publish(bus, model, random))
    if (random.chance(0.5)) await Promise.all(flying.splice(0))
  }
  await Promise.all(flying)
}

async function publish(bus: Bus, model: Model, random: Random): Promise<void> {
  const known = [...model.keys.values()]
  const again = random.chance(0.15) ? known[random.below(known.length)] : undefined
  const number = model.published++
  const texts = Array.from(
    { length: 1 + random.below(4) },
    (_, index) => `${number}.${index} ${'x'.repeat(random.below(700))}`,
  )
  const idempotencyKey = random.chance(0.4) ? `key ${number}` : undefined
  const publication = again ?? { texts, idempotencyKey, range: undefined }
  if (publication.idempotencyKey !== undefined) model.keys.set(publication.idempotencyKey, publication)
  try {
    const range = await bus.publish(
      'raw',
      publication.texts.map((text) => Buffer.from(text)),
      { idempotencyKey: publication.idempotencyKey },
    )
    if (publication.range !== undefined)
      expect(range, 'a key that was acknowledged keeps its range').toEqual(publication.range)
    publication.range = range
    for (const [index, text] of publication.texts.entries()) model.acknowledged.set(range.first + index, text)
  } catch (error) {
    if ((error as Error).name === 'AssertionError') throw error
    expect(error).toMatchObject({ code: 'BUS_UNWRITABLE' })
    if (publication.range === undefined) model.unanswered.push(publication)
  }
}

/** Reads everything the bus still holds behind what the group has committed. */
async function readAll(bus: Bus): Promise<{ committed: number; records: Map<number, string> }> {
  const records = new Map<number, string>()
  // Opens the writer, and with it recovery.
  const end = (await bus.publish('raw', [])).first
  let committed = -2
  let arrived: () => void = () => {}
  const all = new Promise<void>((resolve) => {
    arrived = resolve
  })
  const subscription = await bus.subscribe('raw', 'group', {
    batchSize: 7,
    async onAssign(_partition, offset) {
      committed = offset
      if (offset + 1 >= end) arrived()
      return undefined
    },
    async onBatch(batch) {
      for (const [index, record] of batch.records.entries()) {
        expect(records.has(batch.first + index), 'an offset is delivered once').toBe(false)
        records.set(batch.first + index, Buffer.from(record).toString())
      }
      if (batch.last + 1 >= end) arrived()
    },
  })
  await all
  await subscription.close()
  return { committed, records }
}

async function check(bus: Bus, model: Model): Promise<void> {
  const { committed, records } = await readAll(bus)
  expect(committed, 'an acknowledged commit holds').toBeGreaterThanOrEqual(model.committedAcknowledged)
  expect(committed, 'nothing is committed that nobody committed').toBeLessThanOrEqual(model.committedAsked)
  const offsets = [...records.keys()]
  expect(offsets, 'order is kept').toEqual([...offsets].sort((a, b) => a - b))
  for (const [offset, text] of model.acknowledged) {
    if (offset > committed) expect(records.get(offset), `acknowledged record at ${offset}`).toBe(text)
  }
  const allowed = new Set(model.unanswered.flatMap((publication) => publication.texts))
  const seen = new Map<string, number>()
  for (const [offset, text] of records) {
    if (model.acknowledged.has(offset)) continue
    expect(allowed.has(text), `the record at ${offset} was published: ${text.slice(0, 20)}`).toBe(true)
    seen.set(text, (seen.get(text) ?? 0) + 1)
  }
  for (const publication of model.unanswered) {
    const counts = publication.texts.map((text) => seen.get(text) ?? 0)
    if (publication.idempotencyKey !== undefined)
      expect(Math.max(...counts), 'a key stands once').toBeLessThanOrEqual(1)
    const shown = [...records].filter(
      ([offset, text]) => publication.texts.includes(text) && !model.acknowledged.has(offset),
    )
    if (shown.length > 0 && shown[0]![0] > committed + publication.texts.length) {
      expect(new Set(counts).size, 'a publication stands whole or not at all').toBe(1)
    }
  }
}

/** Four lives on one disk, each ended at a random operation by a kill or a power cut, each checked afterwards. */
async function livesAndCrashes(seed: number, diskLies: boolean): Promise<void> {
  const random = createRandom(seed)
  const disk = new SimulatedDisk(random)
  disk.lies = diskLies
  const clock = new SimulatedClock()
  const model = new Model()
  try {
    for (let life = 0; life < 4; life++) {
      const crashAt = disk.operations + random.below(150)
      disk.judge = (operation): Verdict => (operation === crashAt ? 'crash' : 'work')
      const bus = await openBus(disk, clock).catch(() => undefined)
      if (bus !== undefined) {
        await live(bus, disk, model, random, 60)
        await bus.close().catch(() => undefined)
      }
      if (random.chance(0.7)) disk.powerCut()
      else disk.restart()
      disk.judge = () => 'work'
      const after = await openBus(disk, clock)
      await check(after, model)
      await after.close()
    }
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
  }
}

describe('the local bus on a simulated disk', () => {
  it(`keeps its promises over power cuts and kills at any operation (${seeds} seeds)`, async () => {
    for (let seed = 1; seed <= seeds; seed++) await livesAndCrashes(seed, false)
  }, 110_000)

  it('would be caught if it trusted a disk that lies about having synced', async () => {
    const lied = async () => {
      for (let seed = 1; seed <= seeds; seed++) await livesAndCrashes(seed, true)
    }
    await expect(lied()).rejects.toThrow(/^seed \d+: .*acknowledged/)
  }, 110_000)

  it(`refuses, appends nothing and recovers when operations fail (${seeds} seeds)`, async () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const random = createRandom(seed + 1_000_000)
      const disk = new SimulatedDisk(random)
      const clock = new SimulatedClock()
      const model = new Model()
      try {
        const bus = await openBus(disk, clock)
        // A bad stretch, then the disk is well again; the same bus must work on.
        for (let stretch = 0; stretch < 4; stretch++) {
          const kind = random.chance(0.5) ? 'ENOSPC' : 'EIO'
          disk.judge = (): Verdict => (random.chance(0.3) ? kind : 'work')
          await live(bus, disk, model, random, 25)
          disk.judge = () => 'work'
          await live(bus, disk, model, random, 10)
        }
        const refused = new Set(model.unanswered.filter((one) => one.range === undefined).flatMap((one) => one.texts))
        const { records } = await readAll(bus)
        for (const text of records.values()) expect(refused.has(text), 'what was refused is not there').toBe(false)
        await bus.close()
        const after = await openBus(disk, clock)
        await check(after, model)
        await after.close()
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error })
      }
    }
  }, 110_000)
})
