import { asc, eq, sql } from 'drizzle-orm'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Change } from '../event/change.ts'
import type { Detection } from '../event/event.ts'
import { auditRows } from '../seams/store/schema/audit.ts'
import {
  detections,
  exceptionHits,
  exceptions,
  incidentActivity,
  incidentEntities,
  incidents,
  rejectedMatches,
} from '../seams/store/schema/incidents.ts'
import { ruleFindings } from '../seams/store/schema/rules.ts'
import type { Database } from '../seams/store/store.ts'
import { listRelated } from '../state/incidents/list-related.ts'
import { openTestStore, person, type TestStore } from '../state/store-for-tests.ts'
import { type Correlator, type CorrelatorOptions, createCorrelator } from './correlate.ts'
import { anyShuffled, attack, batchOf, host, ip, match, startMs, user } from './matches-for-tests.ts'
import { type CorrelateSettings, defaultSettings } from './settings.ts'

let store: TestStore
let changes: Change[] = []
const errors: unknown[] = []
beforeAll(async () => {
  store = await openTestStore()
}, 60_000)
afterAll(() => store.close())
beforeEach(clear)

async function clear(): Promise<void> {
  changes = []
  errors.length = 0
  await store.database.execute(
    sql`TRUNCATE incidents, incident_entities, incident_activity, detections, detection_entities, match_windows, rejected_matches,
      exceptions, exception_hits, offsets, outbox, deliveries, notification_channels RESTART IDENTITY CASCADE`,
  )
}

function correlator(options: Partial<CorrelatorOptions> = {}): Correlator {
  return createCorrelator({
    database: store.database,
    clock: store.clock,
    attack,
    timeZone: 'Asia/Shanghai',
    notify: (change) => changes.push(change),
    logger: { error: (...told: unknown[]) => errors.push(told) } as CorrelatorOptions['logger'],
    ...options,
  })
}

const allIncidents = () => store.database.select().from(incidents).orderBy(asc(incidents.id))
const visible = async () => (await allIncidents()).filter(({ status }) => status !== 'candidate' && status !== 'merged')
const allDetections = () => store.database.select().from(detections).orderBy(asc(detections.id))

/** What must be the same for the same matches, however they came: no ids of incidents, no wall clock. */
async function outcome() {
  const rows = await allDetections()
  const found = await allIncidents()
  const groups = new Map<number, string[]>()
  for (const { id, incidentId } of rows) {
    if (incidentId !== null) groups.set(incidentId, [...(groups.get(incidentId) ?? []), id])
  }
  return {
    detections: rows.map(({ incidentId: _, createdAt: __, updatedAt: ___, ...rest }) => rest),
    incidents: found
      .filter(({ status }) => status !== 'merged')
      .map((one) => ({
        members: groups.get(one.id),
        status: one.status,
        score: one.score,
        severity: one.severity,
        facts: one.facts,
        story: one.storyZh,
        title: one.titleEn,
        unitPath: one.unitPath,
        tactics: one.tactics,
        counts: [one.detectionCount, one.matchCount],
      }))
      .sort((a, b) => (a.members![0]! < b.members![0]! ? -1 : 1)),
  }
}

const intrusion = (): Detection[] => [
  ...Array.from({ length: 30 }, (_, index) => match({ timeMs: startMs + index * 1_000 })),
  match({
    minute: 3,
    ruleId: 'ssh_success',
    ruleTitle: 'Sign-in after brute force',
    severity: 'high',
    tactics: ['initial-access'],
    entities: [ip('203.0.113.7'), user('ops'), host('portal-01')],
    fields: {
      'event.outcome': 'success',
      'event.category': ['authentication'],
      'user.name': 'ops',
      'host.name': 'portal-01',
    },
  }),
  match({
    minute: 9,
    ruleId: 'sudo_shell',
    ruleTitle: 'Root shell',
    severity: 'medium',
    tactics: ['privilege-escalation'],
    entities: [user('ops'), host('portal-01')],
    fields: {},
  }),
]

