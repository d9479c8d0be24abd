import fc from 'fast-check'
import { expect, test } from 'vitest'
import { conversation, ethernet, frame, ipv4, pcap, pcapng } from './captures-for-tests.ts'
import { type CaptureReport, captureRecords } from './read-capture.ts'
import type { TrafficRecord } from './record.ts'

async function read(bytes: Uint8Array, pieceBytes = bytes.length) {
  async function* pieces() {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes)
  }
  const records: TrafficRecord[] = []
  const failures: unknown[] = []
  let report: CaptureReport | undefined
  const source = captureRecords(
    pieces(),
    (told) => {
      report = told
    },
    (error) => failures.push(error),
  )
  for await (const record of source)
    records.push({ ...record, fields: { ...record.endpoints.fields, ...record.fields } })
  return {
    records,
    failures,
    report: report!,
    of: (dataset: string) => records.filter((record) => record.dataset === dataset),
  }
}

/** Sent by the same side: source addresses of the IPv4 headers behind Ethernet. */
const isSameWay = (one: Buffer, two: Buffer) => one.subarray(26, 30).equals(two.subarray(26, 30))

const exchange: ['>' | '<', string][] = [
  ['>', 'GET /a/b.txt?x=1 HTTP/1.1\r\nHost: portal.example.cn\r\nUser-Agent: probe/1\r\n\r\n'],
  ['<', 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n\r\nhello world'],
  ['>', 'POST /login HTTP/1.1\r\nHost: portal.example.cn\r\nContent-Length: 4\r\n\r\na=b&'],
  ['<', 'HTTP/1.1 302 Found\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n'],
]

test('a conversation over HTTP gives its flow, its requests with their answers, and its files', async () => {
  const { of, report } = await read(pcap(conversation(exchange)))
  expect(report).toMatchObject({
    state: 'complete',
    capture: { packets: 10 },
    sensor: { failures: 0, weird: 0, flows: 1 },
  })
  expect(
    of('http').map(({ fields }) => [
      fields['http.request.method'],
      fields['url.full'],
      fields['http.response.status_code'],
    ]),
  ).toEqual([
    ['GET', 'http://portal.example.cn/a/b.txt?x=1', 200],
    ['POST', 'http://portal.example.cn/login', 302],
  ])
  const hello = 'b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9'
  expect(
    of('file').map(({ fields }) => [fields['traffic.file.direction'], fields['file.size'], fields['file.hash.sha256']]),
  ).toEqual([
    ['download', 11, hello],
    ['upload', 4, expect.any(String)],
    ['download', 11, hello],
  ])
  expect(of('flow')).toHaveLength(1)
  expect(of('flow')[0]!.fields).toMatchObject({
    'source.ip': '192.0.2.1',
    'destination.ip': '198.51.100.1',
    'destination.port': 80,
    'network.protocol': 'http',
    'zeek.conn_state': 'SF',
    'source.packets': 6,
    'destination.packets': 4,
    'network.community_id': expect.stringMatching(/^1:/),
  })
})

test.each([
  ['pcap', pcap],
  ['pcapng', pcapng],
] as const)(
  '%s is read alike in both byte orders, in micro- and nanoseconds, in pieces of any size',
  async (_name, write) => {
    const frames = conversation(exchange)
    const wanted = (await read(pcap(frames))).records
    for (const isBigEndian of [false, true]) {
      for (const isNano of [false, true]) {
        for (const pieceBytes of [1, 7, 100, 1_000_000]) {
          expect((await read(write(frames, { isBigEndian, isNano }), pieceBytes)).records).toEqual(wanted)
        }
      }
    }
  },
)

/** A long message in segments of a few octets. */
const inSegments = (said: ['>' | '<', string][]) =>
  said.flatMap(([side, text]) => (text.match(/[\s\S]{1,40}/g) ?? []).map((piece): ['>' | '<', string] => [side, piece]))

test('segments in any order, doubled and overlapping, give the same requests', async () => {
  const frames = conversation(inSegments(exchange))
  const wanted = (await read(pcap(frames))).of('http').map(({ fields }) => fields['url.full'])
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(30), { minLength: 4, maxLength: 30 }), async (choices) => {
      const middle = frames.slice(3, -3)
      // Neighbours of one direction change places and some come twice, as networks do.
      const mixed = [...middle]
      for (const choice of choices) {
        const at = choice % mixed.length
        if (choice % 3 === 0) mixed.splice(at, 0, mixed[at]!)
        else if (at + 1 < mixed.length && isSameWay(mixed[at]!, mixed[at + 1]!))
          [mixed[at], mixed[at + 1]] = [mixed[at + 1]!, mixed[at]!]
      }
      const { of, failures } = await read(pcap([...frames.slice(0, 3), ...mixed, ...frames.slice(-3)]))
      expect(failures).toEqual([])
      expect(
        of('http')
          .map(({ fields }) => fields['url.full'])
          .sort(),
      ).toEqual([...wanted].sort())
    }),
    { numRuns: 60, seed: 7 },
  )
})

