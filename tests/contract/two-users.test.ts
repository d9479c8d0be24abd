/**
 * Two people change the same thing at once: whoever sends a version that is gone is told who changed what and when, and
 * nothing is changed. One case for each route that takes If-Match; the test fails when one has no case.
 */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { IncidentFacts } from '../../server/src/event/incident.ts'
import { incidents } from '../../server/src/seams/store/schema/incidents.ts'
import { sources } from '../../server/src/seams/store/schema/sources.ts'
import { type Person, startTestServer, type TestServer } from '../harness/http-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ storedEvents: true })
}, 240_000)
afterAll(() => server?.close())

/** A thing that both look at: where it is read, what the first does to it, and the route under test. */
interface Case {
  who(): Person
  make(): Promise<{ read: string; path: string }>
  /** What the first of the two sends, by PATCH to where it is read. */
  first?: { path?: string; method?: string; body: unknown }
  /** What the second sends. */
  second?: unknown
}

let serial = 0
const name = () => `thing ${++serial}`
const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString()
const administrator = () => server.a.administrator
const manager = () => server.a.manager

async function post(person: Person, path: string, body: unknown) {
  const answer = await person.call('POST', `/api/v1/${path}`, body)
  if (answer.status !== 201) throw new Error(`${path}: ${answer.text}`)
  return answer.body
}

async function incident(): Promise<string> {
  const now = new Date()
  const facts: IncidentFacts = {
    ...{ firstMs: 0, lastMs: 0, matches: 1, detections: 1, rules: [], sources: [] },
    ...{ entities: [], attempt: null, success: null, indicator: null, asset: null },
  }
  const [row] = await server.database
    .insert(incidents)
    .values({
      ...{ unitPath: server.a.path, createdAt: now, updatedAt: now, firstSeenAt: now, lastSeenAt: now, openedAt: now },
      ...{ titleZh: '事件', titleEn: 'incident', storyZh: '', storyEn: '', tactics: [], techniques: [], ruleIds: [] },
      ...{ status: 'new', severity: 'high', severityRank: 3, score: 50, scoreParts: [], facts },
      ...{ detectionCount: 1, matchCount: 1 },
    })
    .returning({ id: incidents.id })
  return `/api/v1/incidents/${row!.id}`
}

const plain = (make: () => Promise<string>) => async () => {
  const path = await make()
  return { read: path, path }
}
const unit = async () => {
  const made = await post(administrator(), 'units', { name: name(), kind: 'unit', parentId: server.a.id })
  return `/api/v1/units/${made.id}`
}
const user = async () => {
  const facts = { name: `user-${++serial}`, displayName: name(), role: 'security_operator', unitId: server.a.id }
  return `/api/v1/users/${(await post(administrator(), 'users', facts)).user.id}`
}
const asset = async () => `/api/v1/assets/${(await post(administrator(), 'assets', { name: name() })).id}`
const exception = async () => {
  const conditions = [{ field: 'user.name', operator: 'equals', values: ['backup'] }]
  const facts = { name: name(), reason: 'planned', conditions, expiresAt: inAnHour() }
  return `/api/v1/exceptions/${(await post(manager(), 'exceptions', facts)).id}`
}
const channel = async () => {
  const facts = { name: name(), kind: 'webhook', settings: { url: 'https://example.org/hook' } }
  return `/api/v1/notifications/channels/${(await post(manager(), 'notifications/channels', facts)).id}`
}
const savedSearch = async () => {
  const facts = { name: name(), query: 'sshd', from: 'now-1h', to: 'now' }
  return `/api/v1/saved-searches/${(await post(manager(), 'saved-searches', facts)).id}`
}
const source = async () => {
  const id = `two-users-${++serial}`
  const now = new Date()
  const facts = { id, key: `syslog:${id}`, name: id, transport: 'syslog', unitId: server.a.id, unitPath: server.a.path }
  await server.database.insert(sources).values({ ...facts, firstSeenAt: now, lastSeenAt: now })
  return `/api/v1/sources/${id}`
}
const rename = () => ({ body: { name: name() } })

