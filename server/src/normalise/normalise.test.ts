import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { shippedContentDir } from '../config/content-dir.ts'
import type { Event } from '../event/event.ts'
import { sourceKey, type Transport } from '../event/raw-record.ts'
import { eventId } from './event-id.ts'
import { loadParsers } from './load.ts'
import { createNormaliser, type SourcePin } from './normalise.ts'
import { normaliseOffline } from './offline.ts'

const { parsers } = loadParsers([shippedContentDir()])
const receivedAtMs = Date.UTC(2026, 2, 2, 4)

interface Options {
  transport?: Transport
  receivedAtMs?: number
  pins?: Map<string, SourcePin>
  zone?: string
}

function run(bodies: (string | Uint8Array)[], options: Options = {}) {
  const normaliser = createNormaliser(parsers, { zone: options.zone ?? 'Asia/Shanghai' })
  return normaliser.normalise(
    bodies.map((body, offset) => ({
      partition: 3,
      offset: offset + 100,
      record: {
        receivedAtMs: options.receivedAtMs ?? receivedAtMs,
        transport: options.transport ?? 'syslog-udp',
        sender: '192.0.2.10',
        source: '',
        body: typeof body === 'string' ? Buffer.from(body) : body,
      },
    })),
    options.pins,
  )
}

const one = (body: string | Uint8Array, options?: Options): Event => {
  const { events } = run([body], options)
  expect(events).toHaveLength(1)
  return events[0]!
}

