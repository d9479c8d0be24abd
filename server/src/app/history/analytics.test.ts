import { asc } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Analytic } from '../../detect/analytics/definition.ts'
import { CodedError } from '../../event/errors.ts'
import { analyticWindows, runDetections, runs } from '../../seams/store/schema/runs.ts'
import { purgeRunDetections } from '../../state/runs/purge.ts'
import { requestWindow } from '../../state/runs/request-window.ts'
import { openTestStore, type TestStore } from '../../state/store-for-tests.ts'
import { ensureRootUnit } from '../../state/units/ensure-root.ts'
import { type AnalyticsOptions, createAnalyticsRunner } from './analytics.ts'

const analytic: Analytic = {
  ...{ id: 'analytic-of-test', name: 'test', title: 'Test', titleZh: '测试', description: '', descriptionZh: '' },
  ...{ severity: 'low', tags: [], everyMinutes: 60, delayMinutes: 5, lateAfterMinutes: 360, lookBackDays: 1 },
  ...{ logsource: {}, fields: [], falsePositives: [], misses: { zh: '', en: '' }, steps: { zh: [], en: [] } },
  ...{ sample: '2026-10-31T09:00:00Z', sql: 'SELECT' },
}
const hourMs = 3_600_000

let store: TestStore
/** What the runner was told and what it did. */
let world: {
  asked: number[]
  published: string[]
  /** Thrown by the next questions. */
  failures: Error[]
  events: number
  givenUp: string[]
}

beforeAll(async () => {
  store = await openTestStore()
  await ensureRootUnit(store.database, store.clock)
}, 60_000)
afterAll(() => store.close())
beforeEach(async () => {
  for (const table of [runDetections, runs, analyticWindows]) await store.database.delete(table)
  world = { asked: [], published: [], failures: [], events: 10, givenUp: [] }
  // Ten minutes past an hour, so that no window becomes due by itself while a test steps on by minutes.
  store.clock.advance(hourMs - (store.clock.now() % hourMs) + 600_000)
})

function runner(more: Partial<AnalyticsOptions> = {}) {
  return createAnalyticsRunner({
    database: store.database,
    clock: store.clock,
    analytics: [analytic],
    switchedOff: async () => new Set(),
    async ask(_sql, { fromMs }) {
      const failure = world.failures.shift()
      if (failure) throw failure
      world.asked.push(fromMs)
      const row = {
        unit_path: '/1/',
        source_key: 's',
        group_key: 'g',
        time_ms: fromMs,
        event_ids: ['e'],
        'user.name': 'u',
      }
      return { rows: [row], rowsRead: 7 }
    },
    countEvents: async () => world.events,
    publish: async ({ id }) => void world.published.push(id),
    zone: 'UTC',
    logger: { warn() {}, error() {} },
    onRun() {},
    onGivenUp: async ({ subjectId }) => void world.givenUp.push(subjectId),
    ...more,
  })
}

const ledger = () => store.database.select().from(runs).orderBy(asc(runs.id))
const windows = () => store.database.select().from(analyticWindows).orderBy(asc(analyticWindows.windowFrom))

