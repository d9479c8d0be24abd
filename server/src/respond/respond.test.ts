import { createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { eq, sql } from 'drizzle-orm'
import { SMTPServer } from 'smtp-server'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Change } from '../event/change.ts'
import type { IncidentNotice } from '../event/notice.ts'
import { createUtcOffset } from '../lib/utc-offset.ts'
import { units } from '../seams/store/schema/identity.ts'
import { deliveries, notificationChannels, outbox } from '../seams/store/schema/notifications.ts'
import { secrets } from '../seams/store/schema/settings.ts'
import type { Database } from '../seams/store/store.ts'
import type { LiveContext } from '../state/live.ts'
import { createChannel } from '../state/notifications/create.ts'
import { enqueueNotices } from '../state/notifications/enqueue.ts'
import { getChannel } from '../state/notifications/get.ts'
import { listChannels } from '../state/notifications/list.ts'
import { listDeliveries } from '../state/notifications/list-deliveries.ts'
import { removeChannel } from '../state/notifications/remove.ts'
import { retryDelivery } from '../state/notifications/retry-delivery.ts'
import { testChannel } from '../state/notifications/test.ts'
import { updateChannel } from '../state/notifications/update.ts'
import { type MasterKeys, openMasterKeys } from '../state/secrets/master-keys.ts'
import { useSecret } from '../state/secrets/use.ts'
import { openTestStore, person, type TestStore } from '../state/store-for-tests.ts'
import { renderNotice } from './actions/email/render.ts'
import { isOutward, resolveDestination } from './destination.ts'
import { backOffMs, createResponder, defaultRespondSettings, type ResponderOptions } from './respond.ts'

let store: TestStore
let keys: MasterKeys
let changes: Change[] = []
const closing: (() => Promise<void>)[] = []

beforeAll(async () => {
  store = await openTestStore()
  keys = openMasterKeys(store.dataDir, store.clock)
  const createdAt = new Date()
  await store.database
    .insert(units)
    .values([
      { id: 1, parentId: null, kind: 'province', name: 'Root', path: '/1/', createdAt },
      { id: 7, parentId: 1, kind: 'city', name: 'Seven', path: '/1/7/', createdAt },
      { id: 8, parentId: 1, kind: 'city', name: 'Eight', path: '/1/8/', createdAt },
    ])
    .onConflictDoNothing()
}, 60_000)
afterAll(() => store.close())
beforeEach(async () => {
  changes = []
  await store.database.execute(
    sql`TRUNCATE outbox, deliveries, notification_channels, secrets RESTART IDENTITY CASCADE`,
  )
})
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

const manager = (unitPath = '/1/'): LiveContext => ({
  ...store.as(person('security_manager', unitPath)),
  notify: (change) => changes.push(change),
})

function responder(part: Partial<ResponderOptions> = {}) {
  return createResponder({
    database: store.database,
    clock: store.clock,
    allowPrivateDestinations: true,
    timeZone: 'Asia/Shanghai',
    resolveSecret: (name) => useSecret(store.database, keys, name),
    notify: (change) => changes.push(change),
    logger: { error: () => undefined, warn: () => undefined } as unknown as ResponderOptions['logger'],
    ...part,
  })
}

interface Received {
  headers: IncomingMessage['headers']
  body: string
  url: string
}