test('an intrusion becomes one incident with everything that follows from it', async () => {
  const one = correlator()
  await one.handle(batchOf(intrusion()))
  const [incident, ...others] = await allIncidents()
  expect(others).toEqual([])
  expect(incident).toMatchObject({
    status: 'new',
    severity: 'critical',
    unitPath: '/1/7/',
    detectionCount: 3,
    matchCount: 32,
    ruleIds: ['ssh_brute_force', 'ssh_success', 'sudo_shell'],
    tactics: ['initial-access', 'privilege-escalation', 'credential-access'],
  })
  expect(incident!.scoreParts.reduce((sum, part) => sum + part.points, 0)).toBe(incident!.score)
  const rows = await allDetections()
  expect(rows.map(({ incidentId }) => incidentId)).toEqual([incident!.id, incident!.id, incident!.id])
  const entities = await store.database.select().from(incidentEntities)
  expect(entities.map(({ type, value, role, matchCount }) => `${type} ${value} ${role} ${matchCount}`).sort()).toEqual([
    'host portal-01 target 32',
    'ip 203.0.113.7 actor 31',
    'user ops actor 2',
  ])
  const [activity] = await store.database.select().from(incidentActivity)
  expect(activity).toMatchObject({ kind: 'opened', actorKind: 'system', actorName: 'correlate' })
  const audit = await store.database.select().from(auditRows).where(eq(auditRows.action, 'incident.open'))
  expect(audit.at(-1)).toMatchObject({ target: `incident:${incident!.id}`, unitPath: '/1/7/' })
  expect(changes.map(({ noun, action }) => `${noun} ${action}`).sort()).toEqual([
    'detection created',
    'detection created',
    'detection created',
    'incident opened',
  ])
  expect(await one.resumeAfter(0)).toBe(31)
  expect(await one.resumeAfter(1)).toBeUndefined()
})

test('the same batch, parts of it, and the same matches published again change nothing', async () => {
  const matches = intrusion()
  const one = correlator()
  await one.handle(batchOf(matches))
  const before = await outcome()
  changes = []
  await one.handle(batchOf(matches))
  await one.handle(batchOf(matches.slice(10, 20), 10))
  // Published again at new offsets, before and after a restart.
  await one.handle(batchOf(matches, 32))
  const restarted = correlator()
  await restarted.handle(batchOf([...matches, ...matches], 64))
  expect(await outcome()).toEqual(before)
  expect(await restarted.resumeAfter(0)).toBe(127)
  expect(restarted.counters()).toMatchObject({ matches: 0, repeated: 64 })
  expect(changes).toEqual([])
})

test('a batch that overlaps what was done counts only its new part', async () => {
  const one = correlator()
  const matches = intrusion()
  await one.handle(batchOf(matches.slice(0, 20)))
  await one.handle(batchOf(matches, 0))
  const [row] = await store.database.select().from(detections).where(eq(detections.ruleId, 'ssh_brute_force'))
  expect(row!.matchCount).toBe(30)
})

test('order of arrival and size of batches do not matter', async () => {
  await fc.assert(
    fc.asyncProperty(anyShuffled(25), fc.integer({ min: 1, max: 26 }), async ([matches, shuffled], size) => {
      await clear()
      await correlator().handle(batchOf(matches))
      const expected = await outcome()
      await clear()
      const one = correlator()
      for (let at = 0; at < shuffled.length; at += size) await one.handle(batchOf(shuffled.slice(at, at + size), at))
      expect(await outcome()).toEqual(expected)
    }),
    { numRuns: 25 },
  )
}, 60_000)

test('partitions on several correlators at once give what one gives', async () => {
  const matches = Array.from({ length: 60 }, (_, index) =>
    match({
      ruleId: `rule-${index % 5}`,
      minute: index * 4,
      entities: [ip(`198.51.100.${index % 4}`), host(`host-${index % 7}`)],
    }),
  )
  await correlator().handle(batchOf(matches))
  const expected = await outcome()
  await clear()
  const parts = [0, 1, 2].map((partition) => matches.filter((_, index) => index % 3 === partition))
  await Promise.all(
    parts.map(async (part, partition) => {
      const one = correlator()
      for (let at = 0; at < part.length; at += 4) await one.handle(batchOf(part.slice(at, at + 4), at, partition))
    }),
  )
  expect(await outcome()).toEqual(expected)
})

test('killed at any statement and at the commit: nothing is lost, nothing counted twice', async () => {
  const matches = intrusion()
  const batches = [batchOf(matches.slice(0, 11)), batchOf(matches.slice(11, 31), 11), batchOf(matches.slice(31), 31)]
  for (const batch of batches) await correlator().handle(batch)
  const expected = await outcome()
  let killedCount = 0
  for (let killAt = 1; killAt <= 40; killAt++) {
    await clear()
    const { database, wasKilled } = killable(store.database, killAt)
    let one = correlator({ database })
    for (const batch of batches) {
      try {
        await one.handle(batch)
      } catch {
        // The thread died; another one starts and the bus delivers again.
        one = correlator()
        await one.handle(batch)
      }
    }
    if (wasKilled()) killedCount++
    expect(await outcome(), `killed at statement ${killAt}`).toEqual(expected)
    expect(
      await store.database.select().from(incidentActivity).where(eq(incidentActivity.kind, 'opened')),
    ).toHaveLength(1)
  }
  expect(killedCount).toBeGreaterThan(20)
}, 60_000)

