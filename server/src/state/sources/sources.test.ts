import { eq, like, sql } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { auditRows } from '../../seams/store/schema/audit.ts'
import { sourceMinutes, sources } from '../../seams/store/schema/sources.ts'
import { putSetting } from '../settings/put.ts'
import { openTestStore, person, type TestStore } from '../store-for-tests.ts'
import { createUnit } from '../units/create.ts'
import { ensureRootUnit } from '../units/ensure-root.ts'
import { moveUnit } from '../units/move.ts'
import type { Unit } from '../units/unit.ts'
import { getSource } from './get.ts'
import { listSources } from './list.ts'
import { createSourceObserver, type SourceObservation } from './observe.ts'
import { loadSourcePins } from './pins.ts'
import { purgeSourceMinutes } from './purge.ts'
import { sourceSeries } from './series.ts'
import { checkSilence } from './silent.ts'
import { sourceId } from './source.ts'
import { updateSource } from './update.ts'

let store: TestStore
let city: Unit
const fails = (code: string) => expect.objectContaining({ code })

function seen(key: string, more: Partial<SourceObservation> = {}): SourceObservation {
  const nowMs = store.clock.now()
  return {
    sourceKey: key,
    transport: 'syslog-udp',
    sender: key.slice(key.indexOf(':') + 1),
    source: '',
    records: 10,
    parsed: 9,
    failed: 1,
    bytes: 1_000,
    parser: 'linux',
    lastReceivedAtMs: nowMs,
    lastEventTimeMs: nowMs - 1_000,
    lastReason: 'no pattern fits',
    ...more,
  }
}

async function observe(...observations: SourceObservation[]) {
  const observer = createSourceObserver(store.database, store.clock)
  observer.add(observations)
  return observer.flush()
}

beforeAll(async () => {
  store = await openTestStore()
  await ensureRootUnit(store.database, store.clock)
  city = await createUnit(store.system, { parentId: 1, kind: 'city', name: '甲市' })
}, 60_000)
afterAll(() => store.close())

test('a new sender is listed and audited once; counters add up without audit', async () => {
  const created = await observe(
    seen('syslog:10.0.0.1'),
    seen('syslog:10.0.0.1'),
    seen('http:nginx', { transport: 'http' }),
  )
  expect(created.map((source) => source.key).sort()).toEqual(['http:nginx', 'syslog:10.0.0.1'])
  expect(await observe(seen('syslog:10.0.0.1', { parser: 'unparsed', parsed: 0, failed: 10 }))).toEqual([])
  const source = await getSource(store.system, sourceId('syslog:10.0.0.1'))
  expect(source).toMatchObject({
    ...{ key: 'syslog:10.0.0.1', name: '10.0.0.1', parser: 'linux', pinned: false, unitPath: '/1/' },
    ...{
      recordCount: 30,
      unparsedCount: 12,
      byteCount: 3_000,
      parseRate: 0.6,
      silent: false,
      silenceAfterMinutes: 1_440,
    },
  })
  expect(source.recordsPerSecond).toBeGreaterThan(0)
  const rows = await store.database.select().from(auditRows).where(eq(auditRows.action, 'source.appear'))
  expect(rows.map((row) => row.detail.key).sort()).toEqual(['http:nginx', 'syslog:10.0.0.1'])
})

test('many threads that see the same new senders at once count each record once', async () => {
  const threads = Array.from({ length: 6 }, async () => {
    const observer = createSourceObserver(store.database, store.clock)
    for (let round = 0; round < 5; round++) {
      observer.add(
        Array.from({ length: 40 }, (_, index) =>
          seen(`syslog:many-${(index * 7 + round) % 40}`, { records: 1, parsed: 1, failed: 0 }),
        ),
      )
      await observer.flush()
    }
  })
  await Promise.all(threads)
  const [counted] = await store.database
    .select({ records: sql<number>`sum(${sources.recordCount})::int`, sources: sql<number>`count(*)::int` })
    .from(sources)
    .where(like(sources.key, 'syslog:many-%'))
  expect(counted).toEqual({ records: 6 * 5 * 40, sources: 40 })
  const [minutes] = await store.database
    .select({ records: sql<number>`sum(${sourceMinutes.records})::int` })
    .from(sourceMinutes)
    .innerJoin(sources, eq(sources.id, sourceMinutes.sourceId))
    .where(like(sources.key, 'syslog:many-%'))
  expect(minutes?.records).toBe(1_200)
  const rows = await store.database
    .select()
    .from(auditRows)
    .where(like(sql`${auditRows.detail}->>'key'`, 'syslog:many-%'))
  expect(rows).toHaveLength(40)
})