test('fragments of a datagram are put together, whatever their order', async () => {
  const query = Buffer.from('1234010000010000000000000377777706676f762d636e076578616d706c650000010001', 'hex')
  const udp = Buffer.alloc(8)
  udp.writeUInt16BE(40_000, 0)
  udp.writeUInt16BE(53, 2)
  udp.writeUInt16BE(8 + query.length, 4)
  const body = Buffer.concat([udp, query])
  const parts = [
    ethernet(0x0800, ipv4({}, 17, body.subarray(0, 16), 0x2000, 9)),
    ethernet(0x0800, ipv4({}, 17, body.subarray(16, 32), 0x2002, 9)),
    ethernet(0x0800, ipv4({}, 17, body.subarray(32), 4, 9)),
  ]
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 0, 2, 2],
  ]) {
    const { of } = await read(pcap(order.map((index) => parts[index]!)))
    expect(of('dns').map(({ fields }) => fields['dns.question.name'])).toEqual(['www.gov-cn.example'])
  }
})

test('a capture that is cut off, damaged or none at all ends in what it holds and how it ended', async () => {
  const whole = pcap(conversation(exchange))
  const cut = await read(whole.subarray(0, whole.length - 5))
  expect(cut.report.state).toBe('truncated')
  expect(cut.of('flow')).toHaveLength(1)
  const damaged = Buffer.from(whole)
  damaged.fill(0xff, 200, 260)
  expect((await read(damaged)).report.state).toBe('damaged')
  expect((await read(Buffer.from('Feb  1 10:00:00 host sshd[1]: no capture'))).report.state).toBe('not-a-capture')
  expect((await read(Buffer.alloc(0))).report.state).toBe('not-a-capture')
})

test('a flood of flows stays within its bound, and what gave way is counted', async () => {
  const frames = Array.from({ length: 5_000 }, (_, index) =>
    frame({ source: `10.0.${index >> 8}.${index & 255}`, sourcePort: 1_024 + index, flags: 'S' }),
  )
  const { Sensor } = await import('./sensor.ts')
  const { CaptureParser } = await import('./capture/capture.ts')
  const { Packet } = await import('./packet/packet.ts')
  const told = { flow: 0, host: 0 }
  const sensor = new Sensor({ emit: ({ dataset }) => void told[dataset as 'flow' | 'host']++, flowLimit: 1_000 })
  const parser = new CaptureParser(new Packet(), (packet) => {
    sensor.packet(packet)
    expect(sensor.openFlows).toBeLessThanOrEqual(1_000)
  })
  parser.push(pcap(frames))
  sensor.close()
  expect(sensor.counters).toMatchObject({ flows: 5_000, evictedFlows: 4_000 })
  expect(told.flow).toBe(5_000)
  // Addresses that were made up are no hosts: 500, then 50 a second.
  expect(told.host).toBeLessThanOrEqual(500 + 5 * 50)
})

test('no bytes make the sensor fail: damaged packets and payloads', async () => {
  const frames = conversation(exchange)
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(frames.length - 1), fc.nat(1_500), fc.nat(255)), { maxLength: 40 }),
      async (changes) => {
        const damaged = frames.map((bytes) => Buffer.from(bytes))
        for (const [index, at, value] of changes) damaged[index]![at % damaged[index]!.length] = value
        const { failures } = await read(pcap(damaged))
        expect(failures).toEqual([])
      },
    ),
    { numRuns: 300, seed: 11 },
  )
})
