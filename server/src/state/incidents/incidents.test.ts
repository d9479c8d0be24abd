import { eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Change } from '../../event/change.ts'
import type { IncidentFacts } from '../../event/incident.ts'
import { auditRows } from '../../seams/store/schema/audit.ts'
import { units, users } from '../../seams/store/schema/identity.ts'
import {
  detectionEntities,
  detections,
  exceptions,
  incidentActivity,
  incidentEntities,
  incidents,
} from '../../seams/store/schema/incidents.ts'
import { deliveries, notificationChannels, outbox } from '../../seams/store/schema/notifications.ts'
import type { Actor, Role } from '../actor.ts'
import { acknowledgeDetections } from '../detections/acknowledge.ts'
import { countByRule } from '../detections/count-by-rule.ts'
import { exportDetections } from '../detections/export.ts'
import { getDetection } from '../detections/get.ts'
import { listDetections } from '../detections/list.ts'
import { purgeDetections } from '../detections/purge.ts'
import { createException } from '../exceptions/create.ts'
import { getException } from '../exceptions/get.ts'
import { listExceptions } from '../exceptions/list.ts'
import { previewException } from '../exceptions/preview.ts'
import { removeException } from '../exceptions/remove.ts'
import { updateException } from '../exceptions/update.ts'
import type { LiveContext } from '../live.ts'
import { openTestStore, person, type TestStore } from '../store-for-tests.ts'
import { bulkIncidents } from './bulk.ts'
import { closeIncident } from './close.ts'
import { commentIncident } from './comment.ts'
import { countIncidents } from './count.ts'
import { exportIncidents } from './export.ts'
import { getIncident } from './get.ts'
import { graphIncident } from './graph.ts'
import { listIncidents } from './list.ts'
import { listComments } from './list-comments.ts'
import { listEvidence } from './list-evidence.ts'
import { listTimeline } from './list-timeline.ts'
import { reopenIncident } from './reopen.ts'
import { sendIncident } from './send.ts'
import { undoIncidents } from './undo.ts'
import { updateIncident } from './update.ts'

let store: TestStore
let changes: Change[] = []
const here = '/1/7/'
const there = '/1/8/'
const seenMs = Date.UTC(2026, 2, 1)

beforeAll(async () => {
  store = await openTestStore()
  const createdAt = new Date()
  await store.database
    .insert(units)
    .values([
      { id: 1, parentId: null, kind: 'province', name: 'Root', path: '/1/', createdAt },
      { id: 7, parentId: 1, kind: 'city', name: 'Seven', path: here, createdAt },
      { id: 8, parentId: 1, kind: 'city', name: 'Eight', path: there, createdAt },
    ])
    .onConflictDoNothing()
  const user = (id: number, unitId: number, role: Role, disabled = false) => ({
    id,
    unitId,
    role,
    disabled,
    name: `user${id}`,
    displayName: `User ${id}`,
    passwordHash: 'x',
    passwordChangedAt: createdAt,
    mustChangePassword: false,
    createdAt,
  })
  await store.database
    .insert(users)
    .values([
      user(11, 7, 'security_operator'),
      user(12, 8, 'security_operator'),
      user(13, 7, 'auditor'),
      user(14, 7, 'security_operator', true),
      user(15, 1, 'security_manager'),
    ])
}, 60_000)
afterAll(() => store.close())

const incidentIds: Record<string, number> = {}
beforeEach(async () => {
  changes = []
  await store.database.execute(sql`TRUNCATE incidents, incident_entities, incident_activity, incident_undo, detections,
    detection_entities, exceptions, exception_hits, outbox, deliveries, notification_channels RESTART IDENTITY CASCADE`)
  incidentIds.here = await insertIncident({ unitPath: here })
  incidentIds.there = await insertIncident({ unitPath: there })
})