/**
 * The database as a process sees it that dies at the given statement. Every third time it dies after the commit was
 * carried out but before it heard so.
 */
function killable(database: Database, killAt: number): { database: Database; wasKilled(): boolean } {
  let left = killAt
  let killed = false
  const die = () => {
    killed = true
    // The retry bit, so that the correlator does not look for a culprit among the records.
    throw Object.assign(new Error('killed'), { code: '57P01' })
  }
  const wrapped = new Proxy(database, {
    get(target, name) {
      if (name !== 'transaction') return Reflect.get(target, name)
      return async (work: (transaction: unknown) => Promise<unknown>) => {
        const result = await target.transaction((transaction) => {
          const counting = new Proxy(transaction, {
            get(inner, key) {
              if (['execute', 'select', 'insert', 'update', 'delete'].includes(String(key)) && --left === 0) die()
              const value = Reflect.get(inner, key)
              return typeof value === 'function' ? value.bind(inner) : value
            },
          })
          return work(counting)
        })
        if (killAt % 3 === 0 && !killed) die()
        return result
      }
    },
  })
  return { database: wrapped as Database, wasKilled: () => killed }
}

test('records that are none, or that the store refuses, are set aside and hold up nothing', async () => {
  const poison = match({ ruleId: 'poison', minute: 5 })
  const one = correlator()
  await store.database.execute(sql`ALTER TABLE detections ADD CONSTRAINT no_poison CHECK (rule_id <> 'poison')`)
  try {
    const good = intrusion()
    await one.handle(
      batchOf([...good.slice(0, 5), Buffer.from('{"broken'), ...good.slice(5, 20), poison, ...good.slice(20)]),
    )
  } finally {
    await store.database.execute(sql`ALTER TABLE detections DROP CONSTRAINT no_poison`)
  }
  const rejected = await store.database.select().from(rejectedMatches).orderBy(asc(rejectedMatches.offset))
  expect(rejected.map(({ offset, record }) => [offset, record.toString()])).toEqual([
    [5, '{"broken'],
    [21, JSON.stringify(poison)],
  ])
  expect(rejected[1]!.problem).toContain('no_poison')
  expect(errors).toHaveLength(2)
  expect(one.counters()).toMatchObject({ matches: 32, rejected: 2 })
  expect(await visible()).toMatchObject([{ matchCount: 32 }])
  expect(await one.resumeAfter(0)).toBe(33)
})

test('low alone stays a candidate; the rule that lifts it opens one incident with both', async () => {
  const one = correlator()
  await one.handle(batchOf([match({ severity: 'low' })]))
  expect(await visible()).toEqual([])
  expect(changes.map(({ noun }) => noun)).toEqual(['detection'])
  await one.handle(batchOf([match({ ruleId: 'web_shell', severity: 'medium', minute: 30 })], 1))
  expect(await visible()).toMatchObject([{ detectionCount: 2, ruleIds: ['ssh_brute_force', 'web_shell'] }])
})

test('a bridge merges two open incidents; the one that is worked on stays, nothing of the other is lost', async () => {
  const one = correlator()
  const left = match({ entities: [ip('198.51.100.1'), host('a')] })
  const right = match({ entities: [ip('198.51.100.2'), host('b')], minute: 20 })
  await one.handle(batchOf([left, right]))
  const [first, second] = await allIncidents()
  await store.database
    .update(incidents)
    .set({ status: 'in_progress', assigneeId: 5 })
    .where(eq(incidents.id, second!.id))
  await one.handle(
    batchOf(
      [match({ ruleId: 'bridge', entities: [user('ops'), host('b'), ip('198.51.100.1', 'target')], minute: 40 })],
      2,
    ),
  )
  const [merged, survivor] = await allIncidents()
  expect(merged).toMatchObject({ id: first!.id, status: 'merged', mergedInto: second!.id })
  expect(survivor).toMatchObject({ status: 'in_progress', assigneeId: 5, detectionCount: 3, matchCount: 3 })
  expect((await allDetections()).every(({ incidentId }) => incidentId === second!.id)).toBe(true)
  const entities = await store.database.select().from(incidentEntities)
  expect(entities.map(({ incidentId, value }) => [incidentId, value]).sort()).toEqual(
    ['198.51.100.1', '198.51.100.2', 'a', 'b', 'ops'].map((value) => [second!.id, value]),
  )
  const activity = await store.database.select().from(incidentActivity).where(eq(incidentActivity.kind, 'merged'))
  expect(activity).toMatchObject([{ incidentId: second!.id, detail: { merged: [first!.id] } }])
  expect(changes.filter(({ action }) => action === 'merged')).toMatchObject([{ id: String(first!.id) }])
})