describe('normaliser', () => {
  it('gives ids that are the same at every replay and sort as the bus does', () => {
    const lines = ['<13>Mar  2 09:00:00 h a: 1', '<13>Mar  2 09:00:00 h a: 2']
    expect(run(lines).events.map(({ id }) => id)).toEqual(run(lines).events.map(({ id }) => id))
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (left, right) => {
        expect(eventId(0, left) < eventId(0, right)).toBe(left < right)
      }),
    )
  })

  it('stores what no parser understands, with the reason and the bytes', () => {
    for (const body of [
      'complete nonsense',
      '{"cut": [1, 2',
      '',
      '\u0000\u0001\u0002',
      '<999>x',
      '{"a":1}}',
      '[]',
      '""',
    ]) {
      const event = one(body)
      expect(event.fields).toMatchObject({ 'event.dataset': 'unparsed', 'event.kind': 'pipeline_error' })
      expect(event.fields['error.message']).not.toBe('')
      expect(event.fields.tags).toContain('unparsed')
      expect(Buffer.from(event.raw).toString()).toBe(body)
    }
  })

  it('takes a URL inside a query for a query, and undoes the escapes of web servers', () => {
    const line = (request: string) =>
      `203.0.113.45 - - [28/Nov/2026:16:31:35 +0000] "${request}" 200 12 "-" "a \\x22b\\x22"`
    expect(one(line('GET /p?u=https://127.0.0.1/ HTTP/1.1')).fields).toMatchObject({
      'url.path': '/p',
      'url.query': 'u=https://127.0.0.1/',
      'user_agent.original': 'a "b"',
    })
    expect(one(line('GET http://portal.example.cn/a?b=1 HTTP/1.1')).fields).toMatchObject({
      'url.domain': 'portal.example.cn',
      'url.path': '/a',
    })
    // nginx 1.22 writes a quote so, and Chinese as the bytes of UTF-8.
    expect(one(line('GET /a?j={\\x22@type\\x22:\\xE4\\xB8\\xAD} HTTP/1.1')).fields).toMatchObject({
      'url.query': 'j={"@type":中}',
    })
  })

  it('never throws and never loses a record, whatever the bytes', () => {
    const line = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.string({ maxLength: 200 }).map((text) => Buffer.from(text)),
      fc.json({ maxDepth: 6 }).map((text) => Buffer.from(text)),
      fc
        .tuple(
          fc.constantFrom(
            '<13>',
            'CEF:0|',
            'LEEF:2.0|',
            '#fields\t',
            'type=EXECVE msg=audit(1.000:1): ',
            '{"Event":{"System":{"EventID":',
            '<34>1 - - - - - [',
            'a=b c=',
            '[Mon Mar 02 ',
          ),
          fc.string({ maxLength: 80 }),
        )
        .map(([start, rest]) => Buffer.from(start + rest)),
    )
    fc.assert(
      fc.property(fc.array(line, { minLength: 1, maxLength: 8 }), (bodies) => {
        const { events, sources } = run(bodies)
        const joined = events.reduce(
          (sum, event) => sum + (event.fields['event.dataset'] === 'linux.auditd' ? 8 : 1),
          0,
        )
        expect(joined).toBeGreaterThanOrEqual(bodies.length)
        expect(sources[0]).toMatchObject({ records: bodies.length })
        expect(sources[0]!.parsed + sources[0]!.failed).toBe(bodies.length)
        for (const event of events) expect(Number.isFinite(event.timeMs)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  it('decodes GB18030 and Latin-1 when bytes are not UTF-8, and says so', () => {
    const gb = Buffer.from('<13>Mar  2 09:00:00 host app: \xb5\xc7\xc2\xbc\xca\xa7\xb0\xdc', 'latin1')
    expect(one(gb).fields).toMatchObject({ message: '登录失败', tags: ['decoded_gb18030'] })
    const latin = Buffer.from('<13>Mar  2 09:00:00 host app: caf\xe9', 'latin1')
    expect(one(latin).fields).toMatchObject({ message: 'café', tags: ['decoded_latin1'] })
    expect(one(latin).raw).toEqual(latin)
    expect(one('<13>Mar  2 09:00:00 host app: a \ufffd b').fields.tags).toBeUndefined()
  })

  it('cuts gigantic records for parsing and keeps their bytes', () => {
    const body = Buffer.from(`<13>Mar  2 09:00:00 host app: ${'云'.repeat(700_000)}`)
    const event = one(body)
    expect(event.raw.length).toBe(body.length)
    expect(event.fields.tags).toContain('parse_truncated')
    expect(String(event.fields.message)).toMatch(/^云+$/)
    expect(Buffer.byteLength(String(event.fields.message))).toBeLessThanOrEqual(1 << 20)
  })

  it('bounds deep and wide JSON', () => {
    let deep = '1'
    for (let depth = 0; depth < 200; depth++) deep = `{"a":${deep}}`
    expect(one(deep).fields.tags).toContain('fields_truncated')
    const wide = JSON.stringify(Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`k${index}`, index])))
    const event = one(wide)
    expect(event.fields.tags).toContain('fields_truncated')
    expect(Object.keys(event.fields).length).toBeLessThan(2_100)
    expect(() => one('['.repeat(100_000))).not.toThrow()
    expect(() => one('{"a":'.repeat(50_000))).not.toThrow()
  })

  it('is not slowed by text made to make patterns backtrack', () => {
    const hostile = [
      `<86>Mar  2 09:00:00 h sshd[1]: Failed password for ${'invalid user '.repeat(5_000)}`,
      `<86>Mar  2 09:00:00 h sudo: ${' ; '.repeat(20_000)}`,
      `${'a=b '.repeat(50_000)}`,
      `${'x'.repeat(100_000)}=`,
      `1.2.3.4 - - [02/Mar/2026:09:30:00 +0800] "${'\\"'.repeat(30_000)}`,
      `CEF:0|${'\\|'.repeat(50_000)}`,
      `${'k:v, '.repeat(30_000)}`,
      `CEF:0|a|b|c|d|e|1|${'=a '.repeat(30_000)}`,
    ]
    for (const body of hostile) {
      // Processor time of this program alone: a busy machine adds nothing to it, backtracking adds minutes.
      const before = process.cpuUsage()
      run([body])
      expect(process.cpuUsage(before).user, body.slice(0, 40)).toBeLessThan(8_000_000)
    }
  })

  it('infers the year of a date without one from the receipt', () => {
    const at = (line: string, received: number) => new Date(one(line, { receivedAtMs: received }).timeMs).toISOString()
    expect(at('<13>Dec 31 23:59:59 h a: x', Date.UTC(2026, 0, 1, 0, 0, 5))).toBe('2025-12-31T15:59:59.000Z')
    expect(at('<13>Jan  1 00:00:01 h a: x', Date.UTC(2025, 11, 31, 15, 59, 58))).toBe('2025-12-31T16:00:01.000Z')
    expect(at('<13>Feb 29 12:00:00 h a: x', Date.UTC(2026, 2, 2))).toBe('2024-02-29T04:00:00.000Z')
  })

  it('reads times in the zone of the source, else of the server', () => {
    const line = '<13>Mar  2 09:00:00 h a: x'
    expect(one(line).timeMs).toBe(Date.UTC(2026, 2, 2, 1))
    const pins = new Map([['syslog:192.0.2.10', { zone: 'Europe/Berlin' }]])
    expect(one(line, { pins, receivedAtMs: Date.UTC(2026, 2, 2, 9) }).timeMs).toBe(Date.UTC(2026, 2, 2, 8))
    const summer = '<13>Jul  2 09:00:00 h a: x'
    expect(one(summer, { pins, receivedAtMs: Date.UTC(2026, 6, 2, 9) }).timeMs).toBe(Date.UTC(2026, 6, 2, 7))
  })

  it('does not believe times far ahead of the receipt or before there were logs', () => {
    for (const [time, tag] of [
      ['2031-01-01T00:00:00Z', 'time_in_future'],
      ['1970-01-01T00:00:01Z', 'time_implausible'],
    ] as const) {
      const event = one(`<13>1 ${time} h a - - - x`)
      expect(event.timeMs).toBe(receivedAtMs)
      expect(event.fields.tags).toEqual([tag])
      expect(event.fields['labels.claimed_time']).toBe(new Date(time).toISOString())
    }
  })

  it('makes one event of each element of an array and of each line of NDJSON', () => {
    const array = run(['[{"msg":"a"},{"msg":"b"}]'], { transport: 'http' })
    expect(array.events.map(({ id, fields }) => [id, fields.message])).toEqual([
      [eventId(3, 100), 'a'],
      [`${eventId(3, 100)}-11`, 'b'],
    ])
    expect(array.offsets).toEqual([100, 100])
    expect(run(['{"msg":"a"}\n{"msg":"b"}\n']).events).toHaveLength(2)
    expect(array.sources[0]).toMatchObject({ records: 1, parsed: 1 })
  })

  it('joins audit records of one serial that arrive together, and only those', () => {
    const { events, sources } = run([
      'type=SYSCALL msg=audit(1772416560.101:1): syscall=59 success=yes pid=5 exe="/bin/a"',
      'type=SYSCALL msg=audit(1772416560.102:2): syscall=59 success=yes pid=6 exe="/bin/b"',
      'type=EXECVE msg=audit(1772416560.101:1): argc=2 a0="a" a1="x y"',
    ])
    expect(events).toHaveLength(2)
    expect(events[0]!.fields).toMatchObject({
      'process.command_line': "a 'x y'",
      'auditd.data.type': ['SYSCALL', 'EXECVE'],
    })
    expect(Buffer.from(events[0]!.raw).toString().split('\n')).toHaveLength(2)
    expect(sources[0]).toMatchObject({ records: 3, parsed: 3 })
  })

  describe('audit records of one serial in several batches', () => {
    const lines = [
      'type=SYSCALL msg=audit(1772416560.101:1): arch=c000003e syscall=59 success=yes pid=5 comm="cat" exe="/bin/cat"',
      'type=EXECVE msg=audit(1772416560.101:1): argc=2 a0="cat" a1="/etc/shadow"',
      'type=CWD msg=audit(1772416560.101:1): cwd="/root"',
    ]
    const place = (bodies: string[], offset: number, sender = '192.0.2.10') =>
      bodies.map((body, index) => ({
        partition: 1,
        offset: offset + index,
        record: { receivedAtMs, transport: 'syslog-tcp' as const, sender, source: '', body: Buffer.from(body) },
      }))

    it('are one event each, the later with the fields of the earlier', () => {
      const normaliser = createNormaliser(parsers, { zone: 'UTC' })
      const events = lines.flatMap((line, offset) => normaliser.normalise(place([line], offset)).events)
      expect(events.map(({ fields }) => [fields['process.executable'], fields['process.command_line']])).toEqual([
        ['/bin/cat', undefined],
        ['/bin/cat', 'cat /etc/shadow'],
        ['/bin/cat', 'cat /etc/shadow'],
      ])
      expect(events.map(({ fields }) => fields.tags)).toEqual([undefined, ['audit_continued'], ['audit_continued']])
      expect(events.map(({ raw }) => Buffer.from(raw).toString())).toEqual(lines)
      expect(new Set(events.map(({ id }) => id)).size).toBe(3)
    })

    it('end as one event would, however they were cut', () => {
      const whole = createNormaliser(parsers, { zone: 'UTC' }).normalise(place(lines, 0)).events[0]!.fields
      for (const cut of [1, 2]) {
        const normaliser = createNormaliser(parsers, { zone: 'UTC' })
        normaliser.normalise(place(lines.slice(0, cut), 0))
        const { tags, ...fields } = normaliser.normalise(place(lines.slice(cut), cut)).events[0]!.fields
        expect([fields, tags]).toEqual([whole, ['audit_continued']])
      }
    })

    it('are not mixed with another sender, another time, or what the end record closed', () => {
      const normaliser = createNormaliser(parsers, { zone: 'UTC' })
      const end = 'type=EOE msg=audit(1772416560.101:1): '
      normaliser.normalise(place(lines.slice(0, 1), 0))
      const executableOf = (records: ReturnType<typeof place>) =>
        normaliser.normalise(records).events[0]!.fields['process.executable']
      expect(executableOf(place(lines.slice(1, 2), 1, '192.0.2.11'))).toBeUndefined()
      expect(executableOf(place([lines[1]!.replace('.101:', '.102:')], 2))).toBeUndefined()
      expect(normaliser.normalise(place([end], 3)).events[0]!.fields['process.executable']).toBeUndefined()
      expect(executableOf(place(lines.slice(1, 2), 4))).toBeUndefined()
    })

    it('are carried within a bound: a flood of serials makes the oldest forgotten, and no serial grows for ever', () => {
      const normaliser = createNormaliser(parsers, { zone: 'UTC' })
      normaliser.normalise(place(lines.slice(0, 1), 0))
      for (let batch = 0; batch < 11; batch++) {
        const flood = Array.from({ length: 1000 }, (_, index) => lines[0]!.replace(':1)', `:${batch}${index + 1000})`))
        normaliser.normalise(place(flood, 1 + batch * 1000))
      }
      const [late] = normaliser.normalise(place(lines.slice(1, 2), 20_000)).events
      expect(late!.fields['process.executable']).toBeUndefined()

      const path = (index: number) => `type=PATH msg=audit(1772416560.101:1): item=${index} name="/tmp/${index}"`
      let longest = 0
      for (let index = 0; index < 300; index++) {
        const [event] = normaliser.normalise(place([path(index)], 30_000 + index)).events
        const names = event!.fields['auditd.data.name']
        longest = Math.max(longest, Array.isArray(names) ? names.length : 1)
      }
      expect(longest).toBeGreaterThan(10)
      expect(longest).toBeLessThanOrEqual(65)
    })
  })

  it('parses mixed content of one sender record by record', () => {
    const { events, sources } = run([
      '<13>Mar  2 09:00:00 h a: CEF:0|v|p|1|1|n|3|src=192.0.2.1',
      '<86>Mar  2 09:00:00 h sshd[1]: Accepted password for a from 192.0.2.1 port 1 ssh2',
      '<13>Mar  2 09:00:00 h b: plain',
      '<13>Mar  2 09:00:00 h b: {"event_type":"dns","timestamp":"2026-03-02T01:00:00Z","src_ip":"192.0.2.1","flow_id":1}',
      '<13>Mar  2 09:00:00 h b: {"other":1}',
      '<13>Mar  2 09:00:00 h b: nothing again',
    ])
    expect(events.map(({ fields }) => fields['event.dataset'])).toEqual([
      'cef',
      'linux.auth',
      'syslog',
      'suricata.dns',
      'json',
      'syslog',
    ])
    expect(sources[0]).toMatchObject({ failed: 0 })
  })

  it('changes its mind about a sender whose content changes', () => {
    const nginx = '192.0.2.1 - - [02/Mar/2026:09:30:00 +0800] "GET / HTTP/1.1" 200 1 "-" "x"'
    const kv = 'devname=a devid=b logid=1 type=traffic date=2026-03-02 time=09:00:00'
    const { events } = run([...Array(20).fill(nginx), ...Array(20).fill(kv), nginx])
    expect(new Set(events.slice(20, 40).map(({ fields }) => fields['event.dataset']))).toEqual(
      new Set(['fortinet.traffic']),
    )
    expect(events[40]!.fields['event.dataset']).toBe('nginx.access')
  })

  it('uses a pinned parser and nothing else', () => {
    const key = sourceKey({ transport: 'syslog-udp', sender: '192.0.2.10', source: '' })
    const pins = new Map([[key, { parser: 'cef' }]])
    expect(one('{"a":1}', { pins }).fields['event.dataset']).toBe('unparsed')
    expect(one('CEF:0|v|p|1|1|n|3|', { pins }).fields['event.dataset']).toBe('cef')
  })

  it('does not let a record carry fields that enrichment answers for', () => {
    const forged = {
      '@timestamp': '2026-03-02T01:00:00Z',
      event: { action: 'x' },
      threat: { matched: { kind: 'ip' } },
      asset: { id: 1 },
      organization: { id: '9' },
    }
    const { fields } = one(JSON.stringify(forged))
    for (const name of ['threat.matched.kind', 'asset.id', 'organization.id'])
      expect(fields[name], name).toBeUndefined()
  })

  it('survives names that are special to JavaScript', () => {
    const event = one('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"msg":"x"}')
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
    expect(event.fields.message).toBe('x')
    expect(one('<13>Mar  2 09:00:00 h a: __proto__=1 constructor=2 toString=3 x=4').fields['event.dataset']).toBe('kv')
  })

  it('recognises a sender from its first lines', () => {
    const normaliser = createNormaliser(parsers, { zone: 'UTC' })
    expect(normaliser.recognise(['CEF:0|v|p|1|1|n|3|src=192.0.2.1', 'CEF:0|v|p|1|1|n|3|'])).toEqual({
      parser: 'cef',
      confidence: 85,
    })
    expect(normaliser.recognise(['gibberish'])).toEqual({ parser: 'unparsed', confidence: 0 })
  })

  it('reads a file without a bus, numbering records and leaving out Zeek headers', async () => {
    const lines = [
      '#separator \\x09',
      '#path\tweird',
      '#fields\tts\tuid\tname',
      '#types\ttime\tstring\tstring',
      '1772417100.0\tC1\tbad',
      '1772417101.0\tC2\tworse',
    ]
    async function* chunks() {
      yield { records: lines.slice(0, 5).map((line) => Buffer.from(line)) }
      yield { records: lines.slice(5).map((line) => Buffer.from(line)) }
    }
    const found: unknown[] = []
    for await (const events of normaliseOffline(chunks(), { parsers, file: 'weird.log', zone: 'UTC', receivedAtMs })) {
      for (const { event, index } of events) found.push([index, event.fields['event.dataset'], event.fields.message])
    }
    expect(found).toEqual([
      [0, 'zeek.weird', 'bad'],
      [1, 'zeek.weird', 'worse'],
    ])
  })
})
