import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import pino from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadConfig } from '../../server/src/config/config.ts'
import type { Event, Fields } from '../../server/src/event/event.ts'
import { parseQuery } from '../../server/src/event/query-parse.ts'
import { systemClock } from '../../server/src/seams/clock/clock.ts'
import { type Events, openEvents } from '../../server/src/seams/events/open.ts'
import { exportEvents } from '../../server/src/state/events/export.ts'
import { eventFacets } from '../../server/src/state/events/facets.ts'
import { getEvent, getEvents } from '../../server/src/state/events/get.ts'
import { eventHistogram } from '../../server/src/state/events/histogram.ts'
import type { EventsContext } from '../../server/src/state/events/run.ts'
import { searchEvents } from '../../server/src/state/events/search.ts'
import { listUnparsed } from '../../server/src/state/events/unparsed.ts'
import { person } from '../../server/src/state/store-for-tests.ts'
import { holds } from '../harness/query-judge.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'watchfire-search-'))
const startMs = Date.UTC(2026, 0, 31, 8)
/** Retention counts from receipt. */
const receivedMs = Math.floor(Date.now() / 1000) * 1000 - 60_000
const range = { from: startMs - 1000, to: startMs + 86_400_000 }
let events: Events
let known: Event[]

const as = (unitPath: string): EventsContext => ({
  events: events.query,
  clock: systemClock,
  actor: person('security_operator', unitPath),
})

beforeAll(async () => {
  const config = loadConfig({ WATCHFIRE_DATA_DIR: dataDir })
  events = await openEvents(config, { logger: pino({ level: 'silent' }), clock: systemClock })
  const random = fc.sample(fields, { numRuns: 400, seed: 7 })
  known = [...samples, ...random].map((given, index) => eventOf(given, index, '/1/2/'))
  await events.insertBlock(known, 'known')
  await events.insertBlock([eventOf({ message: 'secret of the neighbour root' }, 9000, '/1/3/')], 'other')
})
afterAll(async () => {
  await events?.close()
  rmSync(dataDir, { recursive: true, force: true })
})

const words = [
  'root',
  'chroot',
  'Failed',
  'password',
  'mimikatz.exe',
  'user:root',
  'a_b',
  '登录失败',
  '用户admin',
  '10.0.0.5',
  "it's",
  '100%',
  'C:\\Temp\\x',
  '(uid=0)',
  '-',
  'é',
  'x',
]
const word = fc.constantFrom(...words)
const sentence = fc
  .array(word, { minLength: 1, maxLength: 5 })
  .chain((parts) => fc.constantFrom(' ', ' ', '', '=', '\n').map((glue) => parts.join(glue)))
const address = fc.constantFrom(
  '10.0.0.5',
  '10.1.2.3',
  '192.0.2.255',
  '203.0.113.7',
  '2001:db8::1',
  '::1',
  '0.0.0.0',
  'fe80::5',
)
const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined })
const fields: fc.Arbitrary<Fields> = fc
  .record({
    message: maybe(sentence),
    'process.command_line': maybe(sentence),
    'user.name': maybe(fc.oneof(word, fc.constantFrom('Root', 'admin', '7', '70', '7.5'))),
    'event.action': maybe(word),
    'event.category': maybe(
      fc.array(fc.constantFrom('web', 'Authentication', 'process'), { minLength: 1, maxLength: 2 }),
    ),
    'source.ip': maybe(address),
    'related.ip': maybe(fc.array(address, { minLength: 1, maxLength: 3 })),
    'source.port': maybe(fc.constantFrom(0, 22, 443, -5, 65535)),
    'process.exit_code': maybe(fc.constantFrom(0, 1, 255)),
    'event.risk_score': maybe(fc.constantFrom(0.5, 7, 99.9)),
    'process.interactive': maybe(fc.boolean()),
    'process.start': maybe(fc.constantFrom('2026-01-31T08:00:00.000Z', '2026-02-01T00:00:00.000Z')),
    'source.nat.ip': maybe(address),
    'winlog.event_data.Any': maybe(
      fc.oneof(word, fc.constantFrom(5, 50, true), fc.array(word, { minLength: 1, maxLength: 2 })),
    ),
  })
  .map((record) => Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Fields)