test('a closed incident is not reopened: what goes on opens another that continues it', async () => {
  const one = correlator()
  await one.handle(batchOf([match({})]))
  const [first] = await allIncidents()
  await store.database
    .update(incidents)
    .set({ status: 'closed', closedAt: new Date() })
    .where(eq(incidents.id, first!.id))
  // In the same ten minutes: counted with the detection that was closed with it.
  await one.handle(batchOf([match({ minute: 5 })], 1))
  expect(await allIncidents()).toMatchObject([{ status: 'closed', matchCount: 1 }])
  expect(await allDetections()).toMatchObject([{ matchCount: 2 }])
  await one.handle(batchOf([match({ minute: 15 })], 2))
  expect(await allIncidents()).toMatchObject([
    { status: 'closed' },
    { status: 'new', continues: first!.id, matchCount: 1 },
  ])
})

test('a day and more of one attack is a chain of incidents, each within the window', async () => {
  const one = correlator()
  for (let hour = 0; hour < 60; hour++) await one.handle(batchOf([match({ minute: hour * 60 })], hour))
  const found = await allIncidents()
  expect(found.map(({ detectionCount, continues }) => [detectionCount, continues])).toEqual([
    [25, null],
    [25, found[0]!.id],
    [10, found[1]!.id],
  ])
})

test('what is everywhere, and what an exception unlinks, ties nothing together', async () => {
  const one = correlator()
  const scanner = '10.9.9.9'
  await one.handle(
    batchOf([
      match({ entities: [user('root'), host('a')] }),
      match({ entities: [user('root'), host('b')] }),
      match({ entities: [ip(scanner), host('c')], ruleId: 'scan' }),
      match({ entities: [ip(scanner), host('d')], ruleId: 'scan-too' }),
    ]),
  )
  expect((await visible()).map(({ detectionCount }) => detectionCount)).toEqual([1, 1, 2])
  await clear()
  await insertException({
    effect: 'unlink',
    conditions: [{ field: 'entity.ip', operator: 'cidr', values: ['10.9.9.0/24'] }],
  })
  await correlator().handle(
    batchOf([
      match({ entities: [ip(scanner), host('c')], ruleId: 'scan' }),
      match({ entities: [ip(scanner), host('d')], ruleId: 'scan-too' }),
    ]),
  )
  expect((await visible()).map(({ detectionCount }) => detectionCount)).toEqual([1, 1])
  expect(await store.database.select().from(exceptions)).toMatchObject([{ hitCount: 2 }])
})

async function insertException(part: Partial<typeof exceptions.$inferInsert>): Promise<number> {
  const now = new Date(store.clock.now())
  const [row] = await store.database
    .insert(exceptions)
    .values({
      name: 'Our scanner',
      reason: 'Weekly scan',
      effect: 'hide',
      ruleIds: [],
      conditions: [],
      unitPath: '/1/',
      ownerKind: 'user',
      ownerId: '1',
      ownerName: 'ops',
      createdAt: now,
      updatedAt: now,
      expiresAt: new Date(store.clock.now() + 3_600_000),
      revision: Math.floor(Math.random() * 1e9),
      ...part,
    })
    .returning({ id: exceptions.id })
  return row!.id
}

