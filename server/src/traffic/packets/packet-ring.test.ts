import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { CaptureParser } from '../capture/capture.ts'
import { conversation, ethernet, frame, ipv4, pcap } from '../captures-for-tests.ts'
import { Packet } from '../packet/packet.ts'
import { captureBytes, captureRecords } from '../read-capture.ts'
import { endpointsOfFields, parseEndpoints } from './endpoints.ts'
import { PacketRing, type RingWriter } from './packet-ring.ts'
import type { FoundPackets } from './read-packets.ts'

const folder = mkdtempSync(join(tmpdir(), 'watchfire-ring-'))
afterAll(() => rmSync(folder, { recursive: true }))
const tshark = ['/usr/bin/tshark', '/usr/local/bin/tshark'].find(existsSync)
let number = 0
let nowMs = 1_767_225_600_000

function openRing(options: { limitBytes?: number; segmentBytes?: number; maxAgeMs?: number; directory?: string } = {}) {
  const directory = options.directory ?? join(folder, `ring${number++}`)
  const { limitBytes = 64e6, maxAgeMs = 86_400_000, segmentBytes = 1e6 } = options
  return { directory, ring: new PacketRing({ directory, limitBytes, maxAgeMs, segmentBytes, now: () => nowMs }) }
}

function feed(writer: RingWriter, capture: Uint8Array): void {
  const parser = new CaptureParser(new Packet(), (packet) => writer.packet(packet))
  parser.push(capture)
  parser.end()
  expect(parser.state).toBe('complete')
}

async function bytesOf(found: FoundPackets): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of found.pcap()) pieces.push(piece)
  return Buffer.concat(pieces)
}

function framesOf(capture: Uint8Array): string[] {
  const frames: string[] = []
  const parser = new CaptureParser(new Packet(), ({ bytes, start, end }) =>
    frames.push(Buffer.from(bytes.subarray(start, end)).toString('hex')),
  )
  parser.push(capture)
  parser.end()
  expect(parser.state).toBe('complete')
  return frames
}