describe('the runner of analytics', () => {
  it('answers the last whole window at first, and each window once', async () => {
    const one = runner()
    await one.tick()
    await one.tick()
    const entered = await ledger()
    expect(entered).toMatchObject([{ state: 'succeeded', cause: 'scheduled', rowsRead: 7, matches: 1, attempt: 1 }])
    expect(entered[0]!.windowTo.getTime() - entered[0]!.windowFrom.getTime()).toBe(hourMs)
    expect(world.published).toHaveLength(1)
  })

  it('fills three windows that were missed, in order, and says so', async () => {
    await runner().tick()
    store.clock.advance(3 * hourMs)
    await runner().tick()
    const entered = await ledger()
    expect(entered).toHaveLength(4)
    expect(entered.slice(1).map(({ cause }) => cause)).toEqual(['catch_up', 'catch_up', 'scheduled'])
    const begins = world.asked
    expect(begins.slice(1).map((fromMs, index) => fromMs - begins[index]!)).toEqual([hourMs, hourMs, hourMs])
    expect(new Set(world.published).size).toBe(4)
    expect(world.published).toHaveLength(4)
  })

  it('tries a failed window again with growing pauses, and lets no later one pass it', async () => {
    world.failures.push(new CodedError('EVENTS_UNAVAILABLE', 'gone'), new CodedError('EVENTS_UNAVAILABLE', 'gone'))
    const one = runner()
    await one.tick()
    await one.tick()
    expect(await ledger()).toMatchObject([{ state: 'failed', errorCode: 'EVENTS_UNAVAILABLE', error: 'gone' }])
    store.clock.advance(30_000)
    await one.tick()
    store.clock.advance(30_000)
    await one.tick()
    expect(world.asked).toEqual([])
    store.clock.advance(30_000 + hourMs)
    await one.tick()
    const entered = await ledger()
    expect(entered.map(({ state, attempt }) => `${state} ${attempt}`)).toEqual([
      'failed 1',
      'failed 2',
      'succeeded 3',
      'succeeded 1',
    ])
    expect(world.asked[1]! - world.asked[0]!).toBe(hourMs)
    expect(entered[1]!.retryAt!.getTime() - entered[1]!.endedAt!.getTime()).toBeGreaterThan(50_000)
  })

  it('gives up what fails for a reason that does not pass, and a person can ask for it again', async () => {
    world.failures = Array.from({ length: 10 }, () => new Error('no such column'))
    const one = runner()
    for (let turn = 0; turn < 10; turn++) {
      await one.tick()
      store.clock.advance(hourMs)
    }
    const [first] = await windows()
    expect(first).toMatchObject({ state: 'given_up', attempts: 10 })
    expect(world.givenUp).toEqual([analytic.id])
    await requestWindow(store.system, { analyticId: analytic.id, windowFrom: first!.windowFrom })
    await one.tick()
    expect((await windows())[0]).toMatchObject({ state: 'done', cause: 'manual' })
  })

  it('publishes nothing twice when the program ends between publishing and the ledger', async () => {
    const broken = runner({
      async publish({ id }) {
        world.published.push(id)
        throw new CodedError('STOPPING', 'killed')
      },
    })
    // As after kill -9: the run stays open, the window stays due.
    await broken.tick()
    await store.database.update(runs).set({ state: 'running', endedAt: null })
    store.clock.advance(60_000)
    await runner().tick()
    const entered = await ledger()
    expect(entered.map(({ state }) => state)).toEqual(['lost', 'succeeded'])
    // The same id both times: the bus and the correlator know it.
    expect(new Set(world.published).size).toBe(1)
  })

  it('runs a window again when events of it came later, and publishes only what is new', async () => {
    const one = runner()
    await one.tick()
    store.clock.advance(7 * hourMs)
    world.events = 11
    await one.tick()
    const entered = await ledger()
    const again = entered.filter(({ cause }) => cause === 'late')
    expect(again).toMatchObject([{ state: 'succeeded', windowFrom: entered[0]!.windowFrom }])
    expect(world.asked.filter((fromMs) => fromMs === world.asked[0])).toHaveLength(2)
    expect(new Set(world.published).size).toBe(world.published.length)
  })

  it('leaves alone what is switched off', async () => {
    await runner({ switchedOff: async () => new Set([analytic.id]) }).tick()
    expect(await windows()).toEqual([])
  })
})

it('forgets what runs published when the events behind it are no longer kept, and never the runs', async () => {
  const day = 86_400_000
  const now = store.clock.now()
  const window = { windowFrom: new Date(0), windowTo: new Date(1), startedAt: new Date(0) }
  const [run] = await store.database
    .insert(runs)
    .values({
      ...{ kind: 'analytic', subjectId: 'a', title: '', unitPath: '/1/', cause: 'scheduled', attempt: 1 },
      ...{ state: 'succeeded', requestedBy: 'test', ...window },
    })
    .returning()
  const rows = [8, 7, 0].map((days) => ({
    ...{ detectionId: `d${days}`, runId: run!.id, at: new Date(now - days * day - 60_000) },
  }))
  await store.database.insert(runDetections).values(rows)
  await purgeRunDetections(store.database, store.clock, 7)
  const kept = await store.database.select().from(runDetections).orderBy(asc(runDetections.detectionId))
  expect(kept.map(({ detectionId }) => detectionId)).toEqual(['d0', 'd7'])
  expect(await store.database.select().from(runs)).toHaveLength(1)
})