const as = (actor: Actor): LiveContext => ({ ...store.as(actor), notify: (change) => changes.push(change) })
const operator = () => as(person('security_operator', here, '11'))
const manager = () => as(person('security_manager', '/1/', '15'))
const auditor = () => as(person('auditor', here, '13'))

async function insertIncident(part: Partial<typeof incidents.$inferInsert>): Promise<number> {
  const seen = new Date(seenMs)
  const facts: IncidentFacts = {
    firstMs: seenMs,
    lastMs: seenMs,
    matches: 5,
    detections: 1,
    rules: [],
    entities: [{ type: 'ip', value: '203.0.113.7', role: 'actor', firstMs: seenMs, lastMs: seenMs, matches: 5 }],
    attempt: null,
    success: null,
    indicator: null,
    asset: null,
    sources: ['a'],
  }
  const [row] = await store.database
    .insert(incidents)
    .values({
      unitPath: here,
      status: 'new',
      severity: 'high',
      severityRank: 3,
      score: 60,
      scoreParts: [],
      titleZh: '暴力破解',
      titleEn: 'Brute force 100%',
      storyZh: '故事',
      storyEn: 'Story',
      facts,
      tactics: ['credential-access'],
      techniques: ['T1110'],
      ruleIds: ['ssh_brute_force'],
      detectionCount: 1,
      matchCount: 5,
      firstSeenAt: seen,
      lastSeenAt: seen,
      createdAt: seen,
      updatedAt: seen,
      openedAt: new Date(store.clock.now() - 60_000),
      ...part,
    })
    .returning({ id: incidents.id, unitPath: incidents.unitPath })
  const { id, unitPath } = row!
  const entity = { type: 'ip' as const, value: '203.0.113.7' }
  await store.database
    .insert(incidentEntities)
    .values({ incidentId: id, ...entity, role: 'actor', firstSeenAt: seen, lastSeenAt: seen, matchCount: 5 })
  await store.database.insert(detections).values({
    id: `d${id}`,
    ruleId: 'ssh_brute_force',
    ruleTitle: 'Brute force',
    detector: 'sigma',
    severity: 'high',
    severityRank: 3,
    unitPath,
    principal: 'ip|203.0.113.7',
    bucketAt: seen,
    firstSeenAt: seen,
    lastSeenAt: seen,
    matchCount: 5,
    evidence: [
      [seenMs, `e${id}-1`],
      [seenMs + 5, `e${id}-2`],
      [seenMs + 5, 'shared'],
    ],
    entities: [
      ...facts.entities,
      { type: 'host', value: 'portal', role: 'target', firstMs: seenMs, lastMs: seenMs, matches: 5 },
    ],
    techniques: ['T1110'],
    tactics: ['credential-access'],
    matched: [],
    fields: { 'process.name': 'sshd' },
    summary: 'Brute force seen',
    sourceKey: 'a',
    sample: { timeMs: seenMs, id: 'm' },
    attempt: null,
    success: null,
    indicator: null,
    asset: null,
    incidentId: id,
    createdAt: seen,
    updatedAt: seen,
  })
  await store.database
    .insert(detectionEntities)
    .values({ detectionId: `d${id}`, ...entity, unitPath, bucketAt: seen, link: 'own' })
  return id
}

const audited = async (action: string) => store.database.select().from(auditRows).where(eq(auditRows.action, action))
const code = (expected: string) => expect.objectContaining({ code: expected })
async function collect<Item>(pages: AsyncGenerator<Item[]>): Promise<Item[]> {
  const items: Item[] = []
  for await (const page of pages) items.push(...page)
  return items
}

