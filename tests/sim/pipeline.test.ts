/**
 * Crash points through the whole pipeline: whatever ends the process wherever, and however the stream is cut into batches,
 * every acknowledged record is stored exactly once and the incidents are the same as if nothing had happened.
 * `WATCHFIRE_SIM_SEEDS` runs more of them, `WATCHFIRE_SIM_SEED` one alone.
 */
import { readFileSync } from 'node:fs'
import { sql } from 'drizzle-orm'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import type { Event } from '../../server/src/event/event.ts'
import type { RawRecord } from '../../server/src/event/raw-record.ts'
import { openTestStore, type TestStore } from '../../server/src/state/store-for-tests.ts'
import { render } from '../golden/render.ts'
import { SimulatedDisk } from './bus-disk.ts'
import { createRandom, type Random } from './random.ts'
import { type Durable, live, type Sent } from './world.ts'

const seeds = Number(process.env.WATCHFIRE_SIM_SEEDS ?? 30)
const only = process.env.WATCHFIRE_SIM_SEED

let store: TestStore
beforeAll(async () => {
  store = await openTestStore()
}, 60_000)
afterAll(() => store?.close())
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const startMs = Date.parse('2026-03-02T02:00:00Z')
const text = readFileSync(new URL('../golden/ssh-intrusion/10.syslog-tcp.log', import.meta.url), 'utf8')
const lines = render(text, startMs)
  .split('\n')
  .filter((line) => line !== '')

function recordOf(line: string, index: number): RawRecord {
  const place = { transport: 'syslog-tcp' as const, sender: '10.20.0.9', source: '' }
  return { ...place, receivedAtMs: startMs + 3_600_000 + index, body: Buffer.from(line) }
}

/** The same records in the same order, in batches of any size. */
function sentIn(random: Random): Sent[] {
  const sent: Sent[] = []
  for (let at = 0; at < lines.length; ) {
    const size = 1 + random.below(12)
    const records = lines.slice(at, at + size).map((line, index) => recordOf(line, at + index))
    sent.push({ key: `batch ${at}`, records, acknowledged: false })
    at += size
  }
  return sent
}

async function begin(random: Random): Promise<Durable> {
  await store.database.execute(sql`TRUNCATE incidents, incident_entities, incident_activity, incident_undo, detections,
    detection_entities, match_windows, rejected_matches, outbox, deliveries, offsets RESTART IDENTITY CASCADE`)
  const { database } = store
  return {
    disk: new SimulatedDisk(random),
    database,
    correlations: undefined,
    auditEvents: undefined,
    blocks: new Map<string, Event[]>(),
  }
}

/** What people see in the end, without what may differ: ids, and moments of our own clock. */
async function outcomeOf({ blocks, database }: Durable) {
  // Records of one audit event are one event or several, as the stream was cut: each record stands in exactly one.
  const records = [...blocks.values()].flat().flatMap(({ raw }) => Buffer.from(raw).toString().split('\n'))
  const { rows } = await database.execute(sql`
    SELECT unit_path, status, severity, score, title_zh, story_zh, story_en, rule_ids, detection_count, match_count,
      first_seen_at, last_seen_at FROM incidents WHERE status <> 'merged' ORDER BY first_seen_at, title_en, score`)
  const { rows: found } = await database.execute(sql`SELECT id, match_count FROM detections ORDER BY id`)
  return { records: records.sort(), incidents: rows, detections: found }
}

/** What is stored, one event a record, and what was found, when the process lives once for each of these parts. */
async function afterLives(...parts: string[][]) {
  const random = createRandom(3)
  const durable = await begin(random)
  const sent: Sent[] = []
  for (const part of parts) {
    for (const line of part) sent.push({ key: line, records: [recordOf(line, sent.length)], acknowledged: false })
    expect(await live(durable, sent, random, { value: 1_000_000 }, tick, 1)).toBe(true)
    durable.disk.restart()
  }
  const events = [...durable.blocks.values()].flat()
  return {
    events: events.map(({ id, continues, fields }) => ({ id, continues, fields })),
    ...(await outcomeOf(durable)),
  }
}

const tick = () => void vi.advanceTimersByTime(1_000)

test(
  'whatever ends the process wherever, nothing is lost, nothing is twice, and the incidents are the same',
  async () => {
    const calm = createRandom(1)
    const durable = await begin(calm)
    const counted = { value: 1_000_000 }
    expect(await live(durable, sentIn(calm), calm, counted, tick)).toBe(true)
    const operations = 1_000_000 - counted.value
    const expected = await outcomeOf(durable)
    expect(expected.records).toEqual([...lines].sort())
    expect(expected.incidents.length).toBeGreaterThan(0)

    let ends = 0
    const run = only === undefined ? Array.from({ length: seeds }, (_, index) => index + 2) : [Number(only)]
    for (const seed of run) {
      const random = createRandom(seed)
      const world = await begin(random)
      const sent = sentIn(random)
      const endings = 1 + random.below(4)
      for (let life = 0; ; life++) {
        const stepsLeft = { value: life < endings ? random.below(operations) : 1_000_000 }
        if (await live(world, sent, random, stepsLeft, tick)) break
        ends++
        if (random.chance(0.5)) world.disk.powerCut()
        else world.disk.restart()
        expect(life, `seed ${seed} comes to an end`).toBeLessThan(10)
      }
      expect(await outcomeOf(world), `seed ${seed}`).toEqual(expected)
    }
    if (only === undefined) expect(ends).toBeGreaterThan(seeds / 2)
  },
  Math.max(600_000, seeds * 20_000),
)

test('a kernel audit event that a restart cuts between two of its records is what it is without the restart', async () => {
  const last = lines.length - 1
  const whole = await afterLives(lines)
  const [call, program] = whole.events.slice(-2)
  expect(program!.continues).toBe(call!.id)
  expect(program!.fields).toMatchObject({ 'process.executable': '/usr/bin/shred', tags: ['audit_continued'] })
  expect(await afterLives(lines.slice(0, last), lines.slice(last))).toEqual(whole)
})
