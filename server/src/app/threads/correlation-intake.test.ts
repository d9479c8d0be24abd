import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { afterEach, expect, test } from 'vitest'
import { correlationLatenessMs, createCorrelationLanes } from '../../detect/correlation-lanes.ts'
import { createCorrelationStage } from '../../detect/correlations.ts'
import { compileRuleSet } from '../../detect/sigma/ruleset.ts'
import type { Bus } from '../../seams/bus/bus.ts'
import { openLocalBus } from '../../seams/bus/local.ts'
import { systemClock } from '../../seams/clock/clock.ts'
import { createCorrelationIntake } from './correlation-intake.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'watchfire-intake-'))
const logger = pino({ level: 'silent' })
let bus: Bus | undefined

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