test('an exception hides, counts what it hid, and stops by itself', async () => {
  const one = correlator()
  await one.handle(batchOf([match({ minute: -600 })]))
  const id = await insertException({
    ruleIds: ['ssh_brute_force'],
    conditions: [{ field: 'entity', operator: 'equals', values: ['PORTAL-01'] }],
    unitPath: '/1/7/',
  })
  await one.handle(
    batchOf([match({}), match({ minute: 1 }), match({ unitPath: '/1/8/' }), match({ ruleId: 'other', minute: 2 })], 1),
  )
  const hidden = await store.database.select().from(detections).where(eq(detections.suppressedBy, id))
  expect(hidden).toMatchObject([{ matchCount: 2, incidentId: null }])
  expect((await visible()).map(({ unitPath, matchCount }) => [unitPath, matchCount])).toEqual([
    ['/1/7/', 1],
    ['/1/8/', 1],
    ['/1/7/', 1],
  ])
  expect(await store.database.select().from(exceptions)).toMatchObject([
    { hitCount: 2, lastHitAt: new Date(startMs + 60_000) },
  ])
  expect(await store.database.select().from(exceptionHits)).toMatchObject([
    { ruleId: 'ssh_brute_force', day: '2026-03-01', matchCount: 2 },
  ])
  store.clock.advance(3_600_001)
  await one.handle(batchOf([match({ minute: 3 })], 5))
  expect(one.counters().hidden).toBe(2)
  expect(
    await store.database
      .select()
      .from(detections)
      .where(sql`suppressed_by IS NULL AND rule_id = 'ssh_brute_force' AND unit_path = '/1/7/'`),
  ).toHaveLength(2)
})

test('each unit keeps its own incident, with its own part of story, score and entities, whatever is found above it', async () => {
  const one = correlator()
  const attacker = ip('203.0.113.7')
  const below = match({ unitPath: '/1/7/3/', entities: [attacker, host('files-03')] })
  await one.handle(batchOf([below]))
  const [alone] = await visible()
  const others = [
    match({ unitPath: '/1/8/', entities: [attacker, host('secret-08')], minute: 1 }),
    match({ unitPath: '/1/7/', entities: [attacker, host('border-07')], minute: 2, severity: 'critical' }),
    match({ unitPath: '/1/', entities: [attacker, host('root-01')], minute: 3 }),
  ]
  await one.handle(batchOf(others, 1))
  const shown = await visible()
  expect(shown.map(({ unitPath, detectionCount }) => [unitPath, detectionCount]).sort()).toEqual([
    ['/1/', 1],
    ['/1/7/', 1],
    ['/1/7/3/', 1],
    ['/1/8/', 1],
  ])
  const still = shown.find(({ unitPath }) => unitPath === '/1/7/3/')!
  expect(still).toEqual(alone)
  expect(JSON.stringify([still.storyZh, still.storyEn, still.facts])).not.toMatch(/secret-08|border-07|root-01/)
})