describe('what another unit does not see', () => {
  const foreign = () => ({ id: incidentIds.there! })
  const detection = () => `d${incidentIds.there}`
  /** Every verb on one thing of another unit. */
  const onOne: [string, (context: LiveContext) => Promise<unknown>][] = [
    ['get', (context) => getIncident(context, foreign())],
    ['assign', (context) => updateIncident(context, { ...foreign(), assigneeId: 11 })],
    ['set status', (context) => updateIncident(context, { ...foreign(), status: 'on_hold' })],
    ['set severity', (context) => updateIncident(context, { ...foreign(), severity: 'low' })],
    ['close', (context) => closeIncident(context, { ...foreign(), reason: 'benign' })],
    ['reopen', (context) => reopenIncident(context, foreign())],
    ['comment', (context) => commentIncident(context, { ...foreign(), text: 'x' })],
    ['send', (context) => sendIncident(context, { ...foreign(), channelId: 1 })],
    ['comments', (context) => listComments(context, foreign())],
    ['timeline', (context) => listTimeline(context, foreign())],
    ['evidence', (context) => listEvidence(context, foreign())],
    ['graph', (context) => graphIncident(context, foreign())],
    ['detection', (context) => getDetection(context, { id: detection() })],
    ['list of its unit', (context) => listIncidents(context, { unitId: 8 })],
    ['detections of its unit', (context) => listDetections(context, { unitId: 8 })],
    [
      'exception for its unit',
      (context) =>
        createException(context, {
          name: 'x',
          reason: 'x',
          ruleIds: ['r'],
          unitId: 8,
          expiresAt: new Date(store.clock.now() + 1_000),
        }),
    ],
    ['preview in its unit', (context) => previewException(context, { ruleIds: ['r'], unitId: 8 })],
    ['get exception', async (context) => getException(context, { id: await foreignException() })],
    ['update exception', async (context) => updateException(context, { id: await foreignException(), name: 'y' })],
    ['remove exception', async (context) => removeException(context, { id: await foreignException() })],
  ]
  async function foreignException(): Promise<number> {
    const made = await createException(manager(), {
      name: 'x',
      reason: 'x',
      ruleIds: ['r'],
      unitId: 8,
      expiresAt: new Date(store.clock.now() + 1_000),
    })
    return made.id
  }

  test.each(onOne)('%s answers NOT_FOUND and changes nothing', async (_, verb) => {
    const before = await store.database.select().from(incidents)
    await expect(verb(operator())).rejects.toEqual(code('NOT_FOUND'))
    expect(await store.database.select().from(incidents)).toEqual(before)
    expect(changes.filter(({ unitPath, action }) => unitPath === there && action !== 'created')).toEqual([])
  })

  test('lists, counts and exports hold the own unit only', async () => {
    const own = incidentIds.here!
    expect((await listIncidents(operator())).items.map(({ id }) => id)).toEqual([own])
    expect((await listIncidents(operator())).total).toBe(1)
    expect((await listDetections(operator())).items.map(({ id }) => id)).toEqual([`d${own}`])
    expect(await countIncidents(operator())).toMatchObject({ open: 1, unassigned: 1, mine: 0, top: [{ id: own }] })
    const span = { from: new Date(seenMs), to: new Date(seenMs + 3_600_000) }
    expect(await countByRule(operator(), span)).toMatchObject([{ matchCount: 5, detectionCount: 1 }])
    expect(await countByRule(manager(), span)).toMatchObject([
      { matchCount: 10, detectionCount: 2, steps: [{ at: span.from, matchCount: 10 }] },
    ])
    expect((await collect(exportIncidents(operator()))).map(({ id }) => id)).toEqual([own])
    expect((await collect(exportDetections(operator()))).map(({ id }) => id)).toEqual([`d${own}`])
    expect((await listIncidents(manager())).total).toBe(2)
    await createException(manager(), {
      name: 'x',
      reason: 'x',
      ruleIds: ['r'],
      unitId: 8,
      expiresAt: new Date(store.clock.now() + 1_000),
    })
    expect((await listExceptions(operator())).total).toBe(0)
    expect(await previewException(operator(), { ruleIds: ['ssh_brute_force'], days: 30 })).toMatchObject({
      detectionCount: 0,
    })
  })

  test('bulk changes leave what is not seen alone and say so', async () => {
    const ids = [incidentIds.here!, incidentIds.there!, 999]
    const result = await bulkIncidents(operator(), { ids, change: { action: 'status', status: 'in_progress' } })
    expect(result.changed).toBe(1)
    expect(result.failed.map(({ id, code }) => [id, code])).toEqual([
      [incidentIds.there, 'NOT_FOUND'],
      [999, 'NOT_FOUND'],
    ])
    expect(await acknowledgeDetections(operator(), { ids: [`d${incidentIds.here}`, `d${incidentIds.there}`] })).toBe(1)
    expect((await getIncident(manager(), { id: incidentIds.there! })).status).toBe('new')
  })

  test('a detection does not name an incident of a unit above', async () => {
    const id = incidentIds.here!
    await store.database.update(incidents).set({ unitPath: '/1/' }).where(eq(incidents.id, id))
    expect(await getDetection(operator(), { id: `d${id}` })).toMatchObject({ incidentId: null })
    expect(await getDetection(manager(), { id: `d${id}` })).toMatchObject({ incidentId: id })
    await expect(getIncident(operator(), { id })).rejects.toEqual(code('NOT_FOUND'))
  })

  test('auditors and administrators see none of it', async () => {
    await expect(listIncidents(auditor())).rejects.toEqual(code('FORBIDDEN'))
    await expect(closeIncident(auditor(), { id: incidentIds.here!, reason: 'benign' })).rejects.toEqual(
      code('FORBIDDEN'),
    )
    await expect(collect(exportIncidents(auditor()))).rejects.toEqual(code('FORBIDDEN'))
  })
})

