import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { conversation, frame, pcap } from '../captures-for-tests.ts'
import { captureRecords } from '../read-capture.ts'
import { FlowExports } from './exports.ts'

const folder = mkdtempSync(join(tmpdir(), 'watchfire-exports-'))
afterAll(() => rmSync(folder, { recursive: true }))
const softflowd = ['/usr/sbin/softflowd', '/usr/local/sbin/softflowd'].find(existsSync)

const frames = [
  ...conversation(
    [
      ['>', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
      ['<', `HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n${'x'.repeat(900)}`],
    ],
    { sourcePort: 40_000 },
  ),
  frame({ protocol: 'udp', sourcePort: 5_353, destinationPort: 53, payload: 'question' }),
  frame({
    ...{ protocol: 'udp', source: '198.51.100.1', destination: '192.0.2.1' },
    ...{ sourcePort: 53, destinationPort: 5_353, payload: 'a longer answer' },
  }),
]

/** What softflowd exports of the capture, as it sends it. */
async function exported(version: string, extra: string[]): Promise<Buffer[]> {
  const file = join(folder, 'capture.pcap')
  writeFileSync(file, pcap(frames))
  const socket = createSocket('udp4')
  const datagrams: Buffer[] = []
  socket.on('message', (bytes) => datagrams.push(bytes))
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const { port } = socket.address()
  const own = ['-p', join(folder, 'pid'), '-c', 'none']
  const child = spawn(softflowd!, ['-r', file, '-d', '-v', version, '-n', `127.0.0.1:${port}`, ...own, ...extra], {
    stdio: 'ignore',
  })
  await new Promise((resolve) => child.once('exit', resolve))
  await expect.poll(() => datagrams.length, { timeout: 10_000 }).toBeGreaterThan(0)
  // What it sent lies in the socket when it has ended; one more turn takes it out.
  await new Promise((resolve) => setImmediate(resolve))
  socket.close()
  return datagrams
}

async function ownFlows() {
  async function* bytes() {
    yield pcap(frames)
  }
  const flows = new Map<string, Record<string, unknown>>()
  for await (const { dataset, endpoints, fields } of captureRecords(bytes(), () => undefined))
    if (dataset === 'flow')
      flows.set(String(endpoints.fields['network.community_id']), { ...endpoints.fields, ...fields })
  return flows
}

const sameNames = [
  ...['source.ip', 'source.port', 'destination.ip', 'destination.port', 'network.transport', 'network.type'],
  ...['source.packets', 'source.bytes', 'destination.packets', 'destination.bytes', 'network.bytes'],
]

for (const [version, extra] of [
  ['5', []],
  ['9', []],
  ['10', []],
  ['10', ['-b']],
] as const) {
  test.skipIf(!softflowd)(
    `flows that softflowd exports (version ${version}${extra}) are those our own sensor tells of the same packets`,
    { timeout: 30_000 },
    async () => {
      const exports = new FlowExports()
      const datagrams = await exported(version, [...extra])
      const lines = datagrams.flatMap((bytes) => exports.lines(bytes, '192.0.2.250', 1_767_225_600_000))
      const flows = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
      const own = await ownFlows()
      expect(flows.map((flow) => flow['network.community_id']).sort()).toEqual([...own.keys()].sort())
      for (const flow of flows) {
        const mine = own.get(String(flow['network.community_id']))!
        for (const name of sameNames) expect([name, flow[name]]).toEqual([name, mine[name]])
        expect(flow).toMatchObject({ 'event.dataset': 'flow', 'event.module': 'traffic', 'observer.ip': '192.0.2.250' })
        if (flow['network.transport'] === 'tcp' && (version !== '10' || extra.length === 0))
          expect(flow['zeek.conn_state']).toBe('SF')
      }
      expect(exports.counters()).toMatchObject({ flowDatagramsDamaged: 0, flowDatagramsUnknown: 0, flowExportsLost: 0 })
    },
  )
}

/** An IPFIX message of sets. */
function ipfix(sequence: number, sets: [id: number, body: Buffer][]): Buffer {
  const bodies = sets.map(([id, body]) => {
    const head = Buffer.alloc(4)
    head.writeUInt16BE(id, 0)
    head.writeUInt16BE(4 + body.length, 2)
    return Buffer.concat([head, body])
  })
  const head = Buffer.alloc(16)
  head.writeUInt16BE(10, 0)
  head.writeUInt16BE(16 + bodies.reduce((sum, body) => sum + body.length, 0), 2)
  head.writeUInt32BE(1_767_225_600, 4)
  head.writeUInt32BE(sequence, 8)
  return Buffer.concat([head, ...bodies])
}

function template(id: number, fields: [number, number][]): Buffer {
  const words = [id, fields.length, ...fields.flat()]
  const body = Buffer.alloc(2 * words.length)
  for (const [index, word] of words.entries()) body.writeUInt16BE(word, 2 * index)
  return body
}

const fields: [number, number][] = [
  ...([
    [8, 4],
    [12, 4],
    [7, 2],
    [11, 2],
    [4, 1],
    [1, 8],
    [2, 65_535],
    [152, 8],
  ] as [number, number][]),
]
const record = Buffer.from('c0000201c63364019c40005006000000000000012c010200000 19b76da8400'.replace(' ', ''), 'hex')

test('records that come before their template are told when it comes; lost ones are counted; what is withdrawn is gone', () => {
  const exports = new FlowExports()
  const lines = (bytes: Buffer) => exports.lines(bytes, '192.0.2.250', 0).map((line) => JSON.parse(line))
  const data = Buffer.concat([record.subarray(0, 21), Buffer.from([1, 2]), record.subarray(-8)])
  expect(lines(ipfix(0, [[256, data]]))).toEqual([])
  const told = lines(ipfix(0, [[2, template(256, fields)]]))
  expect(told).toMatchObject([{ 'source.ip': '192.0.2.1', 'source.bytes': 300, 'source.packets': 2 }])
  lines(ipfix(0, [[256, data]]))
  lines(ipfix(8, [[256, data]]))
  expect(exports.counters().flowExportsLost).toBe(7)
  lines(ipfix(9, [[2, template(256, [])]]))
  expect(lines(ipfix(9, [[256, data]]))).toEqual([])
})

test('sFlow samples are told as the packets they stand for', () => {
  const header = frame({ payload: 'x'.repeat(100) })
  const words = (...values: number[]) => {
    const bytes = Buffer.alloc(4 * values.length)
    for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 4 * index)
    return bytes
  }
  const padded = Buffer.concat([header, Buffer.alloc((4 - (header.length % 4)) % 4)])
  const raw = Buffer.concat([words(1, header.length, 0, header.length), padded])
  const sample = Buffer.concat([words(1, 2, 100, 0, 0, 3, 4, 1, 1, raw.length), raw])
  const datagram = Buffer.concat([words(5, 1, 0xc0000202, 0, 1, 1_000, 1, 1, sample.length), sample])
  const exports = new FlowExports()
  const [line] = exports.lines(datagram, '192.0.2.250', 1_767_225_600_000)
  expect(JSON.parse(line!)).toMatchObject({
    ...{ 'source.ip': '192.0.2.1', 'destination.port': 80, 'network.transport': 'tcp', 'source.packets': 100 },
    ...{ 'source.bytes': 14_000, 'traffic.sampling_rate': 100, 'observer.product': 'sFlow v5' },
  })
  expect(exports.counters()).toMatchObject({ flowsExported: 1, flowDatagramsDamaged: 0 })
})

test('no datagram makes the readers fail', () => {
  const data = Buffer.concat([record.subarray(0, 21), Buffer.from([1, 2]), record.subarray(-8)])
  const whole = ipfix(0, [
    [2, template(256, fields)],
    [256, data],
  ])
  const starts = [Buffer.from([0, 5, 0, 1]), Buffer.from([0, 9, 0, 1]), Buffer.from([0, 0, 0, 5]), whole]
  fc.assert(
    fc.property(
      fc.constantFrom(...starts),
      fc.uint8Array({ maxLength: 200 }),
      fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { maxLength: 8 }),
      (start, tail, changes) => {
        const bytes = Buffer.concat([start, tail])
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
        const exports = new FlowExports()
        for (const line of exports.lines(bytes, '192.0.2.250', 0)) JSON.parse(line)
      },
    ),
    { numRuns: 1_000 },
  )
})