test('what units share is told to whoever sees them all, and to nobody else', async () => {
  const one = correlator()
  const attacker = ip('203.0.113.7')
  await one.handle(
    batchOf([
      match({ unitPath: '/1/7/', entities: [attacker, host('portal-07')] }),
      match({ unitPath: '/1/8/', entities: [attacker, host('portal-08')], minute: 40 }),
      match({ unitPath: '/1/9/', entities: [ip('10.0.0.5'), host('intern-09')] }),
      match({ unitPath: '/1/10/', entities: [ip('10.0.0.5'), host('intern-10')] }),
      match({ unitPath: '/1/11/', entities: [attacker, host('late-11')], minute: 60 * 60 }),
    ]),
  )
  const idOf = new Map((await visible()).map(({ unitPath, id }) => [unitPath, id]))
  const related = async (unitPath: string, of: string) => {
    const { items } = await listRelated(store.as(person('security_operator', unitPath)), { id: idOf.get(of)! })
    return items.map(({ unitPath, shared }) => [unitPath, shared])
  }
  expect(await related('/1/', '/1/7/')).toEqual([['/1/8/', [{ type: 'ip', value: '203.0.113.7' }]]])
  expect(await related('/1/7/', '/1/7/')).toEqual([])
  // The same private address in two offices is two machines.
  expect(await related('/1/', '/1/9/')).toEqual([])
  await expect(related('/1/8/', '/1/7/')).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('detections without entities are held together by their rule', async () => {
  const one = correlator()
  for (let step = 0; step < 5; step++) await one.handle(batchOf([match({ entities: [], minute: step * 20 })], step))
  expect(await visible()).toMatchObject([{ detectionCount: 5 }])
})

test('strangers that attack one portal stay apart; many sources of one attack on it are one campaign', async () => {
  const one = correlator()
  const portal = host('portal')
  const attackers = Array.from({ length: 40 }, (_, index) =>
    match({ ruleId: 'sql_injection', entities: [ip(`198.51.100.${index}`), portal], minute: index }),
  )
  await one.handle(batchOf(attackers.slice(0, 20)))
  for (const [index, attacker] of attackers.slice(20).entries()) await one.handle(batchOf([attacker], 20 + index))
  expect(await visible()).toMatchObject([{ detectionCount: 40 }])
  await one.handle(batchOf([match({ ruleId: 'brute_force', entities: [ip('203.0.113.99'), portal], minute: 90 })], 40))
  expect((await visible()).map(({ detectionCount }) => detectionCount)).toEqual([40, 1])
  // The portal itself acts: now it is one story with whoever attacked it.
  const shell = match({ ruleId: 'shell_by_web_server', entities: [user('www'), portal], minute: 95 })
  await one.handle(batchOf([shell], 41))
  expect((await visible()).map(({ detectionCount }) => detectionCount)).toEqual([42])
})

test('a host with many accounts becomes a hub and stops tying them together', async () => {
  const settings: CorrelateSettings = { ...defaultSettings, hubLimit: 3 }
  const one = correlator({ settings })
  const accounts = Array.from({ length: 12 }, (_, index) =>
    match({ entities: [user(`user-${index}`), host('terminal')], minute: index * 10 }),
  )
  for (const [offset, account] of accounts.entries()) await one.handle(batchOf([account], offset))
  expect((await visible()).map(({ detectionCount }) => detectionCount)).toEqual([
    3,
    ...Array.from({ length: 9 }, () => 1),
  ])
  // The same account still finds its own incident through the hub.
  await one.handle(batchOf([match({ ruleId: 'more', entities: [user('user-11'), host('terminal')], minute: 130 })], 12))
  expect((await visible()).at(-1)).toMatchObject({ detectionCount: 2 })
})

test('candidates that came to nothing are forgotten, their detections are not', async () => {
  const one = correlator()
  await one.handle(batchOf([match({ severity: 'low' }), match({ entities: [ip('198.51.100.9')] })]))
  expect(await allIncidents()).toHaveLength(2)
  store.clock.advance(49 * 3_600_000)
  await one.handle(batchOf([match({ entities: [ip('198.51.100.10')], severity: 'low' })], 2))
  expect((await allIncidents()).map(({ status }) => status)).toEqual(['new', 'candidate'])
  expect(await allDetections()).toHaveLength(3)
  expect(one.counters().swept).toBe(1)
  // One of its firings comes after all.
  await one.handle(batchOf([match({ severity: 'medium', minute: 1 })], 3))
  expect(await visible()).toMatchObject([{}, { matchCount: 2, detectionCount: 1 }])
})

test('a flood of one rule stays cheap', async () => {
  const one = correlator()
  const flood = Array.from({ length: 20_000 }, (_, index) => match({ timeMs: startMs + (index % 60_000) }))
  const beganAt = performance.now()
  for (let at = 0; at < flood.length; at += 1_000) await one.handle(batchOf(flood.slice(at, at + 1_000), at))
  const perSecond = Math.round((flood.length / (performance.now() - beganAt)) * 1_000)
  console.log(`flood of one rule: ${perSecond} matches/s`)
  expect(await allDetections()).toMatchObject([{ matchCount: 20_000 }])
  expect(await visible()).toMatchObject([{ matchCount: 20_000, detectionCount: 1 }])
}, 60_000)

test('what a rule on trial finds is kept apart: no detection, no incident, nobody told', async () => {
  const one = correlator()
  const trial = (part: Parameters<typeof match>[0]) =>
    match({ ruleId: 'trial~4~ssh_success', ...part, severity: 'critical' })
  const batch = batchOf([
    trial({ id: 't1' }),
    trial({ id: 't2', minute: 1 }),
    trial({ id: 't3', minute: 1, ruleId: 'trial~5~ssh_success' }),
    match({ id: 'm-live', severity: 'low' }),
  ])
  await one.handle(batch)
  await correlator().handle({ ...batch, first: 4, last: 7 })
  expect(await allDetections()).toMatchObject([{ ruleId: 'ssh_brute_force', matchCount: 1 }])
  expect(await visible()).toEqual([])
  const findings = await store.database.select().from(ruleFindings).orderBy(ruleFindings.ruleVersion)
  // Each version for itself.
  expect(findings).toMatchObject([
    { ruleId: 'ssh_success', ruleVersion: 4, matchCount: 2, unitPath: '/1/7/', suppressedBy: null },
    { ruleId: 'ssh_success', ruleVersion: 5, matchCount: 1 },
  ])
  expect(changes.map(({ noun }) => noun).sort()).toEqual(['detection', 'finding', 'finding'])
  expect(one.counters()).toMatchObject({ matches: 4, onTrial: 3 })
})