const samples: Fields[] = [
  { message: 'session opened for user:root(uid=0)' },
  { message: 'chroot done' },
  { message: '用户admin登录失败，来源10.0.0.5', 'user.name': 'admin' },
  { message: 'run C:\\Temp\\mimikatz.exe "sekurlsa::logonpasswords"', 'user.name': '张三' },
  { 'user.name': 'percent%under_score\\back' },
  {},
  { 'user.name': 'zhaoliu', 'host.name': 'db-7', 'labels.note': '工单 T-1024\nC:\\new "x"' },
  { message: 'no address here', 'source.ip': '10.7.7.7', 'destination.ip': '2001:db8::77' },
  { message: 'peers 10.7.7.7, 1.10.7.7.7 and 2001:db8::77' },
  { message: 'version 1.10.7.7' },
]

function eventOf(given: Fields, index: number, unitPath: string): Event {
  const message = given.message
  const raw = Buffer.from(typeof message === 'string' ? `<34>host ${message}` : `raw ${index}`)
  return {
    id: `e${String(index).padStart(5, '0')}`,
    // Many share a millisecond, so that paging has to tell them apart.
    timeMs: startMs + Math.floor(index / 7) * 1000,
    receivedAtMs: receivedMs + index,
    raw,
    sourceKey: 'syslog:host',
    unitPath,
    fields: given,
  }
}

const idsOf = async (query: string) => {
  const result = await searchEvents(as('/1/2/'), { query, ...range, limit: 1000, sort: '@timestamp' })
  expect(result.items.length).toBe(result.total)
  return result.items.map((item) => item['event.id'])
}
const judged = (query: string) => known.filter((event) => holds(parseQuery(query), event)).map((event) => event.id)

describe('the store answers what the query means', () => {
  test.each([
    ['root', [0], [1]],
    ['user:root', undefined, undefined],
    ['mimikatz', [3], []],
    ['mimi*', [3], []],
    ['"sekurlsa::logonpasswords"', [3], []],
    ['登录失败', [2], []],
    ['admin', [2], []],
    ['"admin登录"', [2], []],
    ['10.0.0.5', [2], []],
    ['zhaoliu', [6], []],
    ['db-7', [6], []],
    ['"T-1024"', [6], []],
    ['zhao*', [6], []],
    ['"C:\\\\new"', [6], []],
    ['10.7.7.7', [7, 8], [9]],
    ['"2001:DB8:0::77"', [7], [9]],
    ['"2001:db8::77"', [7, 8], [9]],
    ['"peers 10.7.7.7, 1"', [8], [7, 9]],
    ['message:10.7.7.7', [8], [7]],
    ['message:zhaoliu', [], [6]],
    ['user.name:张*', [3], []],
    ['user.name:"percent%under_score\\\\back"', [4], []],
    ['user.name:*%*', [4], []],
  ])('%s', async (query, found, missing) => {
    if (found === undefined || missing === undefined)
      return expect(idsOf(query)).rejects.toMatchObject({ code: 'QUERY_INVALID' })
    const ids = await idsOf(query)
    for (const index of found) expect(ids).toContain(known[index]!.id)
    for (const index of missing) expect(ids).not.toContain(known[index]!.id)
    expect(ids).toEqual(judged(query))
  })

  test('for generated queries, judged by a second, naive reading', async () => {
    for (const query of fc.sample(queryTexts, {
      numRuns: Number(process.env.SEARCH_RUNS ?? 150),
      seed: Number(process.env.SEARCH_SEED ?? 11),
    })) {
      const [found, meant] = [await idsOf(query), judged(query)]
      const wrong = [...found.filter((id) => !meant.includes(id)), ...meant.filter((id) => !found.includes(id))]
      expect({ query, wrong: wrong.map((id) => known.find((event) => event.id === id)?.fields) }).toEqual({
        query,
        wrong: [],
      })
    }
  })
})