test('a flood of forged senders is a few audit rows, and hostile names are harmless', async () => {
  const before = await store.database.$count(auditRows)
  await observe(...Array.from({ length: 300 }, (_, index) => seen(`syslog:flood-${index}`)))
  expect((await store.database.$count(auditRows)) - before).toBe(51)
  const odd = [
    "syslog:'; DROP TABLE sources; --",
    'http:\u0000\ud800x',
    `bulk:${'长'.repeat(5_000)}`,
    'file:',
    'http:__proto__',
  ]
  await observe(...odd.map((key) => seen(key, { transport: 'file', source: key.slice(5) })))
  expect((await listSources(store.system, { transport: 'file' })).total).toBe(5)
  expect((await listSources(store.system, { text: 'DROP TABLE' })).total).toBe(1)
  for (const source of (await listSources(store.system, { transport: 'file' })).items)
    expect(source.silenceAfterMinutes).toBeNull()
})

test('what could not be written is kept and written later, each minute for itself', async () => {
  let broken = true
  const database = new Proxy(store.database, {
    get: (target, key) => {
      if (key === 'transaction' && broken)
        return () => Promise.reject(Object.assign(new Error('gone'), { code: 'ECONNREFUSED' }))
      return Reflect.get(target, key)
    },
  })
  const observer = createSourceObserver(database, store.clock)
  observer.add([seen('syslog:later')])
  await expect(observer.flush()).rejects.toEqual(fails('STORE_UNAVAILABLE'))
  observer.add([seen('syslog:later')])
  store.clock.advance(60_000)
  observer.add([seen('syslog:later')])
  broken = false
  expect(await observer.flush()).toHaveLength(1)
  expect(await observer.flush()).toEqual([])
  const id = sourceId('syslog:later')
  expect((await getSource(store.system, id)).recordCount).toBe(30)
  const series = await sourceSeries(store.system, { ids: [id], minutes: 10 })
  const minutes = series.get(id) ?? []
  expect(minutes).toHaveLength(10)
  expect(minutes.filter(({ records }) => records > 0).map(({ records }) => records)).toEqual([20, 10])
  expect(minutes.map(({ at }) => (at.getTime() - minutes[0]!.at.getTime()) / 60_000)).toEqual([...Array(10).keys()])
  expect((await sourceSeries(store.system, { ids: [id], minutes: 1 })).get(id)).toHaveLength(1)
})

test('a source is settled by people of its unit, and the threads learn of it', async () => {
  const id = sourceId('syslog:10.0.0.1')
  const root = store.as(person('system_administrator', '/1/'))
  const administrator = store.as(person('system_administrator', city.path))
  await expect(updateSource(administrator, { id, name: 'mine' })).rejects.toEqual(fails('NOT_FOUND'))
  await expect(updateSource(store.as(person('security_manager', '/1/')), { id, name: 'x' })).rejects.toEqual(
    fails('FORBIDDEN'),
  )
  await updateSource(root, {
    id,
    name: '堡垒机',
    unitId: city.id,
    parser: 'cisco-asa',
    silenceAfterMinutes: 5,
    timeZone: 'Asia/Shanghai',
  })
  expect(await getSource(administrator, id)).toMatchObject({
    name: '堡垒机',
    parser: 'cisco-asa',
    pinned: true,
    unitPath: city.path,
  })
  expect((await listSources(administrator)).total).toBe(1)
  await observe(seen('syslog:10.0.0.1', { parser: 'linux' }))
  expect(await getSource(administrator, id)).toMatchObject({
    parser: 'cisco-asa',
    silenceAfterMinutes: 5,
    unitPath: city.path,
  })
  expect((await loadSourcePins(store.database)).get('syslog:10.0.0.1')).toEqual({
    ...{ parser: 'cisco-asa', zone: 'Asia/Shanghai', unitPath: city.path, retentionClass: 'standard' },
  })
  await expect(updateSource(administrator, { id, unitId: 1 })).rejects.toEqual(fails('NOT_FOUND'))
  await expect(updateSource(root, { id, timeZone: 'Mars/Olympus' })).rejects.toEqual(fails('BAD_REQUEST'))
  await updateSource(administrator, { id, parser: null })
  expect(await getSource(administrator, id)).toMatchObject({ parser: 'linux', pinned: false })
  const audited = () => store.database.$count(auditRows, eq(auditRows.target, `source:${id}`))
  const before = await audited()
  await updateSource(administrator, { id, parser: null, name: '堡垒机' })
  expect(await audited()).toBe(before)
  const other = await createUnit(store.system, { parentId: 1, kind: 'city', name: '丙市' })
  const moved = await createUnit(store.system, { parentId: city.id, kind: 'unit', name: '局' })
  await updateSource(root, { id, unitId: moved.id })
  await moveUnit(store.system, { id: moved.id, parentId: other.id })
  expect((await getSource(root, id)).unitPath).toBe(`${other.path}${moved.id}/`)
  expect((await sourceSeries(administrator, { ids: [id] })).size).toBe(0)
  await updateSource(root, { id, silenceAfterMinutes: 0.5 })
  expect((await getSource(root, id)).silenceAfterMinutes).toBe(0.5)
  await expect(updateSource(root, { id, silenceAfterMinutes: 0.4 })).rejects.toEqual(fails('BAD_REQUEST'))
  await updateSource(root, { id, unitId: 1, silenceAfterMinutes: null })
})

