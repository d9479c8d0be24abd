/** Runs over history when things break: the event store dies in the middle, the program is away for three windows. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { asc } from 'drizzle-orm'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createAnalyticsRunner } from '../../server/src/app/history/analytics.ts'
import { shippedContentDir } from '../../server/src/config/content-dir.ts'
import { type Analytic, loadAnalytics } from '../../server/src/detect/analytics/definition.ts'
import type { Detection, Event } from '../../server/src/event/event.ts'
import { systemClock } from '../../server/src/seams/clock/clock.ts'
import { type Events, openEvents } from '../../server/src/seams/events/open.ts'
import { openStore } from '../../server/src/seams/store/open.ts'
import { analyticWindows, runs } from '../../server/src/seams/store/schema/runs.ts'
import { systemActor } from '../../server/src/state/actor.ts'
import { type AnalyticRange, countEvents, runAnalyticSql } from '../../server/src/state/events/analytic.ts'
import { ensureRootUnit } from '../../server/src/state/units/ensure-root.ts'
import { until } from '../harness/platform.ts'

const hourMs = 3_600_000
const root = mkdtempSync(join(tmpdir(), 'watchfire-history-'))
const logger = pino({ level: 'silent' })
// At half past the last hour, so that no window becomes due by itself meanwhile.
let aheadMs = -(systemClock.now() % hourMs) - hourMs / 2
const clock = { ...systemClock, now: () => systemClock.now() + aheadMs }
let events: Events
let store: Awaited<ReturnType<typeof openStore>>
const published: Detection[] = []
/** Called when a question has gone to the store and is not answered yet. */
let whileAsking: (() => void) | undefined

beforeAll(async () => {
  const config = { events: 'embedded', state: 'embedded', dataDir: root, retentionDays: 190 }
  events = await openEvents(config as Parameters<typeof openEvents>[0], { logger, clock: systemClock })
  store = await openStore({ state: 'embedded', dataDir: root }, { logger, clock: systemClock })
  await ensureRootUnit(store.database, clock)
}, 240_000)
afterAll(async () => {
  await store?.close()
  await events?.close()
  rmSync(root, { recursive: true, force: true })
})

const shipped = loadAnalytics([shippedContentDir()]).find(({ score }) => score === undefined)!
/** Finds every user of the window; with a pause, so that the store can be killed while it works. */
const analytic: Analytic = {
  ...shipped,
  lateAfterMinutes: 600,
  sql: `SELECT unit_path, any(source_key) AS source_key, user_name AS group_key, toUnixTimestamp64Milli(min(timestamp)) AS time_ms,
      groupArray(event_id) AS event_ids, user_name AS \`user.name\`, max(sleepEachRow(0.6)) AS pause
    FROM watchfire.events
    WHERE timestamp >= fromUnixTimestamp64Milli({from: Int64}, 'UTC') AND timestamp < fromUnixTimestamp64Milli({to: Int64}, 'UTC')
      AND user_name != '' AND {since: Int64} < {to: Int64} AND {zone: String} != ''
    GROUP BY unit_path, user_name ORDER BY group_key`,
}

function newRunner() {
  const context = { events: events.query, clock, actor: systemActor('analytics') }
  return createAnalyticsRunner({
    ...{ database: store.database, clock, analytics: [analytic], switchedOff: async () => new Set(), zone: 'UTC' },
    async ask(sql: string, range: AnalyticRange) {
      const answer = runAnalyticSql(context, sql, range)
      const act = whileAsking
      whileAsking = undefined
      if (act) setTimeout(act, 100)
      return answer
    },
    countEvents: (range) => countEvents(context, range),
    publish: async (detection) => void published.push(detection),
    logger: { warn() {}, error() {} },
    onRun() {},
    onGivenUp: async () => undefined,
  })
}

async function store3(windowStartMs: number, mark: string): Promise<void> {
  const block = Array.from({ length: 3 }, (_, index): Event => {
    const timeMs = windowStartMs + 60_000 * (index + 1)
    const fields = { 'user.name': `${mark}-${index}` }
    return {
      id: `${mark}-${index}`,
      timeMs,
      receivedAtMs: timeMs,
      raw: Buffer.from('x'),
      sourceKey: 's',
      unitPath: '/1/',
      fields,
    }
  })
  await events.insertBlock(block, mark)
}

const ledger = () => store.database.select().from(runs).orderBy(asc(runs.id))

it('a run whose event store is killed fails, is tried again by itself, and counts nothing twice', async () => {
  const lastWhole = Math.floor((clock.now() - analytic.delayMinutes * 60_000) / hourMs) * hourMs - hourMs
  await store3(lastWhole, 'first')
  const runner = newRunner()
  const killed = events.pid()!
  whileAsking = () => process.kill(killed, 'SIGKILL')
  await runner.tick()
  expect(await ledger()).toMatchObject([{ state: 'failed', attempt: 1, errorCode: 'EVENTS_UNAVAILABLE' }])
  expect((await ledger())[0]!.retryAt).not.toBeNull()
  expect(published).toEqual([])
  await until(
    async () => events.state() === 'ready' && events.pid() !== killed,
    60_000,
    () => 'the store did not return',
  )
  aheadMs += 31_000
  await runner.tick()
  expect((await ledger()).map(({ state, attempt }) => `${state} ${attempt}`)).toEqual(['failed 1', 'succeeded 2'])
  expect(published.map(({ fields }) => fields['user.name'])).toEqual(['first-0', 'first-1', 'first-2'])
}, 120_000)

it('three windows that were missed while the program was away are filled in order, exactly once', async () => {
  const { windowTo } = (await ledger()).at(-1)!
  for (let window = 0; window < 3; window++) await store3(windowTo.getTime() + window * hourMs, `missed${window}`)
  aheadMs += 3 * hourMs
  const again = newRunner()
  await Promise.all([again.tick(), again.tick()])
  await newRunner().tick()
  const filled = (await ledger()).slice(2)
  expect(filled.map(({ state }) => state)).toEqual(['succeeded', 'succeeded', 'succeeded'])
  expect(filled.filter(({ cause }) => cause === 'catch_up').length).toBeGreaterThanOrEqual(2)
  expect(filled.map(({ windowFrom }) => windowFrom.getTime())).toEqual(
    [0, 1, 2].map((n) => windowTo.getTime() + n * hourMs),
  )
  const windows = await store.database.select().from(analyticWindows)
  expect(windows.every(({ state }) => state === 'done')).toBe(true)
  const ids = published.map(({ id }) => id)
  expect(ids).toHaveLength(12)
  expect(new Set(ids).size).toBe(12)
}, 120_000)