const cases: Record<string, Case> = {
  'PATCH /api/v1/incidents/{id}': {
    who: manager,
    make: plain(incident),
    first: { body: { status: 'on_hold' } },
    second: { severity: 'low', status: 'in_progress' },
  },
  'POST /api/v1/incidents/{id}/close': {
    who: manager,
    make: async () => {
      const read = await incident()
      return { read, path: `${read}/close` }
    },
    first: { body: { status: 'on_hold' } },
    second: { reason: 'benign' },
  },
  'POST /api/v1/incidents/{id}/reopen': {
    who: manager,
    make: async () => {
      const read = await incident()
      await manager().call('POST', `${read}/close`, { reason: 'benign' })
      return { read, path: `${read}/reopen` }
    },
    first: { method: 'POST', path: '/reopen', body: {} },
    second: {},
  },
  'PATCH /api/v1/sources/{id}': { who: administrator, make: plain(source), first: rename(), second: { name: 'mine' } },
  'PATCH /api/v1/units/{id}': { who: administrator, make: plain(unit), first: rename(), second: { name: 'mine' } },
  'DELETE /api/v1/units/{id}': { who: administrator, make: plain(unit), first: rename() },
  'POST /api/v1/units/{id}/move': {
    who: administrator,
    make: async () => {
      const read = await unit()
      return { read, path: `${read}/move` }
    },
    first: rename(),
    second: { parentId: 2 },
  },
  'PATCH /api/v1/users/{id}': {
    who: administrator,
    make: plain(user),
    first: { body: { displayName: 'first' } },
    second: { displayName: 'mine' },
  },
  'DELETE /api/v1/users/{id}': { who: administrator, make: plain(user), first: { body: { displayName: 'first' } } },
  'PATCH /api/v1/assets/{id}': { who: administrator, make: plain(asset), first: rename(), second: { name: 'mine' } },
  'DELETE /api/v1/assets/{id}': { who: administrator, make: plain(asset), first: rename() },
  'PATCH /api/v1/exceptions/{id}': { who: manager, make: plain(exception), first: rename(), second: { name: 'mine' } },
  'DELETE /api/v1/exceptions/{id}': { who: manager, make: plain(exception), first: rename() },
  'PATCH /api/v1/notifications/channels/{id}': {
    who: manager,
    make: plain(channel),
    first: rename(),
    second: { name: 'mine' },
  },
  'DELETE /api/v1/notifications/channels/{id}': { who: manager, make: plain(channel), first: rename() },
  'PATCH /api/v1/saved-searches/{id}': {
    who: manager,
    make: plain(savedSearch),
    first: rename(),
    second: { name: 'mine' },
  },
  'DELETE /api/v1/saved-searches/{id}': { who: manager, make: plain(savedSearch), first: rename() },
  'PATCH /api/v1/rules/{id}': {
    who: () => server.root.manager,
    make: plain(async () => {
      const { items } = (await server.root.manager.call('GET', '/api/v1/rules?limit=1')).body
      return `/api/v1/rules/${items[0].id}`
    }),
    first: { body: { enabled: false } },
    second: { enabled: true, note: 'mine' },
  },
}

interface Document {
  paths: Record<string, Record<string, { parameters?: { in: string; name: string }[] }>>
}

const documented = JSON.parse(
  readFileSync(new URL('../../web/src/api/openapi.json', import.meta.url), 'utf8'),
) as Document
const conditional = Object.entries(documented.paths).flatMap(([path, methods]) =>
  Object.entries(methods)
    .filter(([, { parameters }]) => parameters?.some(({ name }) => name === 'if-match'))
    .map(([method]) => `${method.toUpperCase()} ${path}`),
)

test('each route that takes If-Match has a case, and no other', () => {
  expect(Object.keys(cases).sort()).toEqual(conditional.sort())
})

/** The same change on another thing of its kind: names are unique. */
function mine(change: unknown): unknown {
  return (change as { name?: string } | undefined)?.name ? { name: name() } : change
}