const quotedWord = fc
  .oneof(word, fc.constantFrom('登', '失败', 'passw', '0.0.5', 'FAILED password', ''))
  .map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`)
const wild = fc.constantFrom(
  'roo*',
  '*oot',
  '*o?t*',
  'F*d',
  '*登录*',
  '10.0.*',
  '??',
  '*\\%',
  'm*z',
  '*mikatz*',
  'a?b',
  '1*',
)
const number = fc.constantFrom('0', '7', '22', '-5', '443', '50')
const leaf = fc.oneof(
  quotedWord,
  wild,
  fc
    .tuple(
      fc.constantFrom(
        'message',
        'process.command_line',
        'user.name',
        'event.action',
        'event.category',
        'winlog.event_data.Any',
        'event.original',
      ),
      fc.oneof(quotedWord, wild),
    )
    .map(([field, value]) => `${field}:${value}`),
  fc
    .tuple(
      fc.constantFrom('source.ip', 'related.ip', 'source.nat.ip'),
      fc.oneof(
        address,
        fc.constantFrom('10.0.0.0/8', '0.0.0.0/0', '2001:db8::/32', '::/0', '192.0.2.128/25', 'fe80::/10', '10.*'),
      ),
    )
    .map(([field, value]) => `${field}:${value}`),
  fc
    .tuple(
      fc.constantFrom('source.port', 'process.exit_code', 'event.risk_score', 'user.name', 'winlog.event_data.Any'),
      fc.constantFrom('>=', '<', '>', '<='),
      number,
    )
    .map(([field, operator, value]) => `${field} ${operator} ${value}`),
  fc.tuple(fc.constantFrom('source.port', 'process.exit_code'), number).map(([field, value]) => `${field}:${value}`),
  fc
    .tuple(fc.constantFrom('source.ip', 'source.nat.ip'), address, address)
    .map(([field, low, high]) => `${field}:["${low}" TO "${high}"}`),
  fc
    .tuple(fc.constantFrom('user.name', 'event.action'), word)
    .map(([field, low]) => `${field} > "${low.replace(/["\\]/g, '\\$&')}"`),
  fc.constantFrom(
    'process.interactive:true',
    'process.interactive:false',
    'event.risk_score:99.9',
    'process.start:2026-02-01',
    'process.start >= 2026-01-31T08:00:00Z',
    '@timestamp > 2026-01-31T08:00:20Z',
    'event.id:e0001*',
    `event.ingested < ${new Date(receivedMs + 100).toISOString()}`,
  ),
  fc
    .constantFrom(
      'user.name',
      'message',
      'source.ip',
      'related.ip',
      'source.port',
      'process.exit_code',
      'winlog.event_data.Any',
      'event.category',
      'process.interactive',
    )
    .map((field) => `${field}:*`),
)
const queryTexts: fc.Arbitrary<string> = fc.letrec<{ text: string }>((tie) => ({
  text: fc.oneof(
    { maxDepth: 3 },
    { arbitrary: leaf, weight: 3 },
    { arbitrary: tie('text').map((text) => `not (${text})`), weight: 1 },
    {
      arbitrary: fc
        .tuple(tie('text'), fc.constantFrom('and', 'or', ''), tie('text'))
        .map(([one, operator, other]) => `(${one}) ${operator} (${other})`),
      weight: 2,
    },
  ),
})).text

