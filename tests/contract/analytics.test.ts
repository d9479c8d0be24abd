/** Every analytic of content/analytics proves itself on the real event store: it finds on `fires` and not on `silent`. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { shippedContentDir } from '../../server/src/config/content-dir.ts'
import { loadAnalytics } from '../../server/src/detect/analytics/definition.ts'
import { analyticDetections } from '../../server/src/detect/analytics/detection.ts'
import type { Event, Fields } from '../../server/src/event/event.ts'
import { systemClock } from '../../server/src/seams/clock/clock.ts'
import { type Events, openEvents } from '../../server/src/seams/events/open.ts'
import { systemActor } from '../../server/src/state/actor.ts'
import { countEvents, runAnalyticSql } from '../../server/src/state/events/analytic.ts'

const analytics = loadAnalytics([shippedContentDir()])
const root = mkdtempSync(join(tmpdir(), 'watchfire-analytics-'))
let events: Events
let units = 100

beforeAll(async () => {
  const config = { events: 'embedded', dataDir: root, retentionDays: 190 }
  events = await openEvents(config as Parameters<typeof openEvents>[0], {
    logger: pino({ level: 'silent' }),
    clock: systemClock,
  })
}, 240_000)
afterAll(async () => {
  await events?.close()
  rmSync(root, { recursive: true, force: true })
})

function sampleOf(name: string, kind: 'fires' | 'silent', unitPath: string): Event[] {
  const text = readFileSync(join(shippedContentDir(), 'analytics', `${name}.${kind}.ndjson`), 'utf8')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, index) => {
      const { '@timestamp': time, ...fields } = JSON.parse(line) as Fields
      const timeMs = Date.parse(String(time))
      const id = `${name}-${kind}-${unitPath}-${index}`
      return { id, timeMs, receivedAtMs: timeMs, raw: Buffer.from(line), sourceKey: 'http:sample', unitPath, fields }
    })
}

/** The answer on a sample that lies in a unit of its own; rows of other units are not seen. */
async function answerOn(name: string, kind: 'fires' | 'silent') {
  const analytic = analytics.find((one) => one.name === name)!
  const unitPath = `/1/${units++}/`
  await events.insertBlock(sampleOf(name, kind, unitPath), `${name}-${kind}-${unitPath}`)
  const context = { events: events.query, clock: systemClock, actor: { ...systemActor('test'), unitPath } }
  const toMs = Date.parse(analytic.sample)
  const fromMs = toMs - analytic.everyMinutes * 60_000
  const sinceMs = fromMs - analytic.lookBackDays * 86_400_000
  const answer = await runAnalyticSql(context, analytic.sql, { fromMs, toMs, sinceMs, zone: 'UTC' })
  const detections = analyticDetections(analytic, fromMs, answer.rows)
  const known = new Set(sampleOf(name, kind, unitPath).map(({ id }) => id))
  return { detections, known, unitPath, analytic, answer, events: await countEvents(context, { fromMs, toMs }) }
}

test('at least four are shipped, with ids of their own', () => {
  expect(analytics.length).toBeGreaterThanOrEqual(4)
  expect(new Set(analytics.map(({ id }) => id)).size).toBe(analytics.length)
})

describe.each(analytics.map(({ name }) => name))('%s', (name) => {
  test('fires once on its sample, and names entities and the events of the window', async () => {
    const { detections, known, unitPath, analytic, answer, events: count } = await answerOn(name, 'fires')
    expect(detections).toHaveLength(1)
    expect(answer.rowsRead).toBeGreaterThan(0)
    const [detection] = detections
    expect(detection).toMatchObject({
      ruleId: analytic.id,
      detector: 'analytic',
      unitPath,
      severity: analytic.severity,
    })
    expect(detection!.entities.length).toBeGreaterThan(0)
    expect(detection!.eventIds.length).toBeGreaterThan(0)
    expect(detection!.eventIds.length).toBeLessThanOrEqual(count)
    expect(detection!.eventIds.every((id) => known.has(id))).toBe(true)
    expect(detection!.summaryZh).toContain(analytic.titleZh)
  })

  test('is silent on what only looks like it', async () => {
    const { detections, events: count } = await answerOn(name, 'silent')
    expect(detections).toEqual([])
    expect(count).toBeGreaterThan(0)
  })
})
