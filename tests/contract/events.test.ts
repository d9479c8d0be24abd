import { fork } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ClickHouseClient, createClient } from '@clickhouse/client'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Event, Fields } from '../../server/src/event/event.ts'
import { freePort } from '../../server/src/seams/child/free-port.ts'
import type { ChildState } from '../../server/src/seams/child/supervise.ts'
import { systemClock } from '../../server/src/seams/clock/clock.ts'
import type { Login } from '../../server/src/seams/events/child-config.ts'
import { columnOf } from '../../server/src/seams/events/columns.ts'
import { type EventsChild, startEventsChild } from '../../server/src/seams/events/embedded.ts'
import { connectEvents, type Events, openEvents, visibleTo } from '../../server/src/seams/events/open.ts'

const logger = pino({ level: 'silent' })
const surroundings = { logger, clock: systemClock }
const hasEngine = isInstalled('@chdb/lib-linux-x64-gnu/package.json')
const root = mkdtempSync(join(tmpdir(), 'watchfire-events-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

function isInstalled(name: string): boolean {
  try {
    createRequire(new URL('../../server/src/main.ts', import.meta.url)).resolve(name)
    return true
  } catch {
    return false
  }
}

/** One side of the suite: the embedded child, or a cluster of two. */
interface Side {
  events: Events
  /** Opens the store a second time, as a later start of the program would. */
  reopen(): Promise<void>
  /** Logs in as the one who may change tables, on each node. */
  migrators: ClickHouseClient[]
  /** Process ids of the engines, as they are now. */
  pids(): number[]
  /** Table that lies on each node. */
  localTable: string
  close(): Promise<void>
}

async function openEmbedded(): Promise<Side> {
  const dataDir = join(root, 'embedded')
  const config = { events: 'embedded', dataDir, retentionDays: 190 }
  const open = async () => {
    const events = await openEvents(config, surroundings)
    const password = readFileSync(join(dataDir, 'events/migrator.password'), 'utf8').trim()
    const migrator = client(events.access.urls[0]!, { username: 'watchfire_migrator', password })
    return { events, migrators: [migrator] }
  }
  const side: Side = {
    ...(await open()),
    localTable: 'watchfire.events',
    pids: () => [Number(readFileSync(join(dataDir, 'events/child.pid'), 'utf8'))],
    async reopen() {
      await side.close()
      Object.assign(side, await open())
    },
    async close() {
      for (const migrator of side.migrators) await migrator.close()
      await side.events.close()
    },
  }
  return side
}

async function openCluster(): Promise<Side> {
  const ports = [await freePort(systemClock), await freePort(systemClock)]
  const nodes = ports.map((port) => ({ host: '127.0.0.1', port }))
  const children: EventsChild[] = []
  for (const [index, port] of ports.entries()) {
    const dataDir = join(root, `node${index}`)
    // The nodes of one cluster know the same users and passwords.
    if (index > 0) {
      mkdirSync(join(dataDir, 'events'), { recursive: true })
      for (const name of ['migrator', 'writer', 'reader']) {
        copyFileSync(join(root, `node0/events/${name}.password`), join(dataDir, `events/${name}.password`))
      }
    }
    const cluster = { name: 'duo', secret: 'a secret of the nodes', nodes, port }
    children.push(await startEventsChild({ dataDir, ...surroundings, cluster }))
  }
  const { logins } = children[0]!
  const withLogin = (url: string, login: Login) => url.replace('//', `//${login.username}:${login.password}@`)
  const config = {
    events: children.map((child) => withLogin(child.url, logins.migrator)).join(','),
    dataDir: root,
    retentionDays: 190,
    eventsCluster: 'duo',
    eventsWriter: `${logins.writer.username}:${logins.writer.password}`,
    eventsReader: `${logins.reader.username}:${logins.reader.password}`,
  }
  const side: Side = {
    events: await openEvents(config, surroundings),
    migrators: children.map((child) => client(child.url, logins.migrator)),
    localTable: 'watchfire.events_local',
    pids: () => children.map((child) => child.pid()!),
    async reopen() {
      await side.events.close()
      side.events = await openEvents(config, surroundings)
    },
    async close() {
      for (const migrator of side.migrators) await migrator.close()
      await side.events.close()
      for (const child of children) await child.stop()
    },
  }
  return side
}

function client(url: string, { username, password }: Login): ClickHouseClient {
  return createClient({ url, username, password })
}

let nextId = 0
const dayMs = 86_400_000

function event(fields: Fields, more: Partial<Event> = {}): Event {
  const id = `e${nextId++}`
  const message = typeof fields.message === 'string' ? fields.message : ''
  const now = Date.now()
  return {
    id,
    timeMs: now,
    receivedAtMs: now,
    raw: Buffer.from(`<13>${message}`),
    sourceKey: 'syslog:a',
    unitPath: '/1/',
    fields,
    ...more,
  }
}

async function rowsOf<Row>(events: Pick<Events, 'query'>, sql: string, unitPath = '/'): Promise<Row[]> {
  const answer = await events.query.query({
    query: sql,
    format: 'JSONEachRow',
    clickhouse_settings: visibleTo(unitPath),
  })
  return answer.json<Row>()
}

async function countOf(side: Side, where: string, unitPath = '/'): Promise<number> {
  const [row] = await rowsOf<{ n: string | number }>(
    side.events,
    `SELECT count() AS n FROM watchfire.events WHERE ${where}`,
    unitPath,
  )
  return Number(row!.n)
}

async function until(condition: () => boolean | Promise<boolean>, limitMs = 60_000): Promise<void> {
  const deadline = Date.now() + limitMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('the condition was not met in time')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

const sides: [string, () => Promise<Side>][] = [
  ['on the embedded child', openEmbedded],
  ['on a cluster of two nodes', openCluster],
]

describe.skipIf(!hasEngine).each(sides)('the event store %s', (_name, open) => {
  let side: Side
  beforeAll(async () => {
    side = await open()
  })
  afterAll(() => side?.close())

  it('gives back every kind of value as it was', async () => {
    const fields: Fields = {
      message: 'Größe 大小 "quoted"\n\t\\ line',
      'source.ip': '192.0.2.7',
      'destination.ip': '2001:db8::8:800:200c:417a',
      'related.ip': ['192.0.2.7', '2001:db8::1'],
      'event.category': ['network', 'web'],
      'related.user': ['root', '', '王'],
      'event.action': 'x'.repeat(300),
      'source.bytes': Number.MAX_SAFE_INTEGER,
      'destination.bytes': -Number.MAX_SAFE_INTEGER,
      'event.severity': -1,
      'source.port': 0,
      'process.command_line': 'y'.repeat(20_000),
      // Those that their columns cannot hold as they are.
      'user.name': '',
      'host.name': null,
      'http.response.status_code': 'none',
      'host.ip': [],
      'network.bytes': 1.5,
      'network.packets': 2 ** 60,
      'related.hosts': ['a', 1],
      // Not core.
      'labels.deep': [1, [true, null], 'x'],
      'kv.number': 1e-7,
      'kv.text': '值',
    }
    const raw = Buffer.concat([Buffer.from('<13>host: Größe 大小 "quoted"\n\t\\ line'), Buffer.from([0, 255, 254, 10])])
    const stored = event(fields, { raw, timeMs: -1, sourceKey: 'http:源', unitPath: '/1/77/' })
    const bare = event({}, { raw: Buffer.alloc(0), timeMs: Date.UTC(2200, 0, 1) + 1, receivedAtMs: Date.now() })
    await side.events.insertBlock([stored, bare], 'kinds')
    const [row] = await rowsOf<Record<string, unknown>>(
      side.events,
      `SELECT *, hex(event_original) AS original, toUnixTimestamp64Milli(timestamp) AS time_ms FROM watchfire.events WHERE event_id = '${stored.id}'`,
    )
    expect(row).toMatchObject({
      time_ms: -1,
      source_key: 'http:源',
      unit_path: '/1/77/',
      original: raw.toString('hex').toUpperCase(),
      message: fields.message,
      source_ip: '::ffff:192.0.2.7',
      destination_ip: '2001:db8::8:800:200c:417a',
      related_ip: ['::ffff:192.0.2.7', '2001:db8::1'],
      event_category: ['network', 'web'],
      related_user: ['root', '', '王'],
      event_action: 'x'.repeat(300),
      event_severity: -1,
      source_port: 0,
      process_command_line: 'y'.repeat(20_000),
      user_name: '',
      host_name: '',
      http_response_status_code: null,
      host_ip: [],
      network_bytes: null,
    })
    expect(String(row!.source_bytes)).toBe('9007199254740991')
    expect(String(row!.destination_bytes)).toBe('-9007199254740991')
    expect(row!.extra).toEqual({
      'user.name': '""',
      'host.name': 'null',
      'http.response.status_code': '"none"',
      'host.ip': '[]',
      'network.bytes': '1.5',
      'network.packets': JSON.stringify(2 ** 60),
      'related.hosts': '["a",1]',
      'labels.deep': '[1,[true,null],"x"]',
      'kv.number': '1e-7',
      'kv.text': '"值"',
    })
    const [empty] = await rowsOf<Record<string, unknown>>(
      side.events,
      `SELECT event_original, extra, message, toUnixTimestamp64Milli(timestamp) AS time_ms FROM watchfire.events WHERE event_id = '${bare.id}'`,
    )
    expect(empty).toMatchObject({ event_original: '', extra: {}, message: '' })
    expect(Number(empty!.time_ms)).toBe(bare.timeMs)
    expect(columnOf('event.original')).toBe('event_original')
    expect(columnOf('kv.text')).toBeUndefined()
  })

  it('stores a block once that is sent twice, over several days of receipt too, and blocks of other names each', async () => {
    const days = [0, 1, 2].flatMap((day) =>
      Array.from({ length: 300 }, () => event({ 'event.action': 'twice' }, { receivedAtMs: Date.now() - day * dayMs })),
    )
    await side.events.insertBlock(days, '0:100-999')
    await side.events.insertBlock(days, '0:100-999')
    expect(await countOf(side, "event_action = 'twice'")).toBe(900)
    const other = [event({ 'event.action': 'other' })]
    await side.events.insertBlock(other, '0:1000-1000')
    await side.events.insertBlock(other, '0:1000-1001')
    expect(await countOf(side, "event_action = 'other'")).toBe(2)
  })

  it('takes blocks of many shapes one after the other', async () => {
    for (const size of [1, 255, 256, 257, 4097, 9000]) {
      const block = Array.from({ length: size }, (_, index) =>
        event(
          {
            'event.action': `shape-${size}`,
            'event.provider': `p${index % 300}`,
            ...(index % 3 === 0 ? { 'source.ip': `10.0.${index >> 8}.${index & 255}`, 'source.port': index } : {}),
            ...(index % 7 === 0 ? { [`kv.k${index % 50}`]: 'v'.repeat(index % 200) } : {}),
          },
          { timeMs: Date.now() - ((index * 7919) % 1000) },
        ),
      )
      await side.events.insertBlock(block, `shape-${size}`)
      const where = `event_action = 'shape-${size}'`
      expect(await countOf(side, where)).toBe(size)
      expect(await countOf(side, `${where} AND event_provider = 'p0'`)).toBe(Math.ceil(size / 300))
      expect(await countOf(side, `${where} AND source_port >= 0`)).toBe(Math.ceil(size / 3))
      expect(await countOf(side, `${where} AND source_ip != '::'`)).toBe(Math.ceil(size / 3))
      expect(await countOf(side, `${where} AND notEmpty(extra)`)).toBe(Math.ceil(size / 7))
    }
  })

  it('shows the reader only the units asked for, and none when nobody is named', async () => {
    const units = ['/1/', '/1/2/', '/1/23/', '/1/4/']
    await side.events.insertBlock(
      units.map((unitPath) => event({ 'event.action': 'scoped', message: 'a needle of a unit' }, { unitPath })),
      'scoped',
    )
    const where = "event_action = 'scoped'"
    const needles = (unitPath: string) => countOf(side, `${where} AND message LIKE '%needle%'`, unitPath)
    // The narrow units first: what they do not see must not be remembered as absent for the others.
    expect(await needles('/1/9/')).toBe(0)
    expect(await needles('/1/4/')).toBe(1)
    expect(await needles('/1/2/')).toBe(1)
    expect(await needles('/1/')).toBe(4)
    expect(await needles('/')).toBe(4)
    // A unit that was moved sees what was stored under its former path.
    expect(await needles('/1/4/2/')).toBe(1)
    for (const wrong of ['', '1', '/1', '/1/2', '//', '/1//', '/x/', '/1/2/%', "/1/' OR 1 = 1 --/"]) {
      expect(await countOf(side, where, wrong), wrong).toBe(0)
    }
    for (const raw of [undefined, '', '/', '%', '/.*/', '/1/2']) {
      const answer = await side.events.query.query({
        query: `SELECT count() AS n FROM watchfire.events WHERE ${where}`,
        format: 'JSONEachRow',
        clickhouse_settings: raw === undefined ? {} : { log_comment: raw },
      })
      expect(Number((await answer.json<{ n: string }>())[0]!.n), String(raw)).toBe(0)
    }
    expect(await countOf(side, `unit_path IN (SELECT unit_path FROM ${side.localTable} WHERE ${where})`, '/1/4/')).toBe(
      1,
    )
  })

  it('lets the reader do nothing but read', async () => {
    for (const sql of [
      "INSERT INTO watchfire.events (event_id) VALUES ('x')",
      'ALTER TABLE watchfire.events DROP COLUMN message',
      'DROP TABLE watchfire.events',
      "SELECT * FROM file('/etc/passwd', 'LineAsString')",
      "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
      'SELECT * FROM system.users',
      "KILL QUERY WHERE query LIKE '%numbers%'",
    ]) {
      await expect(side.events.query.command({ query: sql, clickhouse_settings: visibleTo('/') }), sql).rejects.toThrow(
        /privileges|readonly/i,
      )
    }
    const writer = connectEvents({ ...side.events.access, reader: side.events.access.writer })
    await expect(rowsOf(writer, 'SELECT event_id FROM watchfire.events')).rejects.toThrow(/privileges/)
    await writer.close()
  })

  it('answers nobody without a password', async () => {
    for (const url of side.events.access.urls) {
      for (const sql of [
        'SELECT count() FROM watchfire.events',
        'SYSTEM STOP LISTEN HTTP',
        'SELECT * FROM system.numbers LIMIT 1',
      ]) {
        const answer = await fetch(url, { method: 'POST', body: sql })
        expect(answer.ok, sql).toBe(false)
      }
      const wrong = await fetch(url, {
        method: 'POST',
        body: 'SELECT 1',
        headers: { 'X-ClickHouse-User': 'watchfire_reader' },
      })
      expect(wrong.status).toBe(403)
    }
  })

  it('finds words, addresses and Chinese text through the index, and in what was stored before there was one', async () => {
    const textRows = () => [
      event({ message: '用户admin登录失败，来源10.9.8.7' }),
      event({ message: 'Accepted PASSWORD for zhangsan from 10.9.8.7, ran mimikatz.exe' }),
      event({ 'user.name': 'wangwu', 'labels.note': '备注 lisi_7' }),
    ]
    const noise = Array.from({ length: 20_000 }, (_, index) =>
      event({ message: `Connection number ${index} closed by peer` }),
    )
    const condition = (words: string[]) =>
      `hasAllTokens(search_words, [${words.map((word) => `'${word}'`).join(', ')}])`
    const found = (...words: string[]) => countOf(side, condition(words))
    const expectCounts = async (each: number) => {
      expect(await found('登', '录', '失', '败')).toBe(each)
      expect(await found('admin')).toBe(each)
      expect(await found('10.9.8.7')).toBe(2 * each)
      expect(await found('10', '9', '8', '7')).toBe(2 * each)
      expect(await found('password')).toBe(each)
      expect(await found('mimikatz')).toBe(each)
      expect(await found('mimi')).toBe(0)
      expect(await found('wangwu')).toBe(each)
      expect(await found('备', 'lisi', '7')).toBe(each)
    }
    await side.events.insertBlock([...noise, ...textRows()], 'text')
    await expectCounts(1)
    const plan = await rowsOf<{ explain: string }>(
      side.events,
      `EXPLAIN indexes = 1 SELECT count() FROM ${side.localTable} WHERE ${condition(['zhangsan'])}`,
    )
    expect(plan.map((line) => line.explain).join('\n')).toContain('event_text')
    // A table of an older version: another index under another name.
    for (const migrator of side.migrators) {
      const older = "INDEX message_text lower(message) TYPE text(tokenizer = 'asciiCJK')"
      const change = `ALTER TABLE ${side.localTable} DROP INDEX event_text, ADD ${older}`
      await migrator.command({ query: change, clickhouse_settings: { mutations_sync: '2' } })
    }
    await side.events.insertBlock(textRows(), 'text of before')
    await side.reopen()
    await expectCounts(2)
    await side.events.insertBlock(textRows(), 'text of after')
    await expectCounts(3)
  })

  it('adds the columns of core fields that are new, and refuses a column of another type', async () => {
    const before = event({ 'event.action': 'before the column', 'url.query': 'lost=1' })
    await side.events.insertBlock([before], 'before')
    for (const migrator of side.migrators) {
      if (side.localTable !== 'watchfire.events')
        await migrator.command({ query: 'ALTER TABLE watchfire.events DROP COLUMN url_query' })
      await migrator.command({ query: `ALTER TABLE ${side.localTable} DROP COLUMN url_query` })
    }
    await side.reopen()
    await side.events.insertBlock([event({ 'event.action': 'after the column', 'url.query': 'kept=1' })], 'after')
    expect(
      await rowsOf(
        side.events,
        "SELECT event_action, url_query FROM watchfire.events WHERE event_action LIKE '%the column' ORDER BY 1",
      ),
    ).toEqual([
      { event_action: 'after the column', url_query: 'kept=1' },
      { event_action: 'before the column', url_query: '' },
    ])
    const change = (type: string) =>
      Promise.all(
        side.migrators.map((one) =>
          one.command({ query: `ALTER TABLE ${side.localTable} MODIFY COLUMN url_query ${type}` }),
        ),
      )
    await change('LowCardinality(String)')
    await expect(side.reopen()).rejects.toMatchObject({ code: 'DATA_OF_ANOTHER_VERSION' })
    // The embedded child ended with the failed start; the next start gives the way back.
    if (side.localTable === 'watchfire.events') {
      const child = await startEventsChild({ dataDir: join(root, 'embedded'), ...surroundings })
      side.migrators = [client(child.url, child.logins.migrator)]
      await change('String')
      await side.migrators[0]!.close()
      await child.stop()
      side.migrators = []
      side.events = { ...side.events, close: async () => undefined }
    } else {
      await change('String')
      side.events = { ...side.events, close: async () => undefined }
    }
    await side.reopen()
  })

  it('drops what has outlived its retention', async () => {
    const short = connectEvents(side.events.access, (one) => (one.fields['event.action'] === 'short-lived' ? 1 : 190))
    await short.insertBlock(
      ['short-lived', 'long-lived'].map((action) =>
        event({ 'event.action': action }, { receivedAtMs: Date.now() - 5 * dayMs }),
      ),
      'retention',
    )
    await short.close()
    for (const migrator of side.migrators) await migrator.command({ query: `OPTIMIZE TABLE ${side.localTable} FINAL` })
    await until(async () => (await countOf(side, "event_action = 'short-lived'")) === 0)
    expect(await countOf(side, "event_action = 'long-lived'")).toBe(1)
  })

  it('loses nothing and stores nothing twice when its processes are killed during inserts, and says so', async () => {
    const states: ChildState[] = []
    const stop = side.events.onState((state) => states.push(state))
    const blocks = Array.from({ length: 24 }, (_, block) =>
      Array.from({ length: 2_000 }, (_, index) =>
        event({ 'event.action': 'killed', 'event.code': String(block), message: `m ${block} ${index}` }),
      ),
    )
    let inserting = true
    let kills = 0
    const killing = (async () => {
      while (inserting && kills < 5) {
        await new Promise((resolve) => setTimeout(resolve, 150 + Math.random() * 250))
        const pids = side.pids().filter(isAlive)
        const pid = pids[kills % Math.max(1, pids.length)]
        if (pid === undefined || !inserting) continue
        process.kill(pid, 'SIGKILL')
        kills++
        await until(() => side.pids().every((one) => one !== pid && isAlive(one)))
      }
    })()
    let refusals = 0
    for (const [index, block] of blocks.entries()) {
      for (;;) {
        try {
          await side.events.insertBlock(block, `kill:${index}`)
          break
        } catch (error) {
          expect(error).toMatchObject({ code: 'EVENTS_UNAVAILABLE', retry: true })
          refusals++
          await new Promise((resolve) => setTimeout(resolve, 50))
        }
      }
      if (index < 4 || kills < 3) await new Promise((resolve) => setTimeout(resolve, 100))
    }
    inserting = false
    await killing
    stop()
    expect(kills).toBeGreaterThanOrEqual(2)
    expect(refusals).toBeGreaterThan(0)
    const sql = "SELECT count() AS rows, uniqExact(event_id) AS ids FROM watchfire.events WHERE event_action = 'killed'"
    let counts: unknown[] = []
    await until(async () => {
      counts = await rowsOf(side.events, sql).catch(() => [])
      return counts.length === 1
    })
    expect(counts).toEqual([{ rows: 48_000, ids: 48_000 }])
    if (side.localTable === 'watchfire.events') {
      expect(states).toContain('down')
      expect(states.at(-1)).toBe('ready')
    }
  }, 300_000)
})

describe.skipIf(!hasEngine)('the embedded event store', () => {
  it('refuses a second program on the same data', async () => {
    const dataDir = join(root, 'busy')
    const events = await openEvents({ events: 'embedded', dataDir, retentionDays: 190 }, surroundings)
    await expect(openEvents({ events: 'embedded', dataDir, retentionDays: 190 }, surroundings)).rejects.toMatchObject({
      code: 'DATA_DIR_BUSY',
    })
    await events.close()
  })

  it('keeps passwords in files that only their owner reads', async () => {
    const files = ['migrator.password', 'writer.password', 'reader.password', 'users.xml', 'config.xml']
    for (const name of files) expect(statSync(join(root, 'busy/events', name)).mode & 0o777, name).toBe(0o600)
    const users = readFileSync(join(root, 'busy/events/users.xml'), 'utf8')
    for (const name of files.slice(0, 3)) {
      expect(users).not.toContain(readFileSync(join(root, 'busy/events', name), 'utf8').trim())
    }
  })

  it('ends with a program that is killed, and the next start finds what was acknowledged', async () => {
    const dataDir = join(root, 'orphan')
    const script = join(root, 'program.mjs')
    const path = (name: string) => JSON.stringify(new URL(`../../server/src/seams/${name}`, import.meta.url).pathname)
    writeFileSync(
      script,
      `const { openEvents } = await import(${path('events/open.ts')})
       const { systemClock } = await import(${path('clock/clock.ts')})
       const logger = { info() {}, warn() {}, error() {}, debug() {} }
       const events = await openEvents({ events: 'embedded', dataDir: ${JSON.stringify(dataDir)}, retentionDays: 190 }, { logger, clock: systemClock })
       const now = Date.now()
       const event = { id: 'kept', timeMs: now, receivedAtMs: now, raw: Buffer.from('x'), sourceKey: 's', unitPath: '/1/', fields: {} }
       await events.insertBlock([event], 'kept')
       process.send('stored')`,
    )
    const loader = new URL('../../node_modules/tsx/dist/esm/index.mjs', import.meta.url).href
    const program = fork(script, { execArgv: ['--import', loader] })
    await once(program, 'message')
    const pid = Number(readFileSync(join(dataDir, 'events/child.pid'), 'utf8'))
    expect(isAlive(pid)).toBe(true)
    program.kill('SIGKILL')
    await until(() => !isAlive(pid), 5_000)
    const events = await openEvents({ events: 'embedded', dataDir, retentionDays: 190 }, surroundings)
    expect(await rowsOf(events, 'SELECT event_id FROM watchfire.events')).toEqual([{ event_id: 'kept' }])
    await events.close()
    expect(existsSync(join(dataDir, 'events/lock'))).toBe(false)
  }, 30_000)

  it('refuses an external server that does not answer, and settings that say too little', async () => {
    const dataDir = join(root, 'external')
    const config = { dataDir, retentionDays: 190, eventsReader: 'r:p', eventsWriter: 'w:p' }
    const port = await freePort(systemClock)
    await expect(openEvents({ ...config, events: `http://u:p@127.0.0.1:${port}` }, surroundings)).rejects.toMatchObject(
      {
        code: 'EVENTS_UNAVAILABLE',
      },
    )
    await expect(openEvents({ ...config, events: 'http://127.0.0.1:1' }, surroundings)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    })
    await expect(openEvents({ ...config, events: 'clickhouse' }, surroundings)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    })
    await expect(
      openEvents({ ...config, eventsReader: undefined, events: `http://u:p@127.0.0.1:${port}` }, surroundings),
    ).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })
})