describe('pages, histogram, facets, export, one event', () => {
  test('pages by time and id give every event once, in both directions', async () => {
    for (const sort of ['@timestamp', '-@timestamp'] as const) {
      const seen: string[] = []
      let after: string | undefined
      do {
        const page = await searchEvents(as('/1/2/'), { query: '', ...range, limit: 37, sort, after })
        expect(page.total).toBe(known.length)
        seen.push(...page.items.map((item) => item['event.id']))
        after = page.next ?? undefined
      } while (after)
      const ids = known.map((event) => event.id)
      expect(seen).toEqual(sort === '@timestamp' ? ids : ids.reverse())
    }
    await expect(
      searchEvents(as('/1/2/'), { query: '', ...range, limit: 1, sort: '@timestamp', after: 'x' }),
    ).rejects.toMatchObject({ code: 'BAD_REQUEST' })
  })

  test('documents come back as they went in, and the SQL is shown as a person reads it', async () => {
    const result = await searchEvents(as('/1/2/'), {
      query: "user.name:it's",
      ...range,
      limit: 1000,
      sort: '@timestamp',
    })
    for (const item of result.items) {
      const event = known.find(({ id }) => id === item['event.id'])!
      const { '@timestamp': at, 'event.id': _id, 'event.ingested': _received, ...rest } = item
      expect(at).toBe(new Date(event.timeMs).toISOString())
      expect(rest).toEqual(event.fields)
    }
    expect(result.sql).toContain("lower(user_name) = 'it\\'s'")
    expect(result.sql).not.toMatch(/\{p\d/)
    const chosen = await searchEvents(as('/1/2/'), {
      query: 'winlog.event_data.Any:*',
      ...range,
      limit: 5,
      sort: '@timestamp',
      columns: ['winlog.event_data.Any', 'user.name'],
    })
    for (const item of chosen.items)
      expect(
        Object.keys(item).filter(
          (name) => !['@timestamp', 'event.id', 'winlog.event_data.Any', 'user.name'].includes(name),
        ),
      ).toEqual([])
    await expect(
      searchEvents(as('/1/2/'), { query: '', ...range, limit: 5, sort: '@timestamp', columns: ['user.nmae'] }),
    ).rejects.toMatchObject({ detail: { suggestions: expect.arrayContaining(['user.name']) } })
  })

  test('the histogram adds up, with empty buckets and a split', async () => {
    const result = await eventHistogram(as('/1/2/'), {
      query: '',
      from: startMs,
      to: startMs + 120_000,
      buckets: 60,
      by: 'user.name',
    })
    expect(result.intervalMs).toBe(2000)
    expect(result.buckets).toHaveLength(60)
    expect(result.total).toBe(known.filter((event) => event.timeMs < startMs + 120_000).length)
    expect(result.buckets.reduce((sum, bucket) => sum + bucket.count, 0)).toBe(result.total)
    for (const { count, by } of result.buckets)
      expect(Object.values(by ?? {}).reduce((sum, value) => sum + value, 0)).toBe(count)
  })

  test('facets count what is there, elements of arrays too', async () => {
    const wanted = ['user.name', 'source.ip', 'related.ip', 'event.category', 'source.port', 'winlog.event_data.Any']
    const result = await eventFacets(as('/1/2/'), { query: '', ...range, fields: wanted, limit: 100 })
    for (const facet of result.facets) {
      const counts: Record<string, number> = {}
      let present = 0
      for (const { fields: given } of known) {
        const value = given[facet.field]
        if (value === undefined) continue
        present++
        if (facet.field === 'winlog.event_data.Any' && Array.isArray(value)) continue
        for (const text of new Set([value].flat().map(String))) counts[text] = (counts[text] ?? 0) + 1
      }
      expect(facet.present).toBe(present)
      const got = Object.fromEntries(
        facet.values.filter(({ value }) => !value.startsWith('[')).map(({ value, count }) => [value, count]),
      )
      expect(got).toEqual(counts)
    }
    expect(result.total).toBe(known.length)
  })

  test('an export gives everything, newest first; an event its bytes', async () => {
    const exported: string[] = []
    for await (const batch of exportEvents(as('/1/2/'), { query: '', ...range, limit: 1_000_000 }))
      exported.push(...batch.map((item) => item['event.id']))
    expect(exported).toEqual(known.map((event) => event.id).reverse())
    const event = known[3]!
    for (const atMs of [undefined, event.timeMs, event.timeMs - 3_600_000]) {
      const whole = await getEvent(as('/1/2/'), { id: event.id, atMs })
      expect(whole.raw.equals(Buffer.from(event.raw))).toBe(true)
      expect(whole).toMatchObject({ unitPath: '/1/2/', sourceKey: 'syslog:host' })
    }
    expect(
      (await getEvents(as('/1/2/'), [known[1]!.id, known[0]!.id, 'nobody'])).map((whole) => whole.event['event.id']),
    ).toEqual([known[0]!.id, known[1]!.id])
  })

  test('another unit sees nothing of it, a higher one all', async () => {
    const count = async (unitPath: string) =>
      (await searchEvents(as(unitPath), { query: '', ...range, limit: 1, sort: '@timestamp' })).total
    expect([await count('/1/3/'), await count('/1/4/'), await count('/1/')]).toEqual([1, 0, known.length + 1])
    await expect(getEvent(as('/1/3/'), { id: known[0]!.id })).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect((await listUnparsed(as('/1/3/'), { sourceKey: 'syslog:host', limit: 10 })).items).toEqual([])
    const facets = await eventFacets(as('/1/3/'), { query: '', ...range, fields: ['user.name'], limit: 10 })
    expect(facets).toMatchObject({ total: 1, facets: [{ present: 0 }] })
  })

  test('without the permission nothing is asked', async () => {
    const auditor: EventsContext = { ...as('/1/2/'), actor: person('auditor', '/1/2/') }
    await expect(searchEvents(auditor, { query: '', ...range, limit: 1, sort: '@timestamp' })).rejects.toMatchObject({
      code: 'FORBIDDEN',
    })
    const exporting = exportEvents(auditor, { query: '', ...range, limit: 1 })
    await expect(exporting.next()).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })
})