const said: ['>' | '<', string][] = [
  ['>', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['<', 'HTTP/1.1 204 No Content\r\n\r\n'],
]
const one = conversation(said, { sourcePort: 40_000 })
const two = conversation(said, { sourcePort: 40_001 })
const mixed = one.flatMap((bytes, index) => [bytes, two[index]!])
const ofOne = parseEndpoints('tcp 198.51.100.1:80 192.0.2.1:40000')!
const all = (endpoints = ofOne) => [{ endpoints }]

test('a conversation comes out of the ring as it went in, whether its segment is written still or closed', async () => {
  const { ring, directory } = openRing()
  const writer = ring.writer('wire')!
  feed(writer, pcap(mixed))
  const open = await ring.find('wire', all(), 1e6)
  expect(framesOf(await bytesOf(open))).toEqual(one.map((bytes) => bytes.toString('hex')))
  writer.end()
  const closed = await ring.find('wire', all(), 1e6)
  expect(await bytesOf(closed)).toEqual(await bytesOf(open))
  expect((await ring.find('another source', all(), 1e6)).packets).toBe(0)
  const again = openRing({ directory }).ring
  expect(await bytesOf(await again.find('wire', all(), 1e6))).toEqual(await bytesOf(open))
  const cut = await again.find('wire', all(), 300)
  expect([cut.isCut, cut.packets]).toEqual([true, 3])
})

test('after a crash at any byte the packets that are whole are there, and more can be kept', async () => {
  const { ring, directory } = openRing()
  feed(ring.writer('wire')!, pcap(mixed))
  ring.flush()
  const [source] = readdirSync(directory)
  const [file] = readdirSync(join(directory, source!)).filter((name) => name.endsWith('.pcap'))
  const whole = readFileSync(join(directory, source!, file!))
  for (const length of [0, 10, 24, 30, 24 + 16 + one[0]!.length, whole.length - 1, whole.length]) {
    const copy = join(folder, `crash${number++}`)
    cpSync(directory, copy, { recursive: true })
    truncateSync(join(copy, source!, file!), length)
    const after = openRing({ directory: copy }).ring
    const { packets } = await after.find('wire', all(), 1e6)
    let at = 24
    let expected = 0
    for (const [index, bytes] of mixed.entries()) {
      at += 16 + bytes.length
      if (at <= length && index % 2 === 0) expected++
    }
    expect([length, packets]).toEqual([length, expected])
    const writer = after.writer('wire')!
    feed(writer, pcap(one))
    writer.end()
    expect((await after.find('wire', all(), 1e6)).packets).toBe(expected + one.length)
    after.close()
  }
})

test('size and age bound the ring; what gives way is the oldest, and is counted', async () => {
  const { ring } = openRing({ limitBytes: 60_000, segmentBytes: 5_000, maxAgeMs: 3_600_000 })
  const writer = ring.writer('wire')!
  const sent = 1_000
  for (let index = 0; index < sent; index++)
    feed(writer, pcap([frame({ sourcePort: 1_000 + index, payload: 'x'.repeat(200) })]))
  writer.end()
  expect(ring.extent().bytes).toBeLessThanOrEqual(60_000)
  const { keptPackets, evictedPackets, lostPackets } = ring.counters
  expect([keptPackets, lostPackets]).toEqual([sent, 0])
  expect(evictedPackets).toBeGreaterThan(500)
  const first = parseEndpoints('tcp 192.0.2.1:1000 198.51.100.1:80')!
  const last = parseEndpoints('tcp 192.0.2.1:1999 198.51.100.1:80')!
  expect((await ring.find('wire', all(first), 1e6)).packets).toBe(0)
  expect((await ring.find('wire', all(last), 1e6)).packets).toBe(1)
  nowMs += 3_600_001
  ring.evict()
  expect(ring.counters.evictedPackets).toBe(sent)
  expect(ring.extent()).toEqual({ bytes: 0, oldestUs: undefined })
})

test('a file that comes again is not kept twice; one that came in part is kept anew', async () => {
  const { ring } = openRing()
  const count = async () => (await ring.find('file:a', all(), 1e6)).packets
  const first = ring.writer('file:a', 'hash of a')!
  feed(first, pcap(one.slice(0, 4)))
  expect(ring.writer('file:a', 'hash of a')).toBeUndefined()
  ring.close()
  const { ring: restarted, directory } = openRing()
  const part = restarted.writer('file:a', 'hash of a')!
  feed(part, pcap(one.slice(0, 4)))
  restarted.close()
  const later = openRing({ directory }).ring
  const whole = later.writer('file:a', 'hash of a')!
  feed(whole, pcap(one))
  whole.end()
  expect((await later.find('file:a', all(), 1e6)).packets).toBe(one.length)
  expect(later.writer('file:a', 'hash of a')).toBeUndefined()
  expect(await count()).toBe(4)
})

test('fragments belong to their conversation; ports used again within the ring are told apart by time', async () => {
  const { ring } = openRing()
  const udp = Buffer.alloc(8 + 2_000, 'u')
  udp.writeUInt16BE(5_000, 0)
  udp.writeUInt16BE(53, 2)
  udp.writeUInt16BE(udp.length, 4)
  const fragments = [
    ethernet(0x0800, ipv4({}, 17, udp.subarray(0, 1_000), 0x2000, 7)),
    ethernet(0x0800, ipv4({}, 17, udp.subarray(1_000), 125, 7)),
  ]
  const writer = ring.writer('wire')!
  feed(writer, pcap([fragments[0]!, ...one, fragments[1]!]))
  // The same ports an hour later.
  const later = pcap(one)
  for (let at = 24; at < later.length; at += 16 + later.readUInt32LE(at + 8))
    later.writeUInt32LE(later.readUInt32LE(at) + 3_600, at)
  feed(writer, later)
  writer.end()
  const ends = parseEndpoints('udp 192.0.2.1:5000 198.51.100.1:53')!
  expect(framesOf(await bytesOf(await ring.find('wire', all(ends), 1e6)))).toEqual(
    fragments.map((bytes) => bytes.toString('hex')),
  )
  const around = async (aroundUs: number) => (await ring.find('wire', [{ endpoints: ofOne, aroundUs }], 1e6)).packets
  const startUs = 1_767_225_600e6
  expect(await around(startUs)).toBe(one.length)
  expect(await around(startUs + 3_600e6)).toBe(one.length)
  expect(await around(startUs + 1_800e6)).toBe(0)
  const range = [{ endpoints: ofOne, fromUs: startUs, toUs: startUs + 3_000e6 }]
  expect((await ring.find('wire', range, 1e6)).packets).toBe(one.length)
})

const shared = join(import.meta.dirname, '../../../../../shared/data/pcap')

test.skipIf(!tshark || !existsSync(join(shared, 'index.tsv')))(
  'conversations of captures of the shared data are, byte for byte, what tshark filters out of them',
  { timeout: 120_000 },
  async () => {
    const rows = readFileSync(join(shared, 'index.tsv'), 'utf8').trim().split('\n').slice(1)
    const captures = rows.map((row) => row.split('\t')).filter((_, index) => index % 140 === 3)
    let judged = 0
    for (const [archive, path] of captures) {
      spawnSync('tar', ['xzf', join(shared, archive!), '-C', folder, path!])
      const { ring } = openRing({ segmentBytes: 40_000 })
      const writer = ring.writer('wire')!
      const parser = new CaptureParser(new Packet(), (packet) => writer.packet(packet))
      for await (const bytes of captureBytes(join(folder, path!))) parser.push(bytes)
      writer.end()
      const flows = []
      for await (const record of captureRecords(captureBytes(join(folder, path!)), () => undefined)) {
        const fields = { ...record.endpoints.fields, ...record.fields }
        const isPlain = ['tcp', 'udp'].includes(String(fields['network.transport']))
        if (record.dataset === 'flow' && isPlain) flows.push(fields)
      }
      for (const flow of flows.filter((_, index) => index % Math.ceil(flows.length / 2) === 0)) {
        const endpoints = endpointsOfFields(flow)!
        const mine = await ring.find('wire', [{ endpoints }], 1e9)
        const ip = flow['network.type'] === 'ipv6' ? 'ipv6' : 'ip'
        const transport = String(flow['network.transport'])
        const side = (to: string, from: string) =>
          `(${ip}.src==${flow['source.ip']} && ${ip}.dst==${flow['destination.ip']} && ${transport}.${from}port==${flow['source.port']} && ${transport}.${to}port==${flow['destination.port']})`
        const reverse = `(${ip}.dst==${flow['source.ip']} && ${ip}.src==${flow['destination.ip']} && ${transport}.dstport==${flow['source.port']} && ${transport}.srcport==${flow['destination.port']})`
        const out = join(folder, 'judge.pcap')
        const told = spawnSync(tshark!, [
          '-n',
          '-r',
          join(folder, path!),
          '-Y',
          `(${side('dst', 'src')} || ${reverse}) && !icmp && !icmpv6`,
          '-w',
          out,
          '-F',
          'pcap',
        ])
        if (told.status !== 0) continue
        expect({ path, flow: flow['network.community_id'], frames: framesOf(await bytesOf(mine)) }).toEqual({
          path,
          flow: flow['network.community_id'],
          frames: framesOf(readFileSync(out)),
        })
        judged++
      }
    }
    expect(judged).toBeGreaterThan(5)
  },
)
