/**
 * Another unit's data is never visible and never changed: one case for each route of the OpenAPI document, and for the
 * routes beside it. The test fails when a route has no case. Units alpha and beta stand side by side; each holds one of everything.
 */
import { readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { IncidentFacts } from '../../server/src/event/incident.ts'
import { decodeRawRecord } from '../../server/src/event/raw-record.ts'
import { systemClock } from '../../server/src/seams/clock/clock.ts'
import { canaries } from '../../server/src/seams/store/schema/canaries.ts'
import { detections, incidentActivity, incidents } from '../../server/src/seams/store/schema/incidents.ts'
import { outbox } from '../../server/src/seams/store/schema/notifications.ts'
import { fieldFills } from '../../server/src/seams/store/schema/proof.ts'
import { ruleCollections, ruleFindings } from '../../server/src/seams/store/schema/rules.ts'
import { analyticWindows, runs } from '../../server/src/seams/store/schema/runs.ts'
import { sourceMinutes, sources } from '../../server/src/seams/store/schema/sources.ts'
import { createHostObserver } from '../../server/src/state/hosts/observe.ts'
import { frame, pcap } from '../../server/src/traffic/captures-for-tests.ts'
import {
  type Answer,
  type Person,
  password,
  signIn,
  startTestServer,
  type TestServer,
  type UnitPeople,
} from '../harness/http-server.ts'

type Mark = 'alpha' | 'beta'

/** One unit with one of everything; `mark` stands in the name or text of each thing. */
interface Side extends UnitPeople {
  mark: Mark
  childId: number
  userId: number
  tokenId: string
  eventId: string
  detectionId: string
  sourceId: string
  runId: number
  canaryId: string
  hostId: number
  incident(): Promise<number>
  ids: Record<'exception' | 'savedSearch' | 'asset' | 'indicator' | 'channel' | 'delivery', number>
}

let server: TestServer
let alpha: Side
let beta: Side

beforeAll(async () => {
  server = await startTestServer({ storedEvents: true })
  alpha = await furnish(server.a, 'alpha')
  beta = await furnish(server.b, 'beta')
}, 240_000)
afterAll(() => server?.close())

const now = new Date()
const inAnHour = new Date(now.getTime() + 3_600_000).toISOString()

async function furnish(unit: UnitPeople, mark: Mark): Promise<Side> {
  const { database } = server
  const facts: IncidentFacts = {
    ...{ firstMs: now.getTime(), lastMs: now.getTime(), matches: 1, detections: 1, rules: [], sources: [] },
    ...{ entities: [], attempt: null, success: null, indicator: null, asset: null },
  }
  const eventId = `event-${mark}`
  const common = { unitPath: unit.path, createdAt: now, updatedAt: now }
  const seen = { firstSeenAt: now, lastSeenAt: now, matchCount: 1 }
  const incident = async () => {
    const [row] = await database
      .insert(incidents)
      .values({
        ...{ ...common, ...seen, status: 'new', severity: 'high', severityRank: 3, score: 50, scoreParts: [], facts },
        ...{ titleZh: mark, titleEn: mark, storyZh: mark, storyEn: mark, tactics: [], techniques: [], ruleIds: [] },
        ...{ detectionCount: 1, openedAt: now },
      })
      .returning({ id: incidents.id })
    const id = row!.id
    await database.insert(incidentActivity).values({
      ...{
        incidentId: id,
        at: now,
        actorKind: 'user',
        actorId: '1',
        actorName: mark,
        kind: 'comment',
        detail: { text: `comment ${mark}` },
      },
    })
    return id
  }
  const detectionId = `detection-${mark}`
  await database.insert(detections).values({
    ...{
      ...common,
      ...seen,
      id: detectionId,
      ruleId: 'rule-of-test',
      ruleTitle: mark,
      detector: 'sigma',
      severity: 'high',
      severityRank: 3,
    },
    ...{
      principal: `user|${mark}`,
      bucketAt: now,
      evidence: [[now.getTime(), eventId]],
      entities: [],
      techniques: [],
      tactics: [],
    },
    ...{
      matched: [{ part: 'selection', field: 'user.name', value: mark }],
      fields: { 'user.name': mark },
      summary: mark,
    },
    ...{ sourceKey: `syslog:${mark}`, sample: { timeMs: now.getTime(), id: eventId }, incidentId: await incident() },
  })
  const sourceId = `source${mark}`
  const facts2 = {
    id: sourceId,
    key: `syslog:${mark}`,
    name: mark,
    transport: 'syslog',
    unitId: unit.id,
    unitPath: unit.path,
  }
  await database.insert(sources).values({ ...facts2, firstSeenAt: now, lastSeenAt: now, silentSince: now })
  await database.insert(fieldFills).values({
    ...{ sourceId, kind: 'linux.auth/', routing: { 'event.module': 'linux', 'event.dataset': 'linux.auth' } },
    ...{ baseSamples: 100, base: { 'user.name': 100 }, recentSamples: 0, recent: {}, drifted: [], sampledAt: now },
  })
  await database.insert(sourceMinutes).values({ sourceId, minute: now, records: 7, unparsed: 0, bytes: 1 })
  await database.insert(canaries).values({
    ...{ id: `canary-${mark}`, sourceId, sourceName: mark, unitPath: unit.path, state: 'arrived' },
    ...{ requestedBy: mark, requestedAt: now },
  })
  const [entered] = await database
    .insert(runs)
    .values({
      ...{ kind: 'backtest', subjectId: 'rule-of-test', title: mark, unitPath: unit.path, windowFrom: new Date(0) },
      ...{ windowTo: now, cause: 'manual', attempt: 1, state: 'succeeded', startedAt: now, requestedBy: mark },
    })
    .returning({ id: runs.id })
  const event = { sourceKey: `syslog:${mark}`, unitPath: unit.path, timeMs: now.getTime(), receivedAtMs: now.getTime() }
  // Two conversations: the packets of one are kept here, those of the other by a sensor.
  const conversation = (sourcePort: number) => ({
    ...{ 'source.ip': '192.0.2.1', 'source.port': sourcePort, 'destination.ip': '198.51.100.1' },
    ...{ 'destination.port': 80, 'network.transport': 'tcp' },
  })
  const unparsed = { message: `unparsed ${mark}`, 'error.message': 'no parser', tags: ['unparsed'] }
  await server.events!.insertBlock(
    [
      {
        ...event,
        sourceKey: `http:files@${unit.id}`,
        id: eventId,
        raw: Buffer.from(`secret of ${mark}`),
        fields: { message: `secret of ${mark}`, 'user.name': mark, ...conversation(40_000) },
      },
      {
        ...event,
        sourceKey: `http:wire-${mark}@${unit.id}`,
        id: `wire-${mark}`,
        raw: Buffer.from(''),
        fields: {
          ...{ message: mark, ...conversation(40_001), 'event.dataset': 'flow', 'destination.bytes': 7 },
          ...{ 'organization.name': `unit of ${mark}`, 'network.protocol': mark },
        },
      },
      { ...event, id: `unparsed-${mark}`, raw: Buffer.from(`unparsed ${mark}`), fields: unparsed },
    ],
    `block-${mark}`,
  )
  const post = async (person: Person, path: string, body: unknown) => {
    const answer = await person.call('POST', `/api/v1/${path}`, body)
    if (answer.status !== 201) throw new Error(`${path}: ${answer.text}`)
    return answer.body
  }
  const observer = createHostObserver(database, systemClock)
  const observation = { unitPath: unit.path, address: '10.9.8.7', atMs: now.getTime() }
  observer.add({ ...observation, kind: 'name', value: `host of ${mark}`, origin: 'dhcp' })
  observer.add({ ...observation, kind: 'mac', value: '00-00-0C-01-02-03', origin: 'arp' })
  await observer.flush()
  observer.add({ ...observation, kind: 'name', value: `host of ${mark}`, origin: 'dhcp' })
  await observer.flush()
  const { administrator, manager } = unit
  const { items: seen2 } = (await unit.operator.call('GET', '/api/v1/hosts')).body
  const host = seen2.find(({ address }: { address: string }) => address === '10.9.8.7')
  expect(host.facts).toMatchObject([
    { kind: 'name', count: 2, vendor: null },
    { kind: 'mac', count: 1, vendor: expect.stringMatching(/cisco/i) },
  ])
  const child = await post(administrator, 'units', { name: `unit ${mark}`, kind: 'unit', parentId: unit.id })
  await server.call('POST', '/api/v1/packets/files', {
    body: captureOf(mark),
    headers: {
      authorization: `Bearer ${await server.token(['ingest'], unit.id)}`,
      'content-type': 'application/octet-stream',
      'idempotency-key': mark,
    },
  })
  const created = await post(administrator, 'users', {
    name: `seed-${mark}`,
    displayName: mark,
    role: 'security_operator',
    unitId: unit.id,
  })
  const token = await post(administrator, 'tokens', { name: mark, permissions: ['unit:read'], expiresAt: inAnHour })
  const conditions = [{ field: 'user.name', operator: 'equals', values: [mark] }]
  const exception = await post(manager, 'exceptions', { name: mark, reason: mark, conditions, expiresAt: inAnHour })
  const savedSearch = await post(manager, 'saved-searches', {
    name: mark,
    query: mark,
    from: 'now-1h',
    to: 'now',
    shared: true,
  })
  const asset = await post(administrator, 'assets', { name: mark })
  const indicator = await post(manager, 'indicators', { type: 'domain', value: `${mark}.example.org` })
  const channel = await post(manager, 'notifications/channels', {
    name: mark,
    kind: 'webhook',
    settings: { url: `https://example.org/${mark}` },
  })
  const payload = {
    ...{
      occasion: 'opened' as const,
      incidentId: null,
      title: { zh: mark, en: mark },
      story: { zh: mark, en: mark },
      severity: 'high' as const,
    },
    ...{
      score: 1,
      unitPath: unit.path,
      firstSeenMs: 0,
      lastSeenMs: 0,
      detectionCount: 1,
      matchCount: 1,
      techniques: [],
      entities: [],
      rules: [],
    },
  }
  const [sent] = await database
    .insert(outbox)
    .values({
      kind: 'webhook',
      channelId: channel.id,
      unitPath: unit.path,
      payload,
      dedupeKey: mark,
      state: 'failed',
      nextAttemptAt: now,
      createdAt: now,
    })
    .returning({ id: outbox.id })
  return {
    ...unit,
    ...{
      mark,
      childId: child.id,
      userId: created.user.id,
      tokenId: token.token.id,
      eventId,
      detectionId,
      sourceId,
      runId: entered!.id,
      canaryId: `canary-${mark}`,
      hostId: host!.id,
      incident,
    },
    ids: {
      exception: exception.id,
      savedSearch: savedSearch.id,
      asset: asset.id,
      indicator: indicator.id,
      channel: channel.id,
      delivery: sent!.id,
    },
  }
}

/** A conversation at the time of the test, with the mark in what it says. */
function captureOf(mark: Mark): Buffer {
  const capture = pcap([frame({ sourcePort: 40_000, payload: `secret of ${mark}` })])
  capture.writeUInt32LE(Math.floor(now.getTime() / 1e3), 24)
  return capture
}

/** A sensor of the side says how it is, and waits for what is wanted of it until it is ended. */
async function reportSensor(side: Side, name: string) {
  const report = {
    ...{ version: '1', interface: 'eth0', filter: null, startedAt: now.toISOString(), packets: 1, wireBytes: 1 },
    ...{ packetsPerSecond: 1, bytesPerSecond: 1, lostPackets: 0, cutPackets: 0, lostRecords: 0, openFlows: 0 },
    ...{ evictedFlows: 0, failures: 0 },
    ring: { bytes: 1, limitBytes: 1, oldestAt: null, evictedPackets: 0, lostPackets: 0 },
  }
  const headers = {
    authorization: `Bearer ${await server.token(['ingest'], side.id)}`,
    'content-type': 'application/json',
  }
  const ended = new AbortController()
  const answer = fetch(`${server.url}/api/v1/sensors/${name}/report`, {
    ...{ method: 'POST', headers, body: JSON.stringify(report), signal: ended.signal },
  })
  answer.catch(() => undefined)
  await expect.poll(async () => (await call(side.operator, 'GET', 'sensors')).text).toContain(name)
  return { answer, headers, end: () => ended.abort() }
}

type Role = 'administrator' | 'manager' | 'operator' | 'auditor'
type Case = () => Promise<void>

const call = (person: Person, method: string, path: string, body?: unknown) =>
  person.call(method, `/api/v1/${path}`, body)

/** A list, export or figure: each side finds its own mark in it and never the other's. */
function lists(
  role: Role,
  path: string,
  { method = 'GET', body, own = true }: { method?: string; body?: unknown; own?: boolean } = {},
): Case {
  return async () => {
    for (const [mine, others] of [
      [alpha, beta],
      [beta, alpha],
    ] as const) {
      const answer = await call(mine[role], method, path, body)
      expect(answer.status, answer.text).toBe(200)
      if (own) expect(answer.text).toContain(mine.mark)
      expect(answer.text).not.toContain(others.mark)
      expect(answer.text).not.toContain(others.path)
    }
  }
}

/** Something with an id: there for its own unit, NOT_FOUND for the other, before and after; `write` also proves that nothing changed. */
function item(
  role: Role,
  method: string,
  pathOf: (side: Side) => string | Promise<string>,
  options: { body?: unknown; status?: number; unchanged?: (side: Side, path: string) => Promise<string> } = {},
): Case {
  return async () => {
    for (const [owner, stranger] of [
      [alpha, beta],
      [beta, alpha],
    ] as const) {
      const path = await pathOf(owner)
      const before = await options.unchanged?.(owner, path)
      const refused = await call(stranger[role], method, path, options.body)
      expect([refused.status, refused.body?.error.code], refused.text).toEqual([404, 'NOT_FOUND'])
      expect(refused.text).not.toContain(owner.path)
      expect(await options.unchanged?.(owner, path)).toBe(before)
      const done = await call(owner[role], method, path, options.body)
      expect(done.status, done.text).toBe(options.status ?? 200)
    }
  }
}

/** Answers the same facts to everyone, of no unit: neither mark is in them. */
function common(role: Role, path: string, { method = 'GET', body }: { method?: string; body?: unknown } = {}): Case {
  return async () => {
    for (const side of [alpha, beta]) {
      const answer = await call(side[role], method, path, body)
      expect(answer.status, answer.text).toBe(200)
      expect(answer.text).not.toMatch(/alpha|beta/)
    }
  }
}

/** Creating in the other's unit is refused as if that unit did not exist, and creates nothing. */
function creates(role: Role, path: string, bodyFor: (unitId: number, mark: string) => unknown, list: string): Case {
  return async () => {
    const refused = await call(beta[role], 'POST', path, bodyFor(alpha.id, 'intruder'))
    expect(refused.status, refused.text).toBe(404)
    expect((await call(alpha[role], 'GET', list)).text).not.toContain('intruder')
    const done = await call(alpha[role], 'POST', path, bodyFor(alpha.id, 'homegrown'))
    expect(done.status, done.text).toBe(201)
    expect((await call(alpha[role], 'GET', list)).text).toContain('homegrown')
    expect((await call(beta[role], 'GET', list)).text).not.toContain('homegrown')
  }
}

const state = (role: Role, path: (side: Side) => string) => async (side: Side) =>
  (await call(side[role], 'GET', path(side))).text
const incidentState = async (side: Side, path: string) =>
  (await call(side.operator, 'GET', path.split('/').slice(0, 2).join('/'))).text
const incidentPath =
  (rest = '') =>
  async (side: Side) =>
    `incidents/${await side.incident()}${rest}`
const ofIncident = { unchanged: incidentState }
const scope = { query: '', from: 'now-1h', to: 'now' }

/** What belongs to the person alone: the session decides whose it is, nothing else can name another's. */
const ownAccount: Case = async () => {
  const me = async (side: Side) => (await call(side.operator, 'GET', 'auth/me')).body
  expect([await me(alpha), await me(beta)]).toMatchObject([
    { unit: { path: alpha.path } },
    { unit: { path: beta.path } },
  ])
}

const cases: Record<string, Case> = {
  signIn: async () => {
    const { cookie } = await signIn(server.url, beta.operator.name, password)
    const answer = await server.call('GET', '/api/v1/incidents', { headers: { cookie } })
    expect(answer.text).not.toContain('alpha')
  },
  signOut: async () => {
    const { cookie, csrfToken } = await signIn(server.url, beta.operator.name, password)
    await server.call('POST', '/api/v1/auth/sign-out', { headers: { cookie, 'x-csrf-token': csrfToken } })
    await ownAccount()
  },
  getMe: ownAccount,
  changePassword: async () => {
    const body = { currentPassword: 'not the password', newPassword: 'Another-good-one-123' }
    expect((await call(beta.operator, 'POST', 'auth/password', body)).status).toBe(401)
    await signIn(server.url, alpha.operator.name, password)
  },
  enrolTotp: async () => {
    const answer = await call(beta.auditor, 'POST', 'auth/totp/enrol', { password })
    expect(answer.body.uri).toContain('auditor-b')
    expect((await call(alpha.administrator, 'GET', `users/${alpha.auditor.id}`)).body.totpEnabled).toBe(false)
  },
  confirmTotp: async () => {
    expect((await call(beta.auditor, 'POST', 'auth/totp/confirm', { code: '000000' })).status).toBe(401)
    await ownAccount()
  },
  removeTotp: async () => {
    expect((await call(beta.auditor, 'POST', 'auth/totp/remove', { password })).status).toBe(204)
    await ownAccount()
  },
  listSessions: async () => {
    for (const role of ['operator', 'administrator'] as const) {
      const others = await call(beta[role], 'GET', `auth/sessions?user=${alpha.operator.id}`)
      expect(others.body).toMatchObject({ items: [], total: 0 })
    }
    expect(
      (await call(alpha.administrator, 'GET', `auth/sessions?user=${alpha.operator.id}`)).body.total,
    ).toBeGreaterThan(0)
  },
  revokeSession: async () => {
    const { items } = (await call(alpha.manager, 'GET', 'auth/sessions')).body
    for (const role of ['operator', 'administrator'] as const) {
      expect((await call(beta[role], 'DELETE', `auth/sessions/${items[0].id}`)).status).toBe(404)
    }
    expect((await call(alpha.manager, 'GET', 'auth/me')).status).toBe(200)
    const { cookie } = await signIn(server.url, alpha.manager.name, password)
    const fresh = (await server.call('GET', '/api/v1/auth/sessions', { headers: { cookie } })).body.items.find(
      (one: { current: boolean }) => one.current,
    )
    expect((await call(alpha.administrator, 'DELETE', `auth/sessions/${fresh.id}`)).status).toBe(204)
  },

  listUsers: lists('administrator', 'users'),
  createUser: creates(
    'administrator',
    'users',
    (unitId, mark) => ({ name: `${mark}-user`, displayName: mark, role: 'auditor', unitId }),
    'users',
  ),
  getUser: item('operator', 'GET', (side) => `users/${side.userId}`),
  changeUser: item('administrator', 'PATCH', (side) => `users/${side.userId}`, {
    body: { displayName: 'changed' },
    unchanged: state('administrator', (side) => `users/${side.userId}`),
  }),
  resetPassword: item('administrator', 'POST', (side) => `users/${side.userId}/reset-password`, {
    unchanged: state('administrator', (side) => `users/${side.userId}`),
  }),
  removeTotpOf: item('administrator', 'POST', (side) => `users/${side.userId}/remove-totp`, { status: 204 }),
  removeUser: item('administrator', 'DELETE', (side) => `users/${side.userId}`, {
    status: 204,
    unchanged: state('administrator', (side) => `users/${side.userId}`),
  }),

  listUnits: lists('operator', 'units'),
  createUnit: creates('administrator', 'units', (parentId, name) => ({ name, kind: 'unit', parentId }), 'units'),
  getUnit: item('operator', 'GET', (side) => `units/${side.childId}`),
  renameUnit: item('administrator', 'PATCH', (side) => `units/${side.childId}`, {
    body: { name: 'renamed' },
    unchanged: state('administrator', (side) => `units/${side.childId}`),
  }),
  moveUnit: async () => {
    const foreign = await call(beta.administrator, 'POST', `units/${alpha.childId}/move`, { parentId: beta.id })
    const abroad = await call(beta.administrator, 'POST', `units/${beta.childId}/move`, { parentId: alpha.id })
    expect([foreign.status, abroad.status]).toEqual([404, 404])
    expect((await call(alpha.operator, 'GET', `units/${alpha.childId}`)).body.parentId).toBe(alpha.id)
  },
  removeUnit: async () => {
    expect((await call(beta.administrator, 'DELETE', `units/${alpha.childId}`)).status).toBe(404)
    expect((await call(alpha.operator, 'GET', `units/${alpha.childId}`)).status).toBe(200)
    const made = await call(alpha.administrator, 'POST', 'units', { name: 'short', kind: 'unit', parentId: alpha.id })
    expect((await call(alpha.administrator, 'DELETE', `units/${made.body.id}`)).status).toBe(204)
  },

  listTokens: lists('administrator', 'tokens'),
  createToken: creates(
    'administrator',
    'tokens',
    (unitId, name) => ({ name, permissions: ['unit:read'], unitId, expiresAt: inAnHour }),
    'tokens',
  ),
  revokeToken: item('administrator', 'DELETE', (side) => `tokens/${side.tokenId}`, {
    status: 204,
    unchanged: state('administrator', () => 'tokens'),
  }),

  getOverview: lists('operator', 'overview'),
  getHealth: common('operator', 'health'),
  getSignInNotice: common('operator', 'auth/notice'),
  getSettings: common('administrator', 'settings'),
  // Of the whole platform: no administrator of a unit changes them, for others or for itself.
  putSetting: async () => {
    for (const side of [alpha, beta])
      expect((await call(side.administrator, 'PUT', 'settings/canary.everyMinutes', { value: 5 })).status).toBe(404)
  },

  listIncidents: lists('operator', 'incidents'),
  exportIncidents: async () => {
    for (const format of ['ndjson', 'csv']) await lists('operator', `incidents/export?format=${format}`)()
  },
  changeIncidents: async () => {
    const id = await alpha.incident()
    const body = { ids: [id], action: 'close', reason: 'benign' }
    const refused = await call(beta.operator, 'POST', 'incidents/bulk', body)
    expect(refused.body).toMatchObject({ changed: 0, undoId: null, failed: [{ id, code: 'NOT_FOUND' }] })
    expect((await call(alpha.operator, 'GET', `incidents/${id}`)).body.status).toBe('new')
    expect((await call(alpha.operator, 'POST', 'incidents/bulk', body)).body.changed).toBe(1)
  },
  undoIncidentChanges: async () => {
    const id = await alpha.incident()
    const { undoId } = (
      await call(alpha.operator, 'POST', 'incidents/bulk', { ids: [id], action: 'severity', severity: 'low' })
    ).body
    expect((await call(beta.operator, 'POST', 'incidents/bulk/undo', { undoId })).status).toBe(404)
    expect((await call(alpha.operator, 'GET', `incidents/${id}`)).body.severity).toBe('low')
    expect((await call(alpha.operator, 'POST', 'incidents/bulk/undo', { undoId })).body.changed).toBe(1)
  },
  getIncident: item('operator', 'GET', incidentPath()),
  changeIncident: item('operator', 'PATCH', incidentPath(), {
    ...ofIncident,
    body: { severity: 'low', status: 'in_progress' },
  }),
  closeIncident: item('operator', 'POST', incidentPath('/close'), { ...ofIncident, body: { reason: 'benign' } }),
  reopenIncident: item(
    'operator',
    'POST',
    async (side) => {
      const id = await side.incident()
      await call(side.operator, 'POST', `incidents/${id}/close`, { reason: 'benign' })
      return `incidents/${id}/reopen`
    },
    { ...ofIncident, body: {} },
  ),
  previewIncidentNotice: item(
    'operator',
    'GET',
    async (side) => `incidents/${await side.incident()}/notice?channelId=${side.ids.channel}`,
  ),
  sendIncidentNotice: async () => {
    for (const [owner, stranger] of [
      [alpha, beta],
      [beta, alpha],
    ] as const) {
      const path = `incidents/${await owner.incident()}/notice`
      const send = (person: Person, channelId: number) => call(person, 'POST', path, { channelId })
      // Neither another unit's incident nor an own incident through another unit's channel.
      expect((await send(stranger.operator, stranger.ids.channel)).status).toBe(404)
      expect((await send(owner.operator, stranger.ids.channel)).status).toBe(404)
      expect((await send(owner.operator, owner.ids.channel)).status).toBe(200)
    }
  },
  listRelatedIncidents: item('operator', 'GET', incidentPath('/related')),
  getIncidentTimeline: item('operator', 'GET', incidentPath('/timeline')),
  listComments: item('operator', 'GET', incidentPath('/comments')),
  addComment: item('operator', 'POST', incidentPath('/comments'), {
    ...ofIncident,
    body: { text: 'seen' },
    status: 201,
  }),
  listIncidentEvents: async () => {
    const idOf = async (side: Side) =>
      (await call(side.operator, 'GET', `detections/${side.detectionId}`)).body.incidentId
    await item('operator', 'GET', async (side) => `incidents/${await idOf(side)}/events`)()
    const own = await call(alpha.operator, 'GET', `incidents/${await idOf(alpha)}/events`)
    expect(own.body.items[0]['event.id']).toBe(alpha.eventId)
  },
  getIncidentGraph: item('operator', 'GET', incidentPath('/graph')),

  listDetections: lists('operator', 'detections'),
  exportDetections: async () => {
    for (const format of ['ndjson', 'csv']) await lists('operator', `detections/export?format=${format}`)()
  },
  getDetection: item('operator', 'GET', (side) => `detections/${side.detectionId}`),
  explainDetection: item('operator', 'GET', (side) => `detections/${side.detectionId}/explanation`),
  acknowledgeDetections: async () => {
    const body = { ids: [alpha.detectionId] }
    expect((await call(beta.operator, 'POST', 'detections/acknowledge', body)).body.acknowledged).toBe(0)
    expect((await call(alpha.operator, 'GET', `detections/${alpha.detectionId}`)).body.acknowledgedAt).toBeNull()
    expect((await call(alpha.operator, 'POST', 'detections/acknowledge', body)).body.acknowledged).toBe(1)
  },

  getEventPackets: async () => {
    await item('operator', 'GET', (side) => `events/${side.eventId}/packets`)()
    const own = await call(alpha.operator, 'GET', `events/${alpha.eventId}/packets`)
    expect(own.text).toContain('secret of alpha')
    expect(own.text).not.toContain('beta')
    const audit = await call(alpha.auditor, 'GET', 'audit?action=packet.read')
    expect(audit.text).toContain(`event:${alpha.eventId}`)
    expect(audit.text).not.toContain('beta')
    expect((await call(alpha.administrator, 'GET', `events/${alpha.eventId}/packets`)).status).toBe(403)
  },
  getDetectionPackets: item('operator', 'GET', (side) => `detections/${side.detectionId}/packets`),
  getIncidentPackets: async () => {
    const idOf = async (side: Side) =>
      (await call(side.operator, 'GET', `detections/${side.detectionId}`)).body.incidentId
    await item('operator', 'GET', async (side) => `incidents/${await idOf(side)}/packets`)()
  },
  keepPackets: async () => {
    // The same name and key of two units are two sources; each finds its own packets alone.
    for (const side of [alpha, beta]) {
      const answer = await call(side.operator, 'GET', `events/${side.eventId}/packets`)
      expect(answer.text).toContain(`secret of ${side.mark}`)
    }
  },
  listSensors: async () => {
    const sensors = await Promise.all([alpha, beta].map((side) => reportSensor(side, `sensor-${side.mark}`)))
    await lists('operator', 'sensors')()
    for (const sensor of sensors) sensor.end()
  },
  reportSensor: async () => {
    const sensors = await Promise.all([alpha, beta].map((side) => reportSensor(side, 'same-name')))
    for (const side of [alpha, beta]) {
      const { items } = (await call(side.operator, 'GET', 'sensors')).body
      const same = items.filter(({ name }: { name: string }) => name === 'same-name')
      expect(same.map(({ unitPath }: { unitPath: string }) => unitPath)).toEqual([side.path])
    }
    for (const sensor of sensors) sensor.end()
  },
  answerPackets: async () => {
    const sensor = await reportSensor(alpha, 'wire-alpha')
    const wanted = call(alpha.operator, 'GET', 'events/wire-alpha/packets')
    const { questions } = (await (await sensor.answer).json()) as { questions: { id: string; selections: object[] }[] }
    expect(questions[0]?.selections).toMatchObject([{ endpoints: { source: '192.0.2.1', sourcePort: 40_001 } }])
    const path = `/api/v1/sensors/wire-alpha/packets/${questions[0]!.id}?packets=1&isCut=false`
    const foreign = { ...sensor.headers, authorization: `Bearer ${await server.token(['ingest'], beta.id)}` }
    const refused = await server.call('POST', path, { body: captureOf('beta'), headers: foreign })
    expect(refused.status, refused.text).toBe(404)
    const taken = await server.call('POST', path, { body: captureOf('alpha'), headers: sensor.headers })
    expect(taken.status, taken.text).toBe(200)
    expect((await wanted).text).toContain('secret of alpha')
    expect((await call(beta.operator, 'GET', 'events/wire-alpha/packets')).status).toBe(404)
    sensor.end()
  },

  listHosts: lists('operator', 'hosts'),
  getHost: item('operator', 'GET', (side) => `hosts/${side.hostId}`),

  listExceptions: lists('operator', 'exceptions'),
  createException: creates(
    'operator',
    'exceptions',
    (unitId, name) => ({
      name,
      reason: name,
      conditions: [{ field: 'user.name', operator: 'equals', values: [name] }],
      unitId,
      expiresAt: inAnHour,
    }),
    'exceptions',
  ),
  getException: item('operator', 'GET', (side) => `exceptions/${side.ids.exception}`),
  changeException: item('operator', 'PATCH', (side) => `exceptions/${side.ids.exception}`, {
    body: { reason: 'changed' },
    unchanged: state('operator', (side) => `exceptions/${side.ids.exception}`),
  }),
  removeException: item('operator', 'DELETE', (side) => `exceptions/${side.ids.exception}`, {
    status: 204,
    unchanged: state('operator', (side) => `exceptions/${side.ids.exception}`),
  }),
  previewException: async () => {
    const body = { conditions: [{ field: 'user.name', operator: 'wildcard', values: ['*'] }] }
    await lists('operator', 'exceptions/preview', { method: 'POST', body })()
    expect((await call(beta.operator, 'POST', 'exceptions/preview', { ...body, unitId: alpha.id })).status).toBe(404)
  },

  search: async () => {
    await lists('operator', 'search', { method: 'POST', body: scope })()
    for (const query of ['secret', 'user.name:alpha', `event.id:event-alpha`, 'not user.name:beta']) {
      const answer = await call(beta.operator, 'POST', 'search', { ...scope, query })
      expect(JSON.stringify(answer.body.items)).not.toContain('alpha')
    }
  },
  searchHistogram: async () => {
    await lists('operator', 'search/histogram', { method: 'POST', body: { ...scope, by: 'user.name' } })()
    expect(
      (await call(beta.operator, 'POST', 'search/histogram', { ...scope, query: 'user.name:alpha' })).body.total,
    ).toBe(0)
  },
  searchFacets: lists('operator', 'search/facets', {
    method: 'POST',
    body: { ...scope, fields: ['user.name', 'message'] },
  }),
  trafficSummary: async () => {
    await lists('operator', 'traffic/summary', { method: 'POST', body: scope })()
    const { body } = await call(beta.operator, 'POST', 'traffic/summary', scope)
    expect(body).toMatchObject({ flows: 1, bytes: 7, talkers: [{ flows: 1 }, { flows: 1 }] })
    const rows = (name: string) => body.breakdowns.find((one: { name: string }) => one.name === name).rows
    expect(rows('units')).toEqual([{ values: ['unit of beta', ''], flows: 1, bytes: 7 }])
    expect(rows('pairs')).toEqual([{ values: ['192.0.2.1', '198.51.100.1'], flows: 1, bytes: 7 }])
    const other = { ...scope, query: 'network.protocol:alpha) or (*' }
    expect((await call(beta.operator, 'POST', 'traffic/summary', other)).status).toBe(400)
    const theirs = { ...scope, query: 'network.protocol:alpha or organization.name:*alpha' }
    expect((await call(beta.operator, 'POST', 'traffic/summary', theirs)).body).toMatchObject({ flows: 0, talkers: [] })
  },
  trafficRare: async () => {
    const body = { ...scope, field: 'destination.port' }
    for (const side of [alpha, beta]) {
      const { total, items } = (await call(side.operator, 'POST', 'traffic/rare', body)).body
      expect({ total, items }).toMatchObject({ total: 1, items: [{ value: '80', hosts: 1, count: 1, isNew: true }] })
    }
    const theirs = { ...body, query: 'network.protocol:alpha' }
    expect((await call(beta.operator, 'POST', 'traffic/rare', theirs)).body.total).toBe(0)
  },
  validateQuery: common('operator', 'search/validate', { method: 'POST', body: { query: 'user.name:x' } }),
  exportEvents: async () => {
    for (const format of ['ndjson', 'csv']) await lists('operator', `search/export?format=${format}&from=now-1h`)()
  },
  getEvent: item('operator', 'GET', (side) => `events/${side.eventId}`),
  listFields: common('operator', 'fields'),

  listSavedSearches: lists('operator', 'saved-searches'),
  createSavedSearch: async () => {
    const body = { name: 'homegrown', query: '', from: 'now-1h', to: 'now', shared: true }
    expect((await call(alpha.operator, 'POST', 'saved-searches', body)).body.unitPath).toBe(alpha.path)
    expect((await call(beta.operator, 'GET', 'saved-searches')).text).not.toContain('homegrown')
    expect((await call(alpha.manager, 'GET', 'saved-searches')).text).toContain('homegrown')
  },
  getSavedSearch: item('operator', 'GET', (side) => `saved-searches/${side.ids.savedSearch}`),
  changeSavedSearch: item('manager', 'PATCH', (side) => `saved-searches/${side.ids.savedSearch}`, {
    body: { query: 'x' },
    unchanged: state('manager', (side) => `saved-searches/${side.ids.savedSearch}`),
  }),
  removeSavedSearch: item('manager', 'DELETE', (side) => `saved-searches/${side.ids.savedSearch}`, {
    status: 204,
    unchanged: state('manager', (side) => `saved-searches/${side.ids.savedSearch}`),
  }),

  listSources: lists('operator', 'sources'),
  getSource: item('operator', 'GET', (side) => `sources/${side.sourceId}`),
  changeSource: async () => {
    const path = (side: Side) => `sources/${side.sourceId}`
    const settled = async (side: Side) =>
      String((await call(side.operator, 'GET', path(side))).body.silenceAfterMinutes)
    await item('administrator', 'PATCH', path, { body: { silenceAfterMinutes: 5 }, unchanged: settled })()
    expect((await call(beta.administrator, 'PATCH', path(beta), { unitId: alpha.id })).status).toBe(404)
  },
  listUnparsed: async () => {
    await item('operator', 'GET', (side) => `sources/${side.sourceId}/unparsed`)()
    expect((await call(alpha.operator, 'GET', `sources/${alpha.sourceId}/unparsed`)).text).toContain('unparsed alpha')
  },
  getSourceSeries: async () => {
    await item('operator', 'GET', (side) => `sources/${side.sourceId}/series`)()
    const minutes: { records: number }[] = (await call(alpha.operator, 'GET', `sources/${alpha.sourceId}/series`)).body
      .items
    expect(minutes.reduce((sum, minute) => sum + minute.records, 0)).toBe(7)
  },
  listParsers: common('operator', 'parsers'),

  // Why a rule cannot fire names the sources of one's own units alone.
  listRules: lists('operator', 'rules?limit=500'),
  getReadiness: lists('operator', 'readiness'),
  getAttackMatrix: async () => {
    await lists('operator', 'attack')()
    for (const query of [`source=${alpha.sourceId}`, `unitId=${alpha.id}`])
      expect((await call(beta.operator, 'GET', `attack?${query}`)).status).toBe(404)
  },
  exportAttackMatrix: async () => {
    for (const format of ['csv', 'navigator']) {
      await lists('operator', `attack/export?format=${format}`, { own: false })()
      const foreign = await call(beta.operator, 'GET', `attack/export?format=${format}&source=${alpha.sourceId}`)
      expect(foreign.status).toBe(404)
    }
  },
  getRule: async () => {
    const [first] = (await call(alpha.operator, 'GET', 'rules?limit=1')).body.items
    await common('operator', `rules/${first.id}`)()
  },
  changeRule: async () => {
    const [first] = (await call(alpha.operator, 'GET', 'rules?limit=1')).body.items
    // Rules hold for everyone: no single unit switches them.
    for (const side of [alpha, beta])
      expect((await call(side.manager, 'PATCH', `rules/${first.id}`, { enabled: false })).status).toBe(404)
    expect((await call(server.root.manager as Person, 'PATCH', `rules/${first.id}`, { enabled: true })).status).toBe(
      200,
    )
  },

  listCanaries: lists('operator', 'canaries'),
  getCanary: item('operator', 'GET', (side) => `canaries/${side.canaryId}`),
  testSource: item('administrator', 'POST', (side) => `sources/${side.sourceId}/test`, {
    status: 202,
    unchanged: async (side) => (await call(side.operator, 'GET', 'canaries')).text,
  }),
  testRule: async () => {
    const [first] = (await call(alpha.operator, 'GET', 'rules?limit=1')).body.items
    // Rules hold for everyone: no single unit has them tested.
    for (const side of [alpha, beta])
      expect((await call(side.manager, 'POST', `rules/${first.id}/test`)).status).toBe(404)
    expect((await call(server.root.manager, 'POST', `rules/${first.id}/test`)).status).toBe(202)
  },
  listRuns: lists('operator', 'runs'),
  getRun: item('operator', 'GET', (side) => `runs/${side.runId}`),
  listAnalytics: common('operator', 'analytics'),
  runAnalytic: async () => {
    const [first] = (await call(alpha.operator, 'GET', 'analytics')).body.items
    const windowFrom = new Date(Math.floor(now.getTime() / 3_600_000) * 3_600_000)
    const windowTo = new Date(windowFrom.getTime() + 3_600_000)
    await server.database.insert(analyticWindows).values({
      ...{ analyticId: first.id, windowFrom, windowTo, state: 'done', cause: 'scheduled', nextAttemptAt: now },
    })
    const body = { from: windowFrom.toISOString() }
    // Analytics run over all units' events: no single unit starts them.
    for (const side of [alpha, beta])
      expect((await call(side.manager, 'POST', `analytics/${first.id}/run`, body)).status).toBe(404)
    expect((await call(server.root.manager, 'POST', `analytics/${first.id}/run`, body)).status).toBe(204)
  },

  createRule: async () => {
    for (const side of [alpha, beta])
      expect((await call(side.operator, 'POST', 'rules', ruleText(`made-by-${side.mark}`))).status).toBe(404)
    const made = await call(server.root.operator, 'POST', 'rules', ruleText('isolation-create'))
    expect(made.status, made.text).toBe(201)
  },
  saveRuleDraft: async () => {
    const { id, revision } = await storedRule('isolation-save')
    const body = { ...ruleText(id), note: 'intruder', expectedRevision: revision }
    for (const side of [alpha, beta])
      expect((await call(side.operator, 'PUT', `rules/${id}/draft`, body)).status).toBe(404)
    expect((await call(server.root.operator, 'GET', `rules/${id}/versions`)).text).not.toContain('intruder')
  },
  promoteRule: async () => {
    const { id, revision } = await storedRule('isolation-promote')
    const body = { stage: 'live', version: 1, expectedRevision: revision }
    for (const side of [alpha, beta])
      expect((await call(side.manager, 'POST', `rules/${id}/stage`, body)).status).toBe(404)
    expect((await call(server.root.operator, 'POST', `rules/${id}/stage`, body)).status).toBe(403)
    const { body: rule } = await call(server.root.operator, 'GET', `rules/${id}`)
    expect(rule.stage).toBe('draft')
  },
  removeRule: async () => {
    const { id, revision } = await storedRule('isolation-remove')
    const path = `rules/${id}?expectedRevision=${revision}`
    for (const side of [alpha, beta]) expect((await call(side.manager, 'DELETE', path)).status).toBe(404)
    expect((await call(server.root.manager, 'DELETE', path)).status).toBe(204)
  },
  validateRule: async () => {
    for (const side of [alpha, beta]) {
      const { body } = await call(side.operator, 'POST', 'rules/validate', { yaml: ruleText('isolation').yaml })
      expect(body.valid).toBe(true)
    }
  },
  runRuleSamples: async () => {
    const { yaml } = ruleText('isolation')
    const run = async (side: Side, eventId: string) =>
      (await call(side.operator, 'POST', 'rules/samples/run', { yaml, eventIds: [eventId] })).body.events
    expect(await run(alpha, alpha.eventId)).toHaveLength(1)
    expect(await run(alpha, beta.eventId)).toEqual([])
    expect(await run(beta, alpha.eventId)).toEqual([])
  },
  listRuleVersions: async () => {
    const { id } = await storedRule('isolation-versions')
    await common('operator', `rules/${id}/versions`)()
  },
  getRuleVersion: async () => {
    // A sample may be a record of any unit: a unit below the root is not shown it.
    const { id } = await storedRule('isolation-version')
    expect((await call(server.root.operator, 'GET', `rules/${id}/versions/1`)).text).toContain('secret-line')
    for (const side of [alpha, beta]) {
      for (const path of [`rules/${id}/versions/1`, `rules/${id}`]) {
        const answer = await call(side.operator, 'GET', path)
        expect(answer.status, answer.text).toBe(200)
        expect(answer.text).not.toContain('secret-line')
      }
    }
  },

  startBackTest: async () => {
    // Both look for the same; each finds its own unit's event alone.
    for (const [side, other] of [
      [alpha, beta],
      [beta, alpha],
    ] as const) {
      const found = await finished(side, await backTestOf(side))
      expect(found.result.hitCount).toBeGreaterThan(0)
      expect(JSON.stringify(found.result)).not.toContain(other.eventId)
    }
  },
  listRuleJobs: async () => {
    const id = await backTestOf(beta)
    expect((await call(beta.operator, 'GET', 'rule-jobs')).body.items.map((job: { id: number }) => job.id)).toContain(
      id,
    )
    expect(
      (await call(alpha.operator, 'GET', 'rule-jobs')).body.items.map((job: { id: number }) => job.id),
    ).not.toContain(id)
    await finished(beta, id)
  },
  getRuleJob: async () => {
    const id = await backTestOf(beta)
    await finished(beta, id)
    expect((await call(alpha.operator, 'GET', `rule-jobs/${id}`)).status).toBe(404)
  },
  getBackTest: async () => {
    const id = await backTestOf(beta)
    await finished(beta, id)
    expect((await call(alpha.operator, 'GET', `rules/back-tests/${id}`)).status).toBe(404)
  },
  cancelRuleJob: async () => {
    const id = await backTestOf(beta)
    expect((await call(alpha.operator, 'DELETE', `rule-jobs/${id}`)).status).toBe(404)
    expect((await call(beta.operator, 'DELETE', `rule-jobs/${id}`)).status).toBe(200)
  },
  listRuleFindings: async () => {
    for (const side of [alpha, beta]) {
      await server.database.insert(ruleFindings).values({
        ...{ id: `finding-${side.mark}`, ruleId: 'tried', ruleVersion: 1, unitPath: side.path, severity: 'low' },
        ...{ firstSeenAt: now, lastSeenAt: now, matchCount: 1, createdAt: now, updatedAt: now },
        detection: { sample: { summary: side.mark, summaryZh: null }, evidence: [], entities: [] },
      })
    }
    const { text } = await call(alpha.operator, 'GET', 'rules/tried/findings')
    expect(text).toContain('finding-alpha')
    expect(text).not.toContain('beta')
  },

  changeRules: async () => {
    const { id } = await storedRule('isolation-bulk')
    const body = { filter: { text: id }, stage: 'live' }
    for (const side of [alpha, beta]) expect((await call(side.manager, 'POST', 'rules/bulk', body)).status).toBe(404)
    expect((await call(server.root.manager, 'POST', 'rules/bulk', body)).body).toEqual({ matched: 1, changed: 1 })
  },
  importRules: async () => {
    const path = 'rule-collections?name=isolation&fileName=rules.zip'
    for (const side of [alpha, beta]) expect((await upload(side.manager, path)).status).toBe(404)
    expect((await upload(server.root.operator, path)).status).toBe(403)
    expect((await call(alpha.operator, 'GET', 'rule-collections')).body.total).toBe(0)
  },
  getRuleImport: async () => {
    const { body, status } = await upload(server.root.manager, 'rule-collections?name=not-seen&fileName=rules.zip')
    expect(status).toBe(202)
    for (const side of [alpha, beta])
      expect((await call(side.operator, 'GET', `rule-collections/imports/${body.id}`)).status).toBe(404)
  },
  listRuleCollections: common('operator', 'rule-collections'),
  removeRuleCollection: async () => {
    const [collection] = await server.database
      .insert(ruleCollections)
      .values({
        ...{ name: 'kept', fileName: 'rules.zip', sha256: '', licence: '', report: {} },
        ...{ createdAt: now, createdBy: 'test', updatedAt: now },
      })
      .returning()
    for (const side of [alpha, beta])
      expect((await call(side.manager, 'DELETE', `rule-collections/${collection!.id}`)).status).toBe(404)
    expect((await call(server.root.manager, 'DELETE', `rule-collections/${collection!.id}`)).status).toBe(204)
  },

  listAssets: lists('operator', 'assets'),
  createAsset: creates('administrator', 'assets', (unitId, name) => ({ name, unitId }), 'assets'),
  importAssets: async () => {
    const items = [{ name: 'imported-intruder', unitId: alpha.id }]
    expect((await call(beta.administrator, 'POST', 'assets/import', { items })).body).toMatchObject({
      imported: 0,
      rejected: [{ line: 1 }],
    })
    expect((await call(alpha.administrator, 'GET', 'assets')).text).not.toContain('imported-intruder')
    expect(
      (await call(alpha.administrator, 'POST', 'assets/import', { items: [{ name: 'imported-own' }] })).body.imported,
    ).toBe(1)
  },
  getAsset: item('operator', 'GET', (side) => `assets/${side.ids.asset}`),
  changeAsset: item('administrator', 'PATCH', (side) => `assets/${side.ids.asset}`, {
    body: { owner: 'x' },
    unchanged: state('administrator', (side) => `assets/${side.ids.asset}`),
  }),
  removeAsset: item('administrator', 'DELETE', (side) => `assets/${side.ids.asset}`, {
    status: 204,
    unchanged: state('administrator', (side) => `assets/${side.ids.asset}`),
  }),

  listIndicators: lists('operator', 'indicators'),
  createIndicator: async () => {
    expect(
      (await call(alpha.manager, 'POST', 'indicators', { type: 'domain', value: 'homegrown.example.org' })).body
        .unitPath,
    ).toBe(alpha.path)
    expect((await call(beta.operator, 'GET', 'indicators')).text).not.toContain('homegrown')
  },
  importIndicators: async () => {
    expect(
      (
        await call(alpha.manager, 'POST', 'indicators/import', {
          items: [{ type: 'domain', value: 'bulk.example.org' }],
        })
      ).body.imported,
    ).toBe(1)
    expect((await call(beta.operator, 'GET', 'indicators')).text).not.toContain('bulk.example.org')
    expect((await call(alpha.operator, 'GET', 'indicators')).text).toContain('bulk.example.org')
  },
  getIndicator: item('operator', 'GET', (side) => `indicators/${side.ids.indicator}`),
  removeIndicator: item('manager', 'DELETE', (side) => `indicators/${side.ids.indicator}`, {
    status: 204,
    unchanged: state('manager', (side) => `indicators/${side.ids.indicator}`),
  }),

  listChannels: lists('operator', 'notifications/channels'),
  createChannel: async () => {
    const body = { name: 'homegrown', kind: 'webhook', settings: { url: 'https://example.org/' } }
    expect((await call(beta.manager, 'POST', 'notifications/channels', { ...body, unitIds: [alpha.id] })).status).toBe(
      404,
    )
    expect((await call(alpha.manager, 'POST', 'notifications/channels', body)).body.unitPath).toBe(alpha.path)
    expect((await call(beta.manager, 'GET', 'notifications/channels')).text).not.toContain('homegrown')
  },
  getChannel: item('operator', 'GET', (side) => `notifications/channels/${side.ids.channel}`),
  changeChannel: item('manager', 'PATCH', (side) => `notifications/channels/${side.ids.channel}`, {
    body: { language: 'en' },
    unchanged: state('manager', (side) => `notifications/channels/${side.ids.channel}`),
  }),
  testChannel: item('manager', 'POST', (side) => `notifications/channels/${side.ids.channel}/test`, {
    unchanged: state('manager', () => 'notifications/deliveries'),
  }),
  listDeliveries: lists('operator', 'notifications/deliveries'),
  retryDelivery: item('manager', 'POST', (side) => `notifications/deliveries/${side.ids.delivery}/retry`, {
    unchanged: state('manager', () => 'notifications/deliveries'),
  }),
  removeChannel: item('manager', 'DELETE', (side) => `notifications/channels/${side.ids.channel}`, {
    status: 204,
    unchanged: state('manager', (side) => `notifications/channels/${side.ids.channel}`),
  }),

  listAudit: lists('auditor', 'audit?limit=500'),
  exportAudit: lists('auditor', 'audit/export'),
  verifyAudit: async () => {
    // One chain for all: its findings name what other units did.
    for (const side of [alpha, beta]) expect((await call(side.auditor, 'POST', 'audit/verify')).status).toBe(404)
    expect((await call(server.root.auditor, 'POST', 'audit/verify')).status).toBe(200)
  },

  live: async () => {
    const heard = await Promise.all([alpha, beta].map((side) => listen(side.operator)))
    for (const side of [alpha, beta]) {
      server.changes.send({ noun: 'incident', id: side.mark, action: 'created', unitPath: side.path, atMs: Date.now() })
    }
    await expect.poll(() => heard[0]!.text().includes('alpha') && heard[1]!.text().includes('beta')).toBe(true)
    expect([heard[0]!.text().includes('beta'), heard[1]!.text().includes('alpha')]).toEqual([false, false])
    for (const { close } of heard) close()
  },
  ingest: async () => {
    await sameNameIsAnotherSource((token) => send('POST', '/api/v1/ingest/portal', token, 'record'))
  },
  importFile: async () => {
    await sameNameIsAnotherSource((token) =>
      send('POST', '/api/v1/import?name=portal', token, `record ${Math.random()}`),
    )
  },
}

/** What is no zip: whether it is taken at all comes first. */
function upload(person: Person, path: string): Promise<Answer> {
  return person.call('POST', `/api/v1/${path}`, 'PK', { 'content-type': 'application/zip' })
}

/** A back-test of the side's people over everything. */
async function backTestOf(side: Side): Promise<number> {
  const yaml = JSON.stringify({
    title: 'all',
    id: 'back-test',
    logsource: {},
    detection: { selection: { 'event.id|startswith': 'event-' }, condition: 'selection' },
  })
  const started = await call(side.operator, 'POST', 'rules/back-tests', { yaml, days: 1 })
  expect(started.status, started.text).toBe(202)
  return started.body.id
}

async function finished(side: Side, id: number) {
  await expect
    .poll(async () => (await call(side.operator, 'GET', `rules/back-tests/${id}`)).body.status, { timeout: 60_000 })
    .toBe('done')
  return (await call(side.operator, 'GET', `rules/back-tests/${id}`)).body
}

function ruleText(id: string) {
  const detection = { selection: { message: 'nothing' }, condition: 'selection' }
  return {
    yaml: JSON.stringify({ title: id, id, logsource: { product: 'acme' }, detection }),
    samples: { fires: [{ parser: 'json', lines: ['{"message":"secret-line"}'] }], silent: [] },
  }
}

/** A draft of the root unit's operator. */
async function storedRule(id: string): Promise<{ id: string; revision: number }> {
  const made = await call(server.root.operator, 'POST', 'rules', ruleText(id))
  expect(made.status, made.text).toBe(201)
  return made.body
}

/** Routes that shippers use, beside the OpenAPI document. */
const shipperCases: Record<string, Case> = {
  'POST /_bulk': async () => {
    await sameNameIsAnotherSource((token) => send('POST', '/_bulk', token, '{"create":{"_index":"portal"}}\n{"a":1}\n'))
  },
  'POST /elastic/logs/_bulk': async () => {
    await sameNameIsAnotherSource((token) => send('POST', '/elastic/portal/_bulk', token, '{"create":{}}\n{"a":1}\n'))
  },
}

function send(method: string, path: string, token: string, body: string): Promise<Answer> {
  return server.call(method, path, { body, headers: { authorization: `Bearer ${token}` } })
}

/** What two units send under one name arrives as two sources: neither writes into the other's. */
async function sameNameIsAnotherSource(post: (token: string) => Promise<Answer>): Promise<void> {
  const names = new Set<string>()
  for (const side of [alpha, beta]) {
    const answer = await post(await server.token(['ingest', 'import:write'], side.id))
    expect(answer.status, answer.text).toBe(200)
  }
  const subscription = await server.bus.subscribe('raw', `isolation-${Math.random()}`, {
    onBatch: async (batch) => {
      for (const record of batch.records) names.add(decodeRawRecord(record).source)
    },
  })
  await expect.poll(() => names.size).toBeGreaterThanOrEqual(2)
  await subscription.close()
  expect([...names].sort()).toEqual([`portal@${alpha.id}`, `portal@${beta.id}`])
}

function listen(person: Person): Promise<{ text(): string; close(): void }> {
  let text = ''
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${server.url}/api/v1/live`, { headers: { cookie: person.cookie } }, (response) => {
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk
      })
      resolve({ text: () => text, close: () => request.destroy() })
    })
    request.on('error', reject).end()
  })
}

const document = JSON.parse(readFileSync(new URL('../../web/src/api/openapi.json', import.meta.url), 'utf8')) as {
  paths: Record<string, Record<string, { operationId: string }>>
}
const operations = Object.values(document.paths).flatMap((methods) =>
  Object.values(methods).map(({ operationId }) => operationId),
)

test('every route has a case, and every case a route', async () => {
  const served = (await server.call('GET', '/api/v1/openapi.json')).body as typeof document
  expect(Object.keys(served.paths).sort()).toEqual(Object.keys(document.paths).sort())
  expect(Object.keys(cases).sort()).toEqual([...operations].sort())
})

describe('another unit sees and changes nothing', () => {
  test.each(Object.entries({ ...cases, ...shipperCases }))('%s', async (_name, check) => check())
})

test('nobody who is not known sees anything', async () => {
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, { operationId }] of Object.entries(methods)) {
      if (operationId === 'signIn' || operationId === 'getSignInNotice') continue
      const answer = await server.call(method.toUpperCase(), path.replace(/\{\w+\}/g, '1'))
      expect([operationId, answer.status]).toEqual([operationId, 401])
    }
  }
})

test('a unit above sees what lies below', async () => {
  const { operator } = server.root
  for (const path of ['incidents', 'detections', 'sources', 'notifications/deliveries']) {
    const { text } = await call(operator, 'GET', path)
    expect(text).toMatch(/alpha/)
    expect(text).toMatch(/beta/)
  }
})
