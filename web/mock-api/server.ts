import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Schemas } from '../src/api/client.ts'
import { type EventDocument, makeEvents, matches } from './events.ts'
import { health, makeAudit, makeDetections, makeIncidents, makeRules, makeSources, units, users } from './fixtures.ts'

/**
 * The API in memory, for working on the pages without a server: `npm run dev`. Any password signs in; the name chooses
 * the role. What is real is the server of this repository: set WATCHFIRE_URL to use one.
 */
interface Call {
  params: Record<string, string>
  query: URLSearchParams
  body: Record<string, unknown>
}

class Refused extends Error {
  readonly status: number
  readonly code: string
  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

const nowMs = Date.now()
const events = makeEvents(nowMs)
const incidents = makeIncidents(nowMs)
const detections = makeDetections(nowMs, incidents, events.slice(-120).map((event) => event['event.id']))
const rules = makeRules(nowMs)
const sources = makeSources(nowMs)
const audit = makeAudit(nowMs)
const comments: Schemas['Comment'][] = [{ id: 1, author: '陈静', text: '已联系大数据局，backup 账号已停用，正在核对外传文件清单。', createdAt: new Date(nowMs - 600_000).toISOString() }]
const exceptions: Schemas['Exception'][] = [
  { id: 1, version: 1, name: '漏洞扫描器的例行扫描', reason: '每周二凌晨，王强确认', effect: 'hide', ruleIds: ['ssh-brute-force'], conditions: [{ field: 'source.ip', operator: 'cidr', values: ['10.20.9.0/24'] }], unitPath: '/1/', ownerName: '陈静', expiresAt: new Date(nowMs + 86_400_000 * 20).toISOString(), removedAt: null, active: true, hitCount: 1423, lastHitAt: new Date(nowMs - 7_200_000).toISOString(), createdAt: new Date(nowMs - 86_400_000 * 9).toISOString(), updatedAt: new Date(nowMs - 86_400_000 * 9).toISOString() },
]
const saved: Schemas['SavedSearch'][] = [{ id: 1, version: 1, name: '失败的登录', query: 'event.category:authentication and event.outcome:failure', from: 'now-24h', to: 'now', columns: ['user.name', 'source.ip', 'message'], shared: true, own: true, ownerName: '陈静', unitPath: '/1/', createdAt: new Date(nowMs).toISOString(), updatedAt: new Date(nowMs).toISOString() }]
const undo = new Map<string, Map<number, Schemas['Incident']>>()
let signedIn: Schemas['User'] | undefined

const page = <Item>(items: Item[], { query }: Call) => {
  const from = Number(query.get('after') ?? 0)
  const limit = Number(query.get('limit') ?? 50)
  return { items: items.slice(from, from + limit), total: items.length, next: from + limit < items.length ? String(from + limit) : null }
}
const oneOf = (list: string | null, value: string) => !list || list.split(',').includes(value)
const find = <Item>(items: Item[], test: (item: Item) => boolean): Item => {
  const item = items.find(test)
  if (!item) throw new Refused(404, 'NOT_FOUND', 'There is nothing of this id')
  return item
}

function timeOf(text: unknown, fallback: number): number {
  const value = String(text ?? '')
  const relative = /^now(?:-(\d+)([smhdw]))?$/.exec(value)
  if (relative) return Date.now() - Number(relative[1] ?? 0) * ({ s: 1e3, m: 6e4, h: 36e5, d: 864e5, w: 6048e5 }[relative[2] ?? 's'] ?? 0)
  return Number.isNaN(Date.parse(value)) ? fallback : Date.parse(value)
}

function found({ body }: Call): EventDocument[] {
  const query = String(body.query ?? '')
  if (/[:(]\s*$/.test(query)) throw new Refused(400, 'QUERY_INVALID', 'A value is missing')
  const from = timeOf(body.from, 0)
  const to = timeOf(body.to, Date.now())
  return events.filter((event) => {
    const at = Date.parse(event['@timestamp'])
    return at >= from && at <= to && matches(event, query)
  })
}

const sql = (call: Call) => `SELECT *\nFROM events\nWHERE timestamp >= {from:DateTime64(3)} AND timestamp < {to:DateTime64(3)}\n  -- ${String(call.body.query ?? '')}\nORDER BY timestamp DESC, event_id DESC\nLIMIT 101`

function histogram(call: Call) {
  const from = timeOf(call.body.from, nowMs - 864e5)
  const to = timeOf(call.body.to, Date.now())
  const count = Number(call.body.buckets ?? 60)
  const intervalMs = Math.max(1000, Math.ceil((to - from) / count / 1000) * 1000)
  const buckets = Array.from({ length: Math.ceil((to - from) / intervalMs) }, (_, index) => ({ at: new Date(from + index * intervalMs).toISOString(), count: 0, by: {} as Record<string, number> }))
  const hits = found(call)
  for (const event of hits) {
    const bucket = buckets[Math.floor((Date.parse(event['@timestamp']) - from) / intervalMs)]
    if (!bucket) continue
    bucket.count++
    const key = sources[event['event.id'].length % sources.length]!.key
    bucket.by[key] = (bucket.by[key] ?? 0) + 1
  }
  return { intervalMs, from: new Date(from).toISOString(), to: new Date(to).toISOString(), total: hits.length, buckets, sql: sql(call), tookMs: 12 }
}

function facets(call: Call) {
  const hits = found(call)
  const fields = (call.body.fields as string[]) ?? []
  return {
    total: hits.length, sql: sql(call), tookMs: 9,
    facets: fields.map((field) => {
      const counts = new Map<string, number>()
      for (const event of hits) for (const value of [event[field]].flat()) if (value !== undefined) counts.set(String(value), (counts.get(String(value)) ?? 0) + 1)
      const values = [...counts].map(([value, count]) => ({ value, count })).sort((a, b) => b.count - a.count)
      return { field, present: values.reduce((sum, { count }) => sum + count, 0), values: values.slice(0, Number(call.body.limit ?? 10)) }
    }),
  }
}

function listIncidents(call: Call) {
  const { query } = call
  const text = query.get('text')?.toLowerCase()
  const sort = query.get('sort') ?? '-lastSeenAt'
  const assignee = query.get('assignee')
  const rows = incidents.filter(
    (incident) =>
      oneOf(query.get('status'), incident.status) &&
      oneOf(query.get('severity'), incident.severity) &&
      (!text || JSON.stringify([incident.title, incident.story]).toLowerCase().includes(text)) &&
      (!query.get('entity') || incident.entities.some(({ value }) => value === query.get('entity'))) &&
      (!query.get('rule') || incident.ruleIds.includes(query.get('rule')!)) &&
      (!assignee || (assignee === 'none' ? incident.assigneeId === null : assignee === 'me' ? incident.assigneeId === signedIn?.id : incident.assigneeId === Number(assignee))),
  )
  const key = sort.replace('-', '') as 'score' | 'lastSeenAt' | 'openedAt'
  const rank = ['informational', 'low', 'medium', 'high', 'critical']
  const valueOf = (incident: Schemas['Incident']) => (sort === '-severity' ? rank.indexOf(incident.severity) : key === 'score' ? incident.score : Date.parse(incident[key]))
  rows.sort((a, b) => (valueOf(b) - valueOf(a)) * (sort.startsWith('-') ? 1 : -1))
  return page(rows, call)
}

function bulk({ body }: Call): Schemas['BulkResult'] {
  const before = new Map<number, Schemas['Incident']>()
  for (const id of body.ids as number[]) {
    const incident = find(incidents, (item) => item.id === id)
    before.set(id, { ...incident })
    if (body.action === 'assign') {
      incident.assigneeId = (body.assigneeId as number | null) ?? null
      incident.assigneeName = users.find((user) => user.id === incident.assigneeId)?.displayName ?? null
    }
    if (body.action === 'status') incident.status = body.status as Schemas['IncidentStatus']
    if (body.action === 'severity') incident.severity = body.severity as Schemas['Severity']
    if (body.action === 'close') Object.assign(incident, { status: 'closed', closeReason: body.reason, closeNote: body.comment ?? null, closedAt: new Date().toISOString() })
    if (body.action === 'reopen') Object.assign(incident, { status: 'in_progress', closeReason: null, closedAt: null })
  }
  const undoId = `undo-${undo.size}`
  undo.set(undoId, before)
  return { changed: before.size, undoId, failed: [] }
}

function timeline(id: number) {
  const rows: Schemas['TimelineEntry'][] = detections
    .filter(({ incidentId }) => incidentId === id)
    .map((detection) => ({ id: `detection:${detection.id}`, at: detection.lastSeenAt, kind: 'detection', actor: null, text: detection.summary, textZh: detection.summaryZh, detail: { detectionId: detection.id } }))
  rows.push({ id: 'change:1', at: new Date(nowMs - 900_000).toISOString(), kind: 'change', actor: '陈静', text: 'status: new → in_progress', textZh: null, detail: {} })
  return { items: rows, total: rows.length, next: null }
}

function graph(id: number): Schemas['IncidentGraph'] {
  const { entities } = find(incidents, (incident) => incident.id === id)
  return {
    nodes: entities.map(({ type, value, role }) => ({ id: `${type}:${value}`, type, value, role, detectionCount: 3 })),
    edges: entities.slice(1).map((entity, index) => ({ from: `ip:${entities[0]!.value}`, to: `${entity.type}:${entity.value}`, ruleId: rules[index]!.id, label: index ? 'signed in as' : 'guessed passwords', labelZh: index ? '登录账号' : '猜测口令', severity: index ? 'high' : 'medium', detectionCount: 2 + index })),
  }
}

function me(): Schemas['Me'] {
  if (!signedIn) throw new Refused(401, 'UNAUTHENTICATED', 'Nobody is signed in')
  const common = ['unit:read', 'user:read', 'source:read', 'health:read', 'notification:read']
  const security = ['event:read', 'event:export', 'incident:read', 'incident:write', 'detection:read', 'rule:read', 'rule:draft', 'exception:write', 'import:write']
  const own = {
    system_administrator: ['unit:write', 'user:write', 'token:write', 'source:write', 'settings:write'],
    security_manager: [...security, 'rule:write', 'notification:write'],
    security_operator: security,
    auditor: ['audit:read'],
  }[signedIn.role]
  const { id, name, displayName, role, totpEnabled } = signedIn
  const unit = units[signedIn.unitId - 1]!
  return { kind: 'user', user: { id, name, displayName, role, totpEnabled }, name, permissions: [...own, ...common], unit: { id: unit.id, name: unit.name, path: unit.path }, csrfToken: 'mock', mustChangePassword: false }
}

function overview(): Schemas['Overview'] {
  const open = incidents.filter(({ status }) => status !== 'closed')
  const hours = histogram({ params: {}, query: new URLSearchParams(), body: { from: 'now-24h', to: 'now', buckets: 24 } })
  const openBySeverity: Record<string, number> = {}
  for (const { severity } of open) openBySeverity[severity] = (openBySeverity[severity] ?? 0) + 1
  const unassigned = open.filter(({ assigneeId }) => assigneeId === null).length
  const mine = open.filter(({ assigneeId }) => assigneeId === signedIn?.id).length
  return {
    generatedAt: new Date().toISOString(),
    attention: [
      { kind: 'incidents_unassigned', severity: 'critical', count: unassigned, link: '/incidents?assignee=none' },
      { kind: 'sources_silent', severity: 'high', count: 1, link: '/sources?silent=true' },
      { kind: 'sources_unparsed', severity: 'medium', count: 2, link: '/sources' },
    ],
    incidents: { open: open.length, unassigned, mine, openBySeverity, openedLastDay: 12, closedLastDay: 4, meanTimeToAcknowledgeMs: 540_000, meanTimeToCloseMs: 7_260_000, openedPerHour: [], top: open.slice(0, 6).map(({ id, title, severity, score, status, lastSeenAt }) => ({ id, title, severity, score, status, lastSeenAt })) },
    detections: { lastDay: 213, trend: hours.buckets.map(({ at }, index) => ({ at, count: 6 + (index % 7), by: { critical: index % 9 === 4 ? 1 : 0, high: index % 4, medium: 2 + (index % 5), low: index % 3 } })), topRules: rules.slice(0, 6).map((rule) => ({ ruleId: rule.id, title: rule.title, titleZh: rule.titleZh, severity: rule.severity, count: rule.firedCountLastDay })) },
    events: { lastDay: 16_812_345, perSecond: 194.8, trend: hours.buckets.map(({ at, count }) => ({ at, count: count * 7000 })) },
    sources: { total: sources.length, silent: 1, parseRate: 0.9931, worst: [...sources].sort((a, b) => a.parseRate - b.parseRate).slice(0, 4).map(({ id, name, silent, parseRate, lastSeenAt }) => ({ id, name, silent, parseRate, lastSeenAt })) },
    missing: [],
  }
}

function eventDetail(id: string): Schemas['EventDetail'] {
  const event = find(events, (item) => item['event.id'] === id)
  const text = `<86>${new Date(event['@timestamp']).toUTCString()} ${String(event['host.name'])} sshd[4242]: ${String(event.message)}`
  const fired = detections.filter(({ eventIds }) => eventIds.includes(id))
  return {
    event, unitPath: '/1/2/', sourceKey: 'syslog:10.20.3.15', receivedAt: event['@timestamp'], raw: { base64: Buffer.from(text).toString('base64'), text, encoding: 'utf-8', sizeBytes: Buffer.byteLength(text) },
    explanation: { parser: event['error.message'] ? null : 'linux-auth', detections: fired.map(({ id: detectionId, ruleId, ruleTitle, ruleTitleZh, severity, incidentId, matched }) => ({ id: detectionId, ruleId, ruleTitle, ruleTitleZh, severity, incidentId, matched })) },
  }
}

const fieldNames = [...new Set(events.slice(0, 300).flatMap((event) => Object.keys(event)))]
const empty = () => ({ items: [], total: 0, next: null })

type Handler = (call: Call) => unknown

const routes: Record<string, Handler> = {
  'POST auth/sign-in': ({ body }) => {
    signedIn = users.find(({ name }) => name === body.name)
    if (!signedIn) throw new Refused(401, 'SIGN_IN_FAILED', 'Name or password is wrong')
    return me()
  },
  'POST auth/sign-out': () => {
    signedIn = undefined
    return null
  },
  'GET auth/me': me,
  'POST auth/password': () => null,
  'POST auth/totp/enrol': () => ({ secret: 'JBSWY3DPEHPK3PXP', uri: 'otpauth://totp/Watchfire:mock?secret=JBSWY3DPEHPK3PXP&issuer=Watchfire' }),
  'POST auth/totp/confirm': () => ({ recoveryCodes: ['aaaa-bbbb', 'cccc-dddd'] }),
  'GET auth/sessions': () => ({ items: [{ id: '1', address: '10.20.1.7', userAgent: 'Mozilla/5.0', createdAt: new Date(nowMs).toISOString(), lastSeenAt: new Date().toISOString(), expiresAt: new Date(nowMs + 864e5).toISOString(), current: true }], total: 1, next: null }),
  'GET overview': overview,
  'GET health': () => health,
  'GET incidents': listIncidents,
  'POST incidents/bulk': bulk,
  'POST incidents/bulk/undo': ({ body }) => {
    const before = undo.get(String(body.undoId)) ?? new Map()
    for (const [id, incident] of before) Object.assign(find(incidents, (item) => item.id === id), incident)
    return { changed: before.size, undoId: null, failed: [] }
  },
  'GET incidents/:id': ({ params }) => find(incidents, ({ id }) => id === Number(params.id)),
  'GET incidents/:id/timeline': ({ params }) => timeline(Number(params.id)),
  'GET incidents/:id/comments': () => ({ items: comments, total: comments.length, next: null }),
  'POST incidents/:id/comments': ({ body }) => {
    comments.push({ id: comments.length + 1, author: signedIn?.displayName ?? '', text: String(body.text), createdAt: new Date().toISOString() })
    return comments.at(-1)
  },
  'GET incidents/:id/events': (call) => page(events.slice(-120, -80), call),
  'GET incidents/:id/graph': ({ params }) => graph(Number(params.id)),
  'GET detections': (call) => page(detections.filter((detection) => oneOf(call.query.get('severity'), detection.severity) && (!call.query.get('incident') || detection.incidentId === Number(call.query.get('incident'))) && (!call.query.get('rule') || detection.ruleId === call.query.get('rule'))), call),
  'GET detections/:id': ({ params }) => find(detections, ({ id }) => id === params.id),
  'GET exceptions': (call) => page(exceptions, call),
  'POST search': (call) => {
    const hits = found(call)
    if (call.body.sort !== '@timestamp') hits.reverse()
    const from = Number(call.body.after ?? 0)
    const limit = Number(call.body.limit ?? 100)
    return { items: hits.slice(from, from + limit), total: hits.length, next: from + limit < hits.length ? String(from + limit) : null, sql: sql(call), tookMs: 18 }
  },
  'POST search/histogram': histogram,
  'POST search/facets': facets,
  'POST search/validate': ({ body }) => {
    const query = String(body.query ?? '')
    const at = query.search(/[:(]\s*$/)
    return { valid: at < 0, normalised: query, fields: [], problem: at < 0 ? null : { message: 'A value is missing', position: at, length: 1, suggestions: [] } }
  },
  'GET events/:id': ({ params }) => eventDetail(params.id!),
  'GET fields': () => ({ items: fieldNames.map((name) => ({ name, type: 'keyword', description: { zh: name, en: name }, column: true })), total: fieldNames.length, next: null }),
  'GET saved-searches': (call) => page(saved, call),
  'GET sources': (call) => page(sources.filter(({ silent }) => !call.query.get('silent') || String(silent) === call.query.get('silent')), call),
  'GET sources/:id': ({ params }) => find(sources, ({ id }) => id === params.id),
  'GET sources/:id/unparsed': () => ({ items: events.filter((event) => event['error.message']).slice(0, 6).map((event) => ({ eventId: event['event.id'], receivedAt: event['@timestamp'], text: String(event.message), base64: '' })), total: 6, next: null }),
  'GET sources/:id/series': ({ query }) => ({ items: Array.from({ length: Number(query.get('minutes') ?? 60) }, (_, index) => ({ at: new Date(nowMs - index * 60_000).toISOString(), records: 40 + ((index * 37) % 23), unparsed: 0, bytes: 4000 })).reverse() }),
  'GET parsers': () => ({ items: ['linux-auth', 'nginx-access', 'cef'].map((name) => ({ name, title: { zh: name, en: name }, generic: false })), total: 3, next: null }),
  'GET rules': (call) => page(rules, call),
  'GET rules/:id': ({ params }) => find(rules, ({ id }) => id === params.id),
  'PATCH rules/:id': ({ params, body }) => Object.assign(find(rules, ({ id }) => id === params.id), { enabled: body.enabled }),
  'GET assets': empty,
  'GET indicators': empty,
  'GET notifications/channels': empty,
  'GET notifications/deliveries': empty,
  'GET users': (call) => page(users, call),
  'GET units': () => ({ items: units, total: units.length, next: null }),
  'GET tokens': empty,
  'GET audit': (call) => page(audit, call),
  'POST audit/verify': () => ({ intact: true, rows: 64, heads: 3, problem: null }),
}

export async function handleMockRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost')
  const path = url.pathname.replace('/api/v1/', '')
  if (path === 'live') {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write('event: ready\ndata: {}\n\n')
    return
  }
  let status = 200
  let answer: unknown
  try {
    const match = resolve(`${request.method} ${path}`)
    if (!match) throw new Refused(404, 'NOT_FOUND', `The mock has no ${request.method} ${path}`)
    const text = await textOf(request)
    answer = match.handler({ params: match.params, query: url.searchParams, body: text ? (JSON.parse(text) as Record<string, unknown>) : {} })
  } catch (error) {
    const refused = error instanceof Refused ? error : new Refused(500, 'INTERNAL', String(error))
    status = refused.status
    answer = { error: { code: refused.code, message: refused.message, hint: '', detail: {}, requestId: 'mock' } }
  }
  response.writeHead(answer === null ? 204 : status, { 'content-type': 'application/json' })
  response.end(answer === null ? undefined : JSON.stringify(answer))
}

function resolve(call: string): { handler: Handler; params: Record<string, string> } | undefined {
  const exact = routes[call]
  if (exact) return { handler: exact, params: {} }
  for (const [route, handler] of Object.entries(routes)) {
    if (!route.includes(':id')) continue
    const match = new RegExp(`^${route.replace(':id', '([^/]+)')}$`).exec(call)
    if (match?.[1]) return { handler, params: { id: decodeURIComponent(match[1]) } }
  }
  return undefined
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