/** A receiver that answers each request with the next of the given answers, the last one over and over. */
async function receiver(
  ...answers: ((response: ServerResponse) => void)[]
): Promise<{ url: string; received: Received[] }> {
  const received: Received[] = []
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      received.push({ headers: request.headers, body: Buffer.concat(chunks).toString(), url: request.url! })
      const answer = answers[Math.min(received.length, answers.length) - 1]!
      answer(response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook?a=1`, received }
}

const status =
  (code: number, headers: Record<string, string> = {}) =>
  (response: ServerResponse) =>
    response.writeHead(code, headers).end('said the receiver')

const notice = (part: Partial<IncidentNotice> = {}): IncidentNotice => ({
  occasion: 'opened',
  incidentId: 42,
  title: { zh: '暴力破解：203.0.113.7 → <b>portal</b>', en: 'Brute force: 203.0.113.7 → <b>portal</b>' },
  story: { zh: '故事 <script>alert(1)</script>', en: 'Story <script>alert(1)</script> & "more"' },
  severity: 'high',
  score: 66,
  unitPath: '/1/7/',
  firstSeenMs: Date.UTC(2026, 2, 1),
  lastSeenMs: Date.UTC(2026, 2, 1, 1),
  detectionCount: 2,
  matchCount: 31,
  techniques: ['T1110'],
  entities: [{ type: 'ip', value: '203.0.113.7', role: 'actor' }],
  rules: [{ id: 'rule-1', title: { zh: '暴力破解', en: 'Brute force' }, author: 'Somebody' }],
  ...part,
})

let causes = 0
async function enqueue(part: Partial<IncidentNotice> = {}, cause = `cause:${++causes}`): Promise<void> {
  await store.database.transaction((transaction) =>
    enqueueNotices(transaction, [{ cause, ...notice(part) }], store.clock.now()),
  )
}

const webhook = (url: string, part: object = {}) =>
  createChannel(manager(), keys, { kind: 'webhook', name: 'Duty', settings: { url }, ...part })
const rows = () => store.database.select().from(outbox).orderBy(outbox.id)
const attempts = () => store.database.select().from(deliveries).orderBy(deliveries.id)
const code = (expected: string) => expect.objectContaining({ code: expected })

describe('webhook', () => {
  test('is signed, names its cause, and is recorded', async () => {
    const { url, received } = await receiver(status(204))
    await webhook(url, { secret: 'sign-with-this', settings: { url, headers: { 'x-team': 'duty' } } })
    await enqueue()
    expect(await responder().runOnce()).toBe(1)
    const [request] = received
    const { headers, body } = request!
    expect(request!.url).toBe('/hook?a=1')
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'x-team': 'duty',
      'idempotency-key': expect.stringMatching(/^[0-9a-f]{32}$/),
    })
    const expected = createHmac('sha256', 'sign-with-this')
      .update(`${headers['x-watchfire-timestamp']}.${body}`)
      .digest('hex')
    expect(headers['x-watchfire-signature']).toBe(`sha256=${expected}`)
    expect(JSON.parse(body)).toMatchObject({
      id: headers['idempotency-key'],
      occasion: 'opened',
      text: notice().title.zh,
      incident: { incidentId: 42, score: 66, story: notice().story },
    })
    expect(await rows()).toMatchObject([
      { state: 'delivered', attempts: 1, lastError: null, deliveredAt: expect.any(Date) },
    ])
    expect(await attempts()).toMatchObject([{ ok: true, result: '204', attempt: 1 }])
    expect(await getChannel(manager(), { id: 1 })).toMatchObject({
      hasSecret: true,
      lastDeliveredAt: expect.any(Date),
      lastError: null,
    })
    expect(changes.at(-1)).toMatchObject({ noun: 'delivery', id: '1', action: 'delivered', unitPath: '/1/7/' })
    expect(await responder().runOnce()).toBe(0)
  })

  test('is tried again with the same key and body, later each time, until it is taken', async () => {
    const { url, received } = await receiver(status(500), status(429, { 'retry-after': '90' }), status(200))
    await webhook(url)
    await enqueue()
    const one = responder()
    await one.runOnce()
    expect(await one.runOnce()).toBe(0)
    store.clock.advance(8_000)
    await one.runOnce()
    store.clock.advance(80_000)
    expect(await one.runOnce()).toBe(0)
    store.clock.advance(11_000)
    expect(await one.runOnce()).toBe(1)
    expect(new Set(received.map(({ headers }) => headers['idempotency-key'])).size).toBe(1)
    expect(new Set(received.map(({ body }) => body)).size).toBe(1)
    expect((await attempts()).map(({ result, ok }) => [result, ok])).toEqual([
      ['500', false],
      ['429', false],
      ['200', true],
    ])
    expect(one.counters()).toEqual({ delivered: 1, postponed: 2, failed: 0 })
    const { items } = await listDeliveries(manager())
    expect(items).toMatchObject([
      {
        state: 'delivered',
        attemptCount: 3,
        channelName: 'Duty',
        attempts: [{ result: '500', error: 'The receiver answered 500: said the receiver' }, {}, {}],
      },
    ])
  })

  test('a refusal that lasts fails at once, is seen, and can be tried again by a person', async () => {
    const { url, received } = await receiver(status(404), status(200))
    await webhook(url)
    await enqueue()
    const one = responder()
    await one.runOnce()
    expect(await listDeliveries(manager(), { state: ['failed'] })).toMatchObject({
      total: 1,
      items: [{ state: 'failed', nextAttemptAt: null }],
    })
    expect(await getChannel(manager(), { id: 1 })).toMatchObject({
      lastError: expect.stringContaining('404'),
      lastFailedAt: expect.any(Date),
    })
    await retryDelivery(manager(), { id: 1 })
    await expect(retryDelivery(manager(), { id: 1 })).rejects.toEqual(code('CONFLICT'))
    await one.runOnce()
    expect(received).toHaveLength(2)
    expect(received[0]!.headers['idempotency-key']).toBe(received[1]!.headers['idempotency-key'])
    expect(await rows()).toMatchObject([{ state: 'delivered' }])
  })

  test('after the last attempt it has failed', async () => {
    const { url, received } = await receiver(status(503))
    await webhook(url)
    await enqueue()
    const one = responder({ settings: { ...defaultRespondSettings, attemptsMax: 3 } })
    for (let round = 0; round < 6; round++) {
      await one.runOnce()
      store.clock.advance(3_600_000)
    }
    expect(received).toHaveLength(3)
    expect(await rows()).toMatchObject([{ state: 'failed', attempts: 3 }])
  })

  test('redirects are not followed', async () => {
    const inside = await receiver(status(200))
    const { url } = await receiver(status(302, { location: inside.url }))
    await webhook(url)
    await enqueue()
    await responder().runOnce()
    expect(inside.received).toEqual([])
    expect(await attempts()).toMatchObject([{ ok: false, result: '302' }])
  })

  test('an answer without end, a silent receiver and nobody there are bounded', async () => {
    const endless = (response: ServerResponse) => {
      response.writeHead(200)
      const timer = setInterval(() => response.write('x'.repeat(8_192)), 1)
      response.on('close', () => clearInterval(timer))
    }
    const silent = () => undefined
    const closed = await receiver(status(200))
    await closing.pop()!()
    await webhook((await receiver(endless)).url)
    await webhook((await receiver(silent)).url)
    await webhook(closed.url)
    await enqueue()
    // Without its bounds this would never end.
    await responder({ settings: { ...defaultRespondSettings, attemptTimeoutMs: 400 } }).runOnce()
    expect((await attempts()).map(({ result }) => result).sort()).toEqual(['200', 'ECONNREFUSED', 'TIMEOUT'])
  })

  test('the program dies after the receiver took it and before it is recorded: it comes again under the same key', async () => {
    const { url, received } = await receiver(status(200))
    await webhook(url)
    await enqueue()
    // The lease is taken; then nothing more reaches the store.
    const dying = new Proxy(store.database, {
      get(target, name) {
        if (name === 'transaction') return () => Promise.reject(new Error('gone'))
        return Reflect.get(target, name)
      },
    }) as Database
    await responder({ database: dying }).runOnce()
    expect(received).toHaveLength(1)
    expect(await rows()).toMatchObject([{ state: 'pending', attempts: 1 }])
    const next = responder()
    expect(await next.runOnce()).toBe(0)
    store.clock.advance(defaultRespondSettings.leaseMs + 1)
    expect(await next.runOnce()).toBe(1)
    expect(received.map(({ headers }) => headers['idempotency-key'])).toEqual([
      received[0]!.headers['idempotency-key'],
      received[0]!.headers['idempotency-key'],
    ])
    expect(await rows()).toMatchObject([{ state: 'delivered', attempts: 2 }])
  })

  test('several runners share the work and send everything once; a slow channel holds up only itself', async () => {
    const quick = await receiver(status(200))
    const slow = await receiver((response) => setTimeout(() => status(200)(response), 300))
    await webhook(slow.url, { name: 'A slow one' })
    await webhook(quick.url)
    for (let index = 0; index < 30; index++) await enqueue()
    const runners = [responder(), responder(), responder()]
    for (const one of runners) one.start()
    const beganAt = performance.now()
    while (quick.received.length < 30 && performance.now() - beganAt < 15_000)
      await new Promise((resolve) => setTimeout(resolve, 20))
    expect(slow.received.length).toBeLessThan(30)
    while (slow.received.length < 30 && performance.now() - beganAt < 25_000)
      await new Promise((resolve) => setTimeout(resolve, 20))
    await new Promise((resolve) => setTimeout(resolve, 500))
    await Promise.all(runners.map((one) => one.stop()))
    for (const { received } of [quick, slow])
      expect(new Set(received.map(({ headers }) => headers['idempotency-key'])).size).toBe(30)
    for (const { received } of [quick, slow]) expect(received).toHaveLength(30)
    expect((await rows()).every(({ state }) => state === 'delivered')).toBe(true)
  }, 40_000)

  test('stopping ends what is under way; it is sent again after', async () => {
    const { url, received } = await receiver(() => undefined, status(200))
    await webhook(url)
    await enqueue()
    const one = responder()
    one.start()
    while (received.length === 0) await new Promise((resolve) => setTimeout(resolve, 10))
    await one.stop()
    expect(await rows()).toMatchObject([{ state: 'pending' }])
    store.clock.advance(defaultRespondSettings.leaseMs + 1)
    await responder().runOnce()
    expect(await rows()).toMatchObject([{ state: 'delivered' }])
  })
})

describe('destinations', () => {
  test.each([
    '127.0.0.1',
    '::1',
    '10.0.0.1',
    '172.16.0.1',
    '192.168.1.1',
    '169.254.169.254',
    '100.100.100.200',
    'fe80::1',
    'fd00:ec2::254',
    '0.0.0.0',
    '::',
    '::ffff:127.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '224.0.0.1',
    '255.255.255.255',
    '192.0.0.192',
    '168.63.129.16',
    'x',
  ])('%s does not lead outside', (address) => expect(isOutward(address)).toBe(false))
  test.each(['8.8.8.8', '114.114.114.114', '2400:3200::1', '172.32.0.1', '100.128.0.1'])('%s does', (address) =>
    expect(isOutward(address)).toBe(true),
  )

  test('one inward address among many refuses the name', async () => {
    const resolve = async () => ['8.8.8.8', '10.0.0.1']
    await expect(resolveDestination('mixed.example', { allowPrivate: false, resolve })).rejects.toEqual(
      code('DESTINATION_REFUSED'),
    )
    expect(await resolveDestination('mixed.example', { allowPrivate: true, resolve })).toEqual({
      address: '8.8.8.8',
      family: 4,
    })
    await expect(resolveDestination('[::1]', { allowPrivate: false })).rejects.toEqual(code('DESTINATION_REFUSED'))
    await expect(resolveDestination('none.example', { allowPrivate: true, resolve: async () => [] })).rejects.toEqual(
      code('DESTINATION_REFUSED'),
    )
  })

  test.each([
    'http://127.0.0.1:1/',
    'http://2130706433:1/',
    'http://0x7f.1:1/',
    'http://[::ffff:7f00:1]:1/',
    'http://localhost:1/',
  ])('%s is refused, at once and for good', async (url) => {
    await webhook(url)
    await enqueue()
    await responder({ allowPrivateDestinations: false }).runOnce()
    expect(await rows()).toMatchObject([{ state: 'failed', attempts: 1 }])
    expect(await attempts()).toMatchObject([{ ok: false, result: 'DESTINATION_REFUSED' }])
  })

  test('the connection goes to the address that was judged, whatever the name says later', async () => {
    const { url, received } = await receiver(status(200))
    const asked: string[] = []
    await webhook(url.replace('127.0.0.1', 'rebinding.example'))
    await enqueue()
    await responder({
      resolve: async (host) => {
        asked.push(host)
        return asked.length === 1 ? ['127.0.0.1'] : ['10.0.0.1']
      },
    }).runOnce()
    expect(asked).toEqual(['rebinding.example'])
    expect(received[0]!.headers.host).toMatch(/^rebinding\.example:/)
  })
})

describe('email', () => {
  interface Mail {
    to: string[]
    text: string
    user: string | undefined
  }

  async function mailServer(
    answer: (index: number) => number | undefined = () => undefined,
  ): Promise<{ port: number; mails: Mail[] }> {
    const mails: Mail[] = []
    let count = 0
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      onAuth: (auth, _, done) =>
        auth.password === 'mail-password' ? done(null, { user: auth.username }) : done(new Error('wrong')),
      onData(stream, session, done) {
        const chunks: Buffer[] = []
        stream.on('data', (chunk: Buffer) => chunks.push(chunk))
        stream.on('end', () => {
          const responseCode = answer(++count)
          if (responseCode !== undefined) return done(Object.assign(new Error('not now'), { responseCode }))
          mails.push({
            to: session.envelope.rcptTo.map(({ address }) => address),
            text: Buffer.concat(chunks).toString(),
            user: session.user as string | undefined,
          })
          done()
        })
      },
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closing.push(() => new Promise((resolve) => server.close(() => resolve())))
    return { port: (server.server.address() as AddressInfo).port, mails }
  }

  const channel = (port: number, part: object = {}) =>
    createChannel(manager(), keys, {
      kind: 'email',
      name: 'Mail',
      settings: {
        host: '127.0.0.1',
        port,
        security: 'none',
        from: 'watchfire@example.gov',
        to: ['duty@example.gov', 'chief@example.gov'],
      },
      ...part,
    })

  const header = (mail: Mail, name: string) => new RegExp(`^${name}: (.*(?:\r\n[ \t].*)*)`, 'mi').exec(mail.text)?.[1]

  test('goes to all recipients, signed in, in the language of the channel', async () => {
    const { port, mails } = await mailServer()
    const settings = {
      host: '127.0.0.1',
      port,
      security: 'none' as const,
      username: 'watchfire',
      from: 'watchfire@example.gov',
      to: ['duty@example.gov', 'chief@example.gov'],
    }
    await channel(port, { settings, secret: 'mail-password' })
    await channel(port, { language: 'en' })
    await enqueue()
    await responder().runOnce()
    const zh = mails.find(({ user }) => user === 'watchfire')!
    const en = mails.find(({ user }) => user !== 'watchfire')!
    expect(zh.to).toEqual(['duty@example.gov', 'chief@example.gov'])
    expect(header(zh, 'subject')).toMatch(/^=\?UTF-8\?/)
    expect(header(zh, 'message-id')).toBe(`<${header(zh, 'idempotency-key')}@watchfire>`)
    expect(en.text).toContain('Severity: High')
    expect(en.text).toContain('lang=3D"en"')
    expect(await attempts()).toMatchObject([
      { ok: true, result: '250' },
      { ok: true, result: '250' },
    ])
  })

  test('a server that is busy is tried again under the same message id; one that refuses is not', async () => {
    const { port, mails } = await mailServer((index) => (index === 1 ? 451 : index === 3 ? 554 : undefined))
    await channel(port)
    await enqueue()
    const one = responder()
    await one.runOnce()
    store.clock.advance(60_000)
    await one.runOnce()
    expect(mails).toHaveLength(1)
    await enqueue()
    await one.runOnce()
    expect((await attempts()).map(({ result }) => result)).toEqual(['451', '250', '554'])
    expect((await rows()).map(({ state }) => state)).toEqual(['delivered', 'failed'])
  })

  test('a wrong password and a private server are refused', async () => {
    const { port } = await mailServer()
    const settings = {
      host: '127.0.0.1',
      port,
      security: 'none' as const,
      username: 'watchfire',
      from: 'a@example.gov',
      to: ['b@example.gov'],
    }
    await channel(port, { settings, secret: 'wrong' })
    await enqueue()
    await responder().runOnce()
    expect(await attempts()).toMatchObject([{ ok: false, result: '535' }])
    await retryDelivery(manager(), { id: 1 })
    await responder({ allowPrivateDestinations: false }).runOnce()
    expect((await attempts()).at(-1)).toMatchObject({ ok: false, result: 'DESTINATION_REFUSED' })
  })

  const china = createUtcOffset('Asia/Shanghai')!

  test('everything from a log is escaped, and nothing breaks out of the subject', () => {
    const hostile = notice({
      title: { zh: 'a\r\nBcc: x@example.org', en: '<img src=x onerror=alert(1)>\u2028"\u0000' },
      entities: [{ type: 'user', value: `"'><script>`, role: 'actor' }],
    })
    for (const language of ['zh', 'en'] as const) {
      const { subject, html, text } = renderNotice(hostile, language, '<Duty>', china)
      expect(subject).not.toMatch(/[\p{Cc}\u2028]/u)
      expect(html).not.toMatch(/<script|<img|<Duty/)
      expect(html).not.toContain('\u0000')
      expect(text).not.toContain('\r')
    }
    expect(renderNotice(notice(), 'en', 'Duty', china)).toMatchObject({
      subject: '[Watchfire][High] New incident: Brute force: 203.0.113.7 → <b>portal</b>',
      text: expect.stringContaining(
        'Severity: High\nScore: 66\nIncident: #42\nFirst seen: 2026-03-01 08:00:00 (UTC+08:00)',
      ),
    })
    expect(renderNotice(notice(), 'en', 'Duty', createUtcOffset('Europe/Berlin')!).text).toContain(
      'First seen: 2026-03-01 01:00:00 (UTC+01:00)',
    )
    expect(renderNotice(notice(), 'zh', '值班', china).subject).toBe(
      '[烽燧][高] 新安全事件：暴力破解：203.0.113.7 → <b>portal</b>',
    )
  })
})