test('silence is told once, and so is the end of it; silence while nobody listened is none', async () => {
  const id = sourceId('syslog:quiet')
  await observe(seen('syslog:quiet'))
  await updateSource(store.system, { id, silenceAfterMinutes: 5 })
  const startedMs = store.clock.now()
  const check = async (sinceMs = startedMs) => {
    const { silent, recovered } = await checkSilence(store.database, store.clock, sinceMs)
    return [silent.map((source) => source.key), recovered.map((source) => source.key)]
  }
  expect(await check()).toEqual([[], []])
  store.clock.advance(5 * 60_000 + 1_000)
  expect(await check(store.clock.now())).toEqual([[], []])
  expect(await check()).toEqual([['syslog:quiet'], []])
  expect(await check()).toEqual([[], []])
  expect((await listSources(store.system, { silent: true })).items.map((source) => source.id)).toEqual([id])
  await observe(seen('syslog:quiet'))
  expect(await check()).toEqual([[], ['syslog:quiet']])
  store.clock.advance(6 * 60_000)
  expect(await check()).toEqual([['syslog:quiet'], []])
  await updateSource(store.system, { id, enabled: false })
  expect(await check()).toEqual([[], ['syslog:quiet']])
  const rows = await store.database
    .select()
    .from(auditRows)
    .where(eq(auditRows.target, `source:${id}`))
    .orderBy(auditRows.sequence)
  expect(rows.map((row) => row.action)).toEqual([
    'source.appear',
    'source.update',
    'source.silent',
    'source.recovered',
    'source.silent',
    'source.update',
    'source.recovered',
  ])
})

test('the default silence of new sources is a setting', async () => {
  await putSetting(store.system, 'sources.silenceAfterMinutes', 30)
  await observe(seen('syslog:settled'))
  expect((await getSource(store.system, sourceId('syslog:settled'))).silenceAfterMinutes).toBe(30)
  const put = (value: unknown) => putSetting(store.system, 'sources.silenceAfterMinutes', value as number)
  for (const wrong of [0, 1.5, '30', 1e9, Number.NaN]) await expect(put(wrong)).rejects.toEqual(fails('BAD_REQUEST'))
  await expect(putSetting(store.system, '__proto__' as never, 1 as never)).rejects.toEqual(fails('BAD_REQUEST'))
  const unitAdministrator = store.as(person('system_administrator', city.path))
  await expect(putSetting(unitAdministrator, 'sources.silenceAfterMinutes', 1)).rejects.toEqual(fails('NOT_FOUND'))
})

test('lists page in every order without repeating or skipping', async () => {
  const { total } = await listSources(store.system)
  for (const sort of ['name', 'lastSeenAt', 'firstSeenAt', 'recordCount', 'parseRate'] as const) {
    for (const direction of ['asc', 'desc'] as const) {
      const ids: string[] = []
      let cursor: string | undefined
      do {
        const page = await listSources(store.system, { sort, direction, limit: 60, cursor })
        ids.push(...page.items.map((source) => source.id))
        cursor = page.next ?? undefined
      } while (cursor)
      expect([sort, direction, ids.length, new Set(ids).size]).toEqual([sort, direction, total, total])
    }
  }
})

test('minutes older than seven days go', async () => {
  store.clock.advance(7 * 24 * 3_600_000 + 120_000)
  await observe(seen('syslog:10.0.0.1'))
  await purgeSourceMinutes(store.database, store.clock)
  expect(await store.database.$count(sourceMinutes)).toBe(1)
})