describe('working on an incident', () => {
  test('assign, hold, comment, close, reopen: each is logged, audited and told', async () => {
    const id = incidentIds.here!
    const context = operator()
    expect(await updateIncident(context, { id, assigneeId: 11 })).toMatchObject({
      assigneeId: 11,
      assigneeName: 'User 11',
      version: 2,
      acknowledgedAt: expect.any(Date),
    })
    await updateIncident(context, { id, status: 'on_hold' })
    await commentIncident(context, { id, text: 'Asked the owner <b>' })
    await updateIncident(context, { id, severity: 'low' })
    expect(await closeIncident(context, { id, reason: 'true_positive', note: 'Blocked' })).toMatchObject({
      status: 'closed',
      closeReason: 'true_positive',
      closeNote: 'Blocked',
      closedAt: expect.any(Date),
      severityPinned: true,
    })
    await expect(updateIncident(context, { id, assigneeId: null })).rejects.toEqual(code('CONFLICT'))
    await expect(closeIncident(context, { id, reason: 'benign' })).rejects.toEqual(code('CONFLICT'))
    expect(await reopenIncident(context, { id })).toMatchObject({
      status: 'in_progress',
      closeReason: null,
      closedAt: null,
      severity: 'low',
    })
    const activity = await store.database.select().from(incidentActivity).orderBy(incidentActivity.id)
    expect(activity.map(({ kind }) => kind)).toEqual([
      'assigned',
      'status',
      'comment',
      'severity',
      'closed',
      'reopened',
    ])
    expect(changes.map(({ noun, id: told, action }) => `${noun} ${told} ${action}`)).toEqual(
      ['changed', 'changed', 'commented', 'changed', 'closed', 'changed'].map((action) => `incident ${id} ${action}`),
    )
    expect(await audited('incident.close')).toMatchObject([
      { target: `incident:${id}`, unitPath: here, actorId: '11', detail: { after: { status: 'closed' } } },
    ])
    expect((await listComments(context, { id })).items).toMatchObject([
      { author: 'security_operator-11', text: 'Asked the owner <b>' },
    ])
  })

  test('the same again changes nothing and audits nothing', async () => {
    const id = incidentIds.here!
    await updateIncident(operator(), { id, assigneeId: 11 })
    const before = (await audited('incident.assign')).length
    changes = []
    await updateIncident(operator(), { id, assigneeId: 11 })
    expect((await audited('incident.assign')).length).toBe(before)
    expect(changes).toEqual([])
  })

  test.each([
    [12, 'NOT_FOUND', 'of another unit'],
    [15, 'NOT_FOUND', 'of a unit above'],
    [13, 'CONFLICT', 'an auditor'],
    [14, 'CONFLICT', 'disabled'],
    [999, 'NOT_FOUND', 'nobody'],
  ])('is not assigned to user %d: %s, %s', async (assigneeId, expected) => {
    await expect(updateIncident(operator(), { id: incidentIds.here!, assigneeId })).rejects.toEqual(code(expected))
  })

  test('a duplicate names an original that is seen and is not itself', async () => {
    const id = incidentIds.here!
    const close = (duplicateOf: number) => closeIncident(operator(), { id, reason: 'duplicate', duplicateOf })
    await expect(close(id)).rejects.toEqual(code('BAD_REQUEST'))
    await expect(close(incidentIds.there!)).rejects.toEqual(code('NOT_FOUND'))
    const original = await insertIncident({})
    expect(await close(original)).toMatchObject({ duplicateOf: original })
  })

  test('two people at once: one of two closings is refused', async () => {
    const id = incidentIds.here!
    const closings = ['benign', 'true_positive'].map((reason) =>
      closeIncident(operator(), { id, reason: reason as 'benign' }),
    )
    const settled = await Promise.allSettled(closings)
    expect(settled.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  test('nothing is told when the transaction fails', async () => {
    await store.database.execute(sql`ALTER TABLE incident_activity ADD CONSTRAINT broken CHECK (kind <> 'closed')`)
    try {
      await expect(closeIncident(operator(), { id: incidentIds.here!, reason: 'benign' })).rejects.toThrow()
    } finally {
      await store.database.execute(sql`ALTER TABLE incident_activity DROP CONSTRAINT broken`)
    }
    expect(changes).toEqual([])
    expect((await getIncident(operator(), { id: incidentIds.here! })).status).toBe('new')
  })
})

describe('bulk and undo', () => {
  test('a bulk change is taken back, but not where somebody changed again', async () => {
    const ids = [
      incidentIds.here!,
      await insertIncident({ assigneeId: 15 }),
      await insertIncident({ status: 'closed', closedAt: new Date() }),
    ]
    const context = operator()
    const result = await bulkIncidents(context, {
      ids,
      change: { action: 'close', reason: 'false_positive', note: 'Our scanner' },
      comment: 'See ticket',
    })
    expect(result).toMatchObject({ changed: 2, failed: [{ id: ids[2], code: 'CONFLICT' }] })
    expect(await getIncident(context, { id: ids[1]! })).toMatchObject({
      status: 'closed',
      closeReason: 'false_positive',
      closeNote: 'Our scanner',
    })
    await reopenIncident(context, { id: ids[0]! })
    const other = as(person('security_operator', here, '77'))
    await expect(undoIncidents(other, { token: result.undoToken! })).rejects.toEqual(code('NOT_FOUND'))
    const undone = await undoIncidents(context, { token: result.undoToken! })
    expect(undone).toMatchObject({ changed: 1, failed: [{ id: ids[0], code: 'CHANGED_MEANWHILE' }] })
    expect(await getIncident(context, { id: ids[1]! })).toMatchObject({
      status: 'new',
      closeReason: null,
      closedAt: null,
      acknowledgedAt: null,
      assigneeId: 15,
    })
    await expect(undoIncidents(context, { token: result.undoToken! })).rejects.toEqual(code('NOT_FOUND'))
    expect((await audited('incident.undo')).map(({ target }) => target)).toEqual([`incident:${ids[1]}`, 'incidents'])
  })

  test('an undo lapses', async () => {
    const { undoToken } = await bulkIncidents(operator(), {
      ids: [incidentIds.here!],
      change: { action: 'severity', severity: 'critical' },
    })
    store.clock.advance(10 * 60_000 + 1)
    await expect(undoIncidents(operator(), { token: undoToken! })).rejects.toEqual(code('NOT_FOUND'))
  })
})

describe('lists', () => {
  test('filters', async () => {
    const id = await insertIncident({
      severity: 'low',
      severityRank: 1,
      status: 'in_progress',
      assigneeId: 11,
      titleEn: 'Under_score',
      ruleIds: ['a', 'b'],
    })
    await insertIncident({ status: 'candidate' })
    await insertIncident({ status: 'merged', mergedInto: id })
    const idsOf = async (query: Parameters<typeof listIncidents>[1]) =>
      (await listIncidents(operator(), query)).items.map((one) => one.id)
    const both = [id, incidentIds.here!]
    expect(await idsOf({})).toEqual(both)
    expect(await idsOf({ status: ['in_progress'] })).toEqual([id])
    expect(await idsOf({ severity: ['high', 'critical'] })).toEqual([incidentIds.here])
    expect(await idsOf({ assignee: 'me' })).toEqual([id])
    expect(await idsOf({ assignee: 'none' })).toEqual([incidentIds.here])
    expect(await idsOf({ assignee: 11 })).toEqual([id])
    expect(await idsOf({ rule: 'b' })).toEqual([id])
    expect(await idsOf({ entity: '203.0.113.7' })).toEqual(both)
    expect(await idsOf({ entity: '203.0.113' })).toEqual([])
    expect(await idsOf({ text: 'under_' })).toEqual([id])
    expect(await idsOf({ text: '100%' })).toEqual([incidentIds.here])
    expect(await idsOf({ text: `#${id}` })).toEqual([id])
    expect(await idsOf({ text: '暴力' })).toEqual(both)
    expect(await idsOf({ from: new Date(seenMs + 1) })).toEqual([])
    expect(await idsOf({ to: new Date(seenMs - 1) })).toEqual([])
    expect(await idsOf({ unitId: 7 })).toEqual(both)
    const closed = await insertIncident({
      status: 'closed',
      openedAt: new Date(seenMs),
      closedAt: new Date(seenMs + 9),
    })
    expect(await idsOf({ closedFrom: new Date(seenMs + 9) })).toEqual([closed])
    expect(await idsOf({ closedFrom: new Date(seenMs + 10) })).toEqual([])
    expect(await idsOf({ openedFrom: new Date(seenMs), status: ['closed'] })).toEqual([closed])
    expect(await idsOf({ openedFrom: new Date(seenMs + 1), status: ['closed'] })).toEqual([])
    await expect(listIncidents(operator(), { from: new Date(2), to: new Date(1) })).rejects.toEqual(code('BAD_REQUEST'))
    await expect(listIncidents(operator(), { status: ['candidate' as 'new'] })).rejects.toEqual(code('BAD_REQUEST'))
  })

  test.each(['lastSeenAt', 'score', 'openedAt', 'severity'] as const)(
    'pages by %s give every incident once',
    async (sort) => {
      for (let index = 0; index < 12; index++) {
        const seen = new Date(seenMs + (index % 5) * 1_000)
        await insertIncident({ score: index % 4, severityRank: index % 3, lastSeenAt: seen, openedAt: seen })
      }
      for (const direction of ['asc', 'desc'] as const) {
        const seen: number[] = []
        let cursor: string | undefined
        do {
          const page = await listIncidents(operator(), { sort, direction, limit: 5, cursor })
          expect(page.total).toBe(13)
          seen.push(...page.items.map(({ id }) => id))
          cursor = page.next ?? undefined
        } while (cursor)
        expect(new Set(seen).size).toBe(13)
        expect(seen).toHaveLength(13)
      }
      await expect(listIncidents(operator(), { sort, cursor: 'x' })).rejects.toEqual(code('BAD_REQUEST'))
    },
  )

  test('timeline, evidence and graph of one incident', async () => {
    const id = incidentIds.here!
    const merged = await insertIncident({ status: 'merged', mergedInto: id })
    await store.database.insert(incidentActivity).values({
      incidentId: merged,
      at: new Date(seenMs + 1),
      actorKind: 'user',
      actorId: '1',
      actorName: 'A',
      kind: 'comment',
      detail: { text: 'from the merged one' },
    })
    const [channel] = await store.database
      .insert(notificationChannels)
      .values({
        unitPath: here,
        name: 'Duty',
        kind: 'webhook',
        settings: { url: 'http://x' },
        language: 'zh',
        minimumSeverity: 'low',
        unitIds: [],
        occasions: ['opened'],
        enabled: true,
        createdAt: new Date(),
        updatedAt: new Date(),
      })
      .returning()
    const [sent] = await store.database
      .insert(outbox)
      .values({
        kind: 'webhook',
        channelId: channel!.id,
        incidentId: id,
        unitPath: here,
        payload: { occasion: 'opened' } as never,
        dedupeKey: 'k',
        state: 'delivered',
        nextAttemptAt: new Date(),
        createdAt: new Date(),
      })
      .returning()
    await store.database
      .insert(deliveries)
      .values({ outboxId: sent!.id, attempt: 1, at: new Date(seenMs + 2), ok: true, result: '200', tookMs: 5 })
    const timeline = await listTimeline(operator(), { id })
    expect(timeline.items.map(({ kind, text, at }) => [kind, text, at.getTime() - seenMs])).toEqual([
      ['detection', 'Brute force seen', 0],
      ['comment', 'from the merged one', 1],
      ['delivery', '200', 2],
    ])
    const first = await listTimeline(operator(), { id, limit: 2 })
    const rest = await listTimeline(operator(), { id, limit: 2, cursor: first.next! })
    expect([...first.items, ...rest.items]).toEqual(timeline.items)
    expect((await listEvidence(operator(), { id })).items).toEqual([
      { eventId: `e${id}-1`, at: new Date(seenMs), detectionIds: [`d${id}`] },
      { eventId: `e${id}-2`, at: new Date(seenMs + 5), detectionIds: [`d${id}`] },
      { eventId: 'shared', at: new Date(seenMs + 5), detectionIds: [`d${id}`] },
    ])
    expect(await graphIncident(operator(), { id })).toMatchObject({
      nodes: [
        { id: 'ip|203.0.113.7', role: 'actor' },
        { id: 'host|portal', role: 'target' },
      ],
      edges: [{ from: 'ip|203.0.113.7', to: 'host|portal', label: 'Brute force', detectionCount: 1 }],
      truncated: false,
    })
    // A link to the merged one leads to its survivor.
    expect(await getIncident(operator(), { id: merged })).toMatchObject({ id, mergedFrom: [merged] })
  })

  test('counts: means over what people did', async () => {
    await closeIncident(operator(), { id: incidentIds.here!, reason: 'benign' })
    const counts = await countIncidents(operator())
    expect(counts).toMatchObject({ open: 0, closedLastDay: 1, openedLastDay: 1 })
    expect(counts.meanTimeToCloseMs).toBeGreaterThanOrEqual(60_000)
    expect(counts.meanTimeToCloseMs).toBe(counts.meanTimeToAcknowledgeMs)
    expect(counts.openedPerHour).toHaveLength(24)
    expect(counts.openedPerHour.reduce((sum, { count }) => sum + count, 0)).toBe(1)
    expect((await countIncidents(as(person('security_operator', '/1/9/')))).meanTimeToCloseMs).toBeNull()
  })
})

test('old detections of no incident are purged, those of an incident are kept', async () => {
  const old = new Date(store.clock.now() - 200 * 86_400_000)
  await store.database.update(detections).set({ lastSeenAt: old, updatedAt: old })
  await store.database
    .update(detections)
    .set({ incidentId: null })
    .where(eq(detections.id, `d${incidentIds.here}`))
  expect(await purgeDetections(store.database, store.clock, 201)).toBe(0)
  expect(await purgeDetections(store.database, store.clock, 190)).toBe(1)
  const left = await store.database.select({ id: detections.id }).from(detections)
  expect(left).toEqual([{ id: `d${incidentIds.there}` }])
})

describe('exceptions', () => {
  const inDays = (days: number) => new Date(store.clock.now() + days * 86_400_000)
  const parts = (part: object = {}) => ({
    name: 'Our scanner',
    reason: 'Weekly',
    ruleIds: ['r'],
    expiresAt: inDays(7),
    ...part,
  })

  test('create, list, change, remove: owner, expiry and audit', async () => {
    const made = await createException(
      operator(),
      parts({ conditions: [{ field: 'entity.ip', operator: 'cidr', values: ['10.0.0.0/8'] }] }),
    )
    expect(made).toMatchObject({
      active: true,
      effect: 'hide',
      unitPath: here,
      ownerName: 'security_operator-11',
      hitCount: 0,
    })
    expect(await updateException(operator(), { id: made.id, name: 'Scanner 2', conditions: undefined })).toMatchObject({
      name: 'Scanner 2',
      conditions: [{ operator: 'cidr' }],
    })
    expect((await listExceptions(operator(), { active: true, rule: 'r', text: 'scanner 2' })).total).toBe(1)
    await removeException(operator(), { id: made.id })
    await expect(removeException(operator(), { id: made.id })).rejects.toEqual(code('NOT_FOUND'))
    expect((await listExceptions(operator(), { active: true })).total).toBe(0)
    expect(await getException(operator(), { id: made.id })).toMatchObject({ active: false, hits: [] })
    expect((await audited('exception.remove')).at(-1)).toMatchObject({ target: `exception:${made.id}`, unitPath: here })
    expect(changes.map(({ noun, action }) => `${noun} ${action}`)).toEqual([
      'exception created',
      'exception changed',
      'exception removed',
    ])
    const revisions = await store.database.select({ revision: exceptions.revision }).from(exceptions)
    expect(revisions).toEqual([{ revision: 3 }])
  })

  test.each([
    ['hides everything', { ruleIds: [] }],
    ['a range that is none', { conditions: [{ field: 'source.ip', operator: 'cidr', values: ['10.0.0.0/99'] }] }],
    ['a field nobody knows', { conditions: [{ field: 'no.such.field', operator: 'equals', values: ['x'] }] }],
    ['an entity nobody knows', { conditions: [{ field: 'entity.planet', operator: 'equals', values: ['x'] }] }],
    ['unlinks nothing', { effect: 'unlink' }],
    ['no reason', { reason: ' ' }],
    ['expired', { expiresAt: new Date(0) }],
    ['for ever', { expiresAt: new Date(4e12) }],
    ['no expiry', { expiresAt: undefined }],
  ])('refuses one that %s', async (_, part) => {
    await expect(createException(operator(), parts(part) as never)).rejects.toEqual(code('BAD_REQUEST'))
  })

  test('a preview says what it would have hidden', async () => {
    await store.database.update(detections).set({ lastSeenAt: new Date(store.clock.now()) })
    const preview = (part: object) => previewException(operator(), { ...part })
    expect(
      await preview({ conditions: [{ field: 'process.name', operator: 'equals', values: ['SSHD'] }] }),
    ).toMatchObject({ examined: 1, detectionCount: 1, matchCount: 5 })
    expect(await preview({ ruleIds: ['other'] })).toMatchObject({ examined: 1, detectionCount: 0, sample: [] })
    await expect(preview({ conditions: [{ field: 'source.ip', operator: 'cidr', values: ['x'] }] })).rejects.toEqual(
      code('BAD_REQUEST'),
    )
  })
})