describe.each(conditional)('%s', (route) => {
  test('whoever comes second with the version of before is told who was first', async () => {
    const { who, make, first, second } = cases[route]!
    const [method] = route.split(' ')
    const { read, path } = await make()
    const seen = await who().call('GET', read)
    expect(seen.status).toBe(200)
    const etag = seen.headers.get('etag')
    expect(etag).toBe(`"${seen.body.version}"`)
    const stated = { 'if-match': etag! }

    const won = await who().call(first?.method ?? 'PATCH', read + (first?.path ?? ''), first?.body, stated)
    expect(won.status).toBe(200)
    const between = await who().call('GET', read)
    const lost = await who().call(method!, path, second, stated)
    expect([lost.status, lost.body.error.code]).toEqual([412, 'CHANGED_MEANWHILE'])
    expect(lost.body.error.detail).toMatchObject({
      changedBy: who().name,
      changedAt: expect.stringMatching(/Z$/),
      action: expect.any(String),
      version: between.body.version,
    })
    const after = await who().call('GET', read)
    expect({ ...after.body, recordsPerSecond: 0 }).toEqual({ ...between.body, recordsPerSecond: 0 })
  })

  test('with the present version it goes through, and a program that states none is not held up', async () => {
    const { who, make, second } = cases[route]!
    const [method] = route.split(' ')
    for (const state of [
      (etag: string) => ({ 'if-match': `"0x", ${etag}` }),
      () => ({}),
      () => ({ 'if-match': '*' }),
    ]) {
      const { read, path } = await make()
      const seen = await who().call('GET', read)
      const done = await who().call(
        method!,
        path,
        mine(second),
        state(seen.headers.get('etag')!) as Record<string, string>,
      )
      expect(done.status, done.text).toBeLessThan(300)
    }
  })
})

test('of a hundred at once with the same version exactly one wins', async () => {
  const path = await asset()
  const etag = (await administrator().call('GET', path)).headers.get('etag')!
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      administrator().call('PATCH', path, { name: `mine ${index}` }, { 'if-match': etag }),
    ),
  )
  const statuses = answers.map(({ status }) => status).sort()
  expect(statuses).toEqual([200, ...Array(99).fill(412)])
  const winner = answers.find(({ status }) => status === 200)!
  const now = await administrator().call('GET', path)
  expect(now.body).toMatchObject({ name: winner.body.name, version: winner.body.version })
})

test('what is no entity tag is refused, and so is If-Match where nothing heeds it', async () => {
  const path = await asset()
  for (const header of ['3', '"3', 'x"3"', Array(30).fill('"1"').join(',')]) {
    const answer = await administrator().call('PATCH', path, { name: 'x' }, { 'if-match': header })
    expect([header, answer.status]).toEqual([header, 400])
  }
  for (const header of ['W/"1"', '"abc"', '"99"']) {
    const answer = await administrator().call('PATCH', path, { name: 'x' }, { 'if-match': header })
    expect([header, answer.status]).toEqual([header, 412])
  }
  const create = await administrator().call('POST', '/api/v1/assets', { name: 'x' }, { 'if-match': '"1"' })
  expect(create.body.error).toMatchObject({ code: 'BAD_REQUEST', detail: { header: 'if-match' } })
})

test('in a bulk change of incidents, those changed meanwhile are named and left, and the others change', async () => {
  const paths = [await incident(), await incident()]
  const ids = paths.map((path) => Number(path.split('/').at(-1)))
  const [one, other] = ids as [number, number]
  const seen = await manager().call('GET', paths[0]!)
  const versions = { [one]: seen.body.version, [other]: seen.body.version }
  await server.a.operator.call('PATCH', paths[0]!, { status: 'on_hold' })
  const answer = await manager().call('POST', '/api/v1/incidents/bulk', {
    ids,
    action: 'close',
    reason: 'benign',
    versions,
  })
  expect(answer.body).toMatchObject({
    changed: 1,
    failed: [
      {
        id: one,
        code: 'CHANGED_MEANWHILE',
        detail: { changedBy: server.a.operator.name, fields: expect.arrayContaining(['status']) },
      },
    ],
  })
  expect((await manager().call('GET', paths[0]!)).body.status).toBe('on_hold')
  expect((await manager().call('GET', paths[1]!)).body.status).toBe('closed')
})

test('several changes of one incident are made together or not at all', async () => {
  const path = await incident()
  const answer = await manager().call('PATCH', path, { status: 'on_hold', assigneeId: 999_999 })
  expect(answer.status).toBe(404)
  expect((await manager().call('GET', path)).body.status).toBe('new')
  const both = await manager().call('PATCH', path, { status: 'on_hold', severity: 'low', assigneeId: manager().id })
  expect(both.body).toMatchObject({ status: 'on_hold', severity: 'low', assigneeId: manager().id })
})
