import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { correlationLatenessMs, createCorrelationLanes } from '../../detect/correlation-lanes.ts'
import { createCorrelationStage } from '../../detect/correlations.ts'
import { compileRuleSet } from '../../detect/sigma/ruleset.ts'
import type { Detection } from '../../event/event.ts'
import { encodeMatches } from '../../event/match.ts'
import type { Bus } from '../../seams/bus/bus.ts'
import { openLocalBus } from '../../seams/bus/local.ts'
import { systemClock } from '../../seams/clock/clock.ts'
import { createCorrelationIntake } from './correlation-intake.ts'

let dataDir: string
const logger = pino({ level: 'silent' })
let bus: Bus | undefined

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'watchfire-intake-'))
})

afterEach(async () => {
  await bus?.close()
  rmSync(dataDir, { recursive: true, force: true })
})

test('a commit that waits long for the disk does not put off the next saves', async () => {
  let nowMs = 1_000_000
  const clock = { ...systemClock, now: () => nowMs }
  const directory = join(dataDir, 'bus')
  const local = await openLocalBus({ directory, partitions: [0], limitBytes: 1 << 30, logger, clock })
  bus = local
  const slow: Bus = {
    publish: (...given) => local.publish(...given),
    subscribe: (...given) => local.subscribe(...given),
    broadcast: (channel) => local.broadcast(channel),
    close: () => local.close(),
    async commit(...given) {
      nowMs += 30_000
      await local.commit(...given)
    },
  }
  const lanes = createCorrelationLanes(() =>
    createCorrelationStage(compileRuleSet([]), { latenessMs: correlationLatenessMs, enabled: () => true }),
  )
  const intake = createCorrelationIntake({ bus: slow, lanes, createCanaryLanes: () => lanes, dataDir, clock, logger })
  const batch = (offset: number) => ({
    partition: 0,
    first: offset,
    last: offset,
    records: [Buffer.from('not a match, and counted as such')],
  })
  const savedOffset = () => JSON.parse(readFileSync(join(dataDir, 'correlations.json'), 'utf8')).offsets['0']

  await intake.subscriber.onBatch(batch(0))
  expect(savedOffset()).toBe(0)
  await intake.subscriber.onBatch(batch(1))
  expect(savedOffset()).toBe(1)
  await intake.close()
})

test('matches that a process thread publishes again after a crash pass once, over a restart of the correlations too', async () => {
  const directory = join(dataDir, 'bus')
  const local = await openLocalBus({ directory, partitions: [0], limitBytes: 1 << 30, logger, clock: systemClock })
  bus = local
  const passed: string[] = []
  await local.subscribe('detections', 'test', {
    async onBatch({ records }) {
      for (const record of records) passed.push((JSON.parse(Buffer.from(record).toString()) as Detection).id)
    },
  })
  const open = () => {
    const lanes = createCorrelationLanes(() => createCorrelationStage(compileRuleSet([])))
    return createCorrelationIntake({
      ...{ bus: local, lanes, createCanaryLanes: () => lanes, dataDir, clock: systemClock, logger },
    })
  }
  const found = (partition: number, offset: number) =>
    encodeMatches({ partition, offset, matches: [detection(`${partition}-${offset}`)] })
  const batch = (first: number, records: Uint8Array[]) => ({
    partition: 0,
    first,
    last: first + records.length - 1,
    records,
  })

  const before = open()
  await before.subscriber.onBatch(batch(0, [found(0, 5), found(1, 5), found(0, 8)]))
  await before.subscriber.onBatch(batch(3, [found(0, 5), found(0, 8), found(0, 9)]))
  expect(before.stats()).toMatchObject({ repeatedMatches: 2 })
  await before.close()
  const after = open()
  await after.subscriber.onBatch(batch(6, [found(0, 9), found(0, 10), found(1, 6)]))
  expect(after.stats()).toMatchObject({ repeatedMatches: 1 })
  await after.close()
  await expect.poll(() => passed).toEqual(['0-5', '1-5', '0-8', '0-9', '0-10', '1-6'])
})

test('detections that could not be published come with the next turn, and no state is saved without them', async () => {
  const passed: string[] = []
  let isBroken = true
  const broken = {
    async publish(_topic: string, records: Uint8Array[]) {
      if (isBroken) throw new Error('the disk answers nonsense')
      passed.push(...records.map((record) => (JSON.parse(Buffer.from(record).toString()) as Detection).id))
    },
    async commit() {},
  } as unknown as Bus
  const lanes = createCorrelationLanes(() => createCorrelationStage(compileRuleSet([])))
  const open = () =>
    createCorrelationIntake({
      ...{ bus: broken, lanes, createCanaryLanes: () => lanes, dataDir, clock: systemClock, logger },
    })
  const records = [encodeMatches({ partition: 0, offset: 5, matches: [detection('lost')] })]
  const batch = { partition: 0, first: 0, last: 0, records }

  const ends = open()
  await expect(ends.subscriber.onBatch(batch)).rejects.toThrow('nonsense')
  await expect(ends.close()).rejects.toThrow('nonsense')
  expect(existsSync(join(dataDir, 'correlations.json'))).toBe(false)

  const lives = open()
  await expect(lives.subscriber.onBatch(batch)).rejects.toThrow('nonsense')
  isBroken = false
  // The bus gives a batch that failed again.
  await lives.subscriber.onBatch(batch)
  expect(passed).toEqual(['lost'])
  await lives.close()
  expect(existsSync(join(dataDir, 'correlations.json'))).toBe(true)
})

function detection(id: string): Detection {
  return {
    id,
    ruleId: 'any',
    ruleTitle: 'Any',
    detector: 'sigma',
    severity: 'low',
    timeMs: 0,
    unitPath: '/1/',
    techniques: [],
    tactics: [],
    entities: [],
    eventIds: [id],
    matched: [],
    fields: {},
    sourceKey: 'syslog:x',
    summary: '',
  }
}