describe('channels', () => {
  const url = 'https://hooks.example.org/x'
  const enqueued = async () => (await rows()).map(({ channelId }) => channelId)

  test('units, severity and occasion choose the channel; one cause is sent once', async () => {
    await webhook(url)
    await webhook(url, { unitId: 7, minimumSeverity: 'critical' })
    await webhook(url, { unitId: 7 })
    await webhook(url, { unitId: 8 })
    await webhook(url, { unitIds: [8] })
    await webhook(url, { unitIds: [8, 7], occasions: ['closed', 'opened'] })
    await webhook(url, { occasions: ['closed'] })
    await webhook(url, { enabled: false })
    await enqueue({}, 'one')
    await enqueue({}, 'one')
    expect(await enqueued()).toEqual([1, 3, 6])
  })

  test('create, change, remove: the secret is sealed, never shown, and goes with the channel', async () => {
    const made = await webhook(url, { secret: 'first' })
    expect(JSON.stringify(made)).not.toContain('first')
    await updateChannel(manager(), keys, { id: made.id, name: 'Night duty', secret: 'second' })
    expect(await useSecret(store.database, keys, `notification:channel-${made.id}`)).toBe('second')
    const updated = await updateChannel(manager(), keys, { id: made.id, settings: { url: `${url}2` }, enabled: false })
    expect(updated).toMatchObject({ name: 'Night duty', settings: { url: `${url}2` }, enabled: false, hasSecret: true })
    await expect(updateChannel(manager(), keys, { id: made.id, settings: { host: 'mail' } })).rejects.toEqual(
      code('BAD_REQUEST'),
    )
    expect((await listChannels(manager(), { kind: 'webhook' })).total).toBe(1)
    await testChannel(manager(), { id: made.id })
    await removeChannel(manager(), { id: made.id })
    expect(await store.database.select().from(secrets)).toEqual([])
    expect(await rows()).toMatchObject([{ state: 'failed', lastError: 'The channel was removed' }])
    expect(await responder().runOnce()).toBe(0)
    const audit = await store.database.execute(sql`SELECT detail::text AS detail FROM audit_rows`)
    expect(JSON.stringify(audit.rows)).not.toMatch(/"first|"second/)
  })

  test('a test notice goes the way of all others', async () => {
    const { url: here, received } = await receiver(status(200))
    await webhook(here, { enabled: false, language: 'en' })
    const delivery = await testChannel(manager(), { id: 1 })
    await responder().runOnce()
    expect(JSON.parse(received[0]!.body)).toMatchObject({ occasion: 'test', text: 'Watchfire test notice' })
    expect(await listDeliveries(manager(), { id: delivery })).toMatchObject({
      items: [{ state: 'delivered', occasion: 'test' }],
    })
  })

  test.each([
    ['a scheme', { settings: { url: 'file:///etc/passwd' } }],
    ['a password in the URL', { settings: { url: 'https://a:b@example.org/' } }],
    ['a header that shows a secret', { settings: { url, headers: { Authorization: 'Bearer x' } } }],
    ['a header that breaks the line', { settings: { url, headers: { 'x-a': 'b\r\nc: d' } } }],
    ['a header of ours', { settings: { url, headers: { 'Idempotency-Key': '1' } } }],
    ['no occasion', { occasions: [] }],
    [
      'a recipient that ends the line',
      { kind: 'email', settings: { host: 'mail', port: 25, from: 'a@b', to: ['a@b\r\nRCPT TO:<c@d>'] } },
    ],
    ['a host with a path', { kind: 'email', settings: { host: 'mail/x', port: 25, from: 'a@b', to: ['a@b'] } }],
  ])('refuses %s', async (_, part) => {
    await expect(webhook(url, part)).rejects.toEqual(code('BAD_REQUEST'))
  })

  test('another unit neither sees, changes, tests nor removes it, nor retries its deliveries', async () => {
    const { id } = await webhook(url, { unitId: 8 })
    await enqueue({ unitPath: '/1/8/' })
    await store.database.update(outbox).set({ state: 'failed' })
    const other = manager('/1/7/')
    const refused = [
      () => getChannel(other, { id }),
      () => updateChannel(other, keys, { id, name: 'x' }),
      () => testChannel(other, { id }),
      () => removeChannel(other, { id }),
      () => retryDelivery(other, { id: 1 }),
      () => createChannel(other, keys, { kind: 'webhook', name: 'x', settings: { url }, unitId: 8 }),
      () => createChannel(other, keys, { kind: 'webhook', name: 'x', settings: { url }, unitIds: [8] }),
    ]
    for (const verb of refused) await expect(verb()).rejects.toEqual(code('NOT_FOUND'))
    expect((await listChannels(other)).total).toBe(0)
    expect((await listDeliveries(other)).total).toBe(0)
    expect(
      await store.database.select().from(notificationChannels).where(eq(notificationChannels.id, id)),
    ).toMatchObject([{ name: 'Duty', enabled: true }])
    const operator = { ...store.as(person('security_operator', '/1/8/')), notify: () => undefined }
    await expect(removeChannel(operator, { id })).rejects.toEqual(code('FORBIDDEN'))
  })
})

test('pauses double up to their bound, give or take a half', () => {
  const at = (attempt: number, byte: number) =>
    backOffMs(attempt, { random: (count) => Buffer.alloc(count, byte) }, defaultRespondSettings)
  expect([1, 2, 3, 20].map((attempt) => at(attempt, 0))).toEqual([2_500, 5_000, 10_000, 1_800_000])
  expect(at(1, 255)).toBe(7_500)
})
