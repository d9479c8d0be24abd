import { Duplex } from 'node:stream'
import { connect, createSecureContext, TLSSocket } from 'node:tls'
import { SeededRandom } from '../../server/src/lib/seeded-random.ts'
import { certificatePem, keyPem } from './traffic-certificate.ts'

/** One message of a conversation and who sends it. */
type Said = [side: 0 | 1, bytes: Buffer]

const largestSegmentBytes = 1_448
/** Flows that are open at the same time, so that neighbouring packets belong to different ones. */
const openFlows = 4_000
const microsecondsBetweenPackets = 2

export interface MixOptions {
  flows: number
  seed?: number
}

/**
 * A capture of conversations as an access network has them: three tenths DNS, half TLS with handshakes that a real TLS
 * library made, one fifth HTTP; sizes are drawn so that a packet has about 772 octets in the mean. Pieces of a pcap file.
 */
export async function* trafficMix({ flows, seed = 1 }: MixOptions): AsyncGenerator<Buffer> {
  const numbers = new SeededRandom(seed)
  const random = () => numbers.next()
  const handshakes = await recordHandshakes()
  const writer = new PcapWriter()
  yield writer.head()
  const open: Iterator<void>[] = []
  let begun = 0
  while (begun < flows || open.length > 0) {
    while (open.length < openFlows && begun < flows) open.push(flow(begun++, random, handshakes, writer))
    const at = Math.floor(random() * open.length)
    // A few packets of one flow in a row, as a window lets through.
    for (let burst = 1 + Math.floor(random() * 4); burst > 0; burst--) {
      if (open[at]!.next().done) {
        open[at] = open.at(-1)!
        open.pop()
        break
      }
    }
    if (writer.isFull) yield writer.take()
  }
  yield writer.take()
}

/** A storm of the smallest frames: SYN packets of 54 octets from ever new ports to few hosts, as a scan or flood has. */
export function* packetStorm({
  packets,
  flows,
  seed = 1,
}: {
  packets: number
  flows: number
  seed?: number
}): Generator<Buffer> {
  const numbers = new SeededRandom(seed)
  const random = () => numbers.next()
  const writer = new PcapWriter()
  yield writer.head()
  for (let index = 0; index < packets; index++) {
    const number = Math.floor(random() * flows)
    writer.tcp({ number, side: 0, sequence: 1, acknowledgement: 0, flags: 2, ports: [1_024 + (number % 60_000), 80] })
    if (writer.isFull) yield writer.take()
  }
  yield writer.take()
}

function* flow(number: number, random: () => number, handshakes: Said[][], writer: PcapWriter): Generator<void> {
  const kind = random()
  if (kind < 0.3) {
    for (const [side, bytes] of dnsExchange(number, random)) {
      writer.udp(number, side, [30_000 + (number % 30_000), 53], bytes)
      yield
    }
    return
  }
  const isTls = kind < 0.8
  const ports: [number, number] = [20_000 + (number % 40_000), isTls ? 443 : 80]
  const said = isTls ? tlsExchange(number, random, handshakes) : httpExchange(number, random)
  const sequences: [number, number] = [Math.floor(random() * 2 ** 32), Math.floor(random() * 2 ** 32)]
  const send = (side: 0 | 1, flags: number, payload?: Buffer) => {
    writer.tcp({
      number,
      side,
      sequence: sequences[side],
      acknowledgement: flags & 16 ? sequences[1 - side]! : 0,
      flags,
      ports,
      payload,
    })
    sequences[side] = (sequences[side] + (payload?.length ?? 0) + (flags & 3 ? 1 : 0)) >>> 0
  }
  send(0, 2)
  yield
  send(1, 18)
  yield
  send(0, 16)
  yield
  for (const [side, bytes] of said) {
    for (let at = 0, count = 0; at < bytes.length; at += largestSegmentBytes, count++) {
      send(side, 24, bytes.subarray(at, at + largestSegmentBytes))
      yield
      // The receiver acknowledges every second segment.
      if (count % 2 === 1) {
        send(side === 0 ? 1 : 0, 16)
        yield
      }
    }
  }
  for (const [side, flags] of [
    [0, 17],
    [1, 17],
    [0, 16],
  ] as const) {
    send(side, flags)
    yield
  }
}

function dnsExchange(number: number, random: () => number): Said[] {
  const name = `host${Math.floor(random() * 50_000)}.zone${number % 500}.example`
  const labels = Buffer.concat([
    ...name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)])),
    Buffer.from([0]),
  ])
  const question = Buffer.concat([labels, Buffer.from([0, 1, 0, 1])])
  const head = (flags: number, answers: number) =>
    Buffer.from(
      [number >> 8, number & 255, flags >> 8, flags & 255, 0, 1, 0, answers, 0, 0, 0, 0].map((octet) => octet & 255),
    )
  const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 198, 51, number & 255, (number >> 8) & 255])
  return [
    [0, Buffer.concat([head(0x0100, 0), question])],
    [1, Buffer.concat([head(0x8180, 1), question, answer])],
  ]
}

function httpExchange(number: number, random: () => number): Said[] {
  const said: Said[] = []
  const requests = 1 + Math.floor(random() * 3)
  for (let index = 0; index < requests; index++) {
    const path = `/portal/page${Math.floor(random() * 10_000)}/item?id=${number}`
    said.push([
      0,
      Buffer.from(
        `GET ${path} HTTP/1.1\r\nHost: www${number % 300}.example\r\nUser-Agent: Mozilla/5.0 (bench ${number % 40})\r\nAccept: */*\r\nReferer: http://www.example/\r\n\r\n`,
      ),
    ])
    const body = payloadBytes(bodyLength(random))
    said.push([
      1,
      Buffer.concat([
        Buffer.from(
          `HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/html\r\nContent-Length: ${body.length}\r\n\r\n`,
        ),
        body,
      ]),
    ])
  }
  return said
}

function tlsExchange(number: number, random: () => number, handshakes: Said[][]): Said[] {
  const handshake = handshakes[number % handshakes.length]!
  const length = bodyLength(random)
  const records: Buffer[] = []
  for (let left = length; left > 0; left -= 16_000) {
    const size = Math.min(16_000, left)
    records.push(Buffer.from([23, 3, 3, size >> 8, size & 255]), payloadBytes(size))
  }
  return [
    ...handshake,
    [0, Buffer.concat([Buffer.from([23, 3, 3, 1, 0]), payloadBytes(256)])],
    [1, Buffer.concat(records)],
  ]
}

/** Long-tailed lengths, as answers on the web have. */
function bodyLength(random: () => number): number {
  return Math.min(400_000, Math.floor(2_600 / (1 - random() * 0.998)))
}

const filler = Buffer.alloc(
  524_288,
  'The beacon towers relayed alarms along the wall by day with smoke and by night with fire. ',
)

function payloadBytes(length: number): Buffer {
  return filler.subarray(0, length)
}

/** Handshakes of TLS 1.2 and 1.3 for several names, as the bytes that a real client and server sent each other. */
async function recordHandshakes(): Promise<Said[][]> {
  const recorded: Said[][] = []
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    for (let index = 0; index < 16; index++)
      recorded.push(await recordHandshake(version, `service${index}.bench.example`))
  }
  return recorded
}

function recordHandshake(version: 'TLSv1.2' | 'TLSv1.3', servername: string): Promise<Said[]> {
  return new Promise((resolve, reject) => {
    const said: Said[] = []
    const ends: [Duplex, Duplex] = [end(0), end(1)]
    function end(side: 0 | 1): Duplex {
      return new Duplex({
        read() {},
        write(chunk: Buffer, _encoding, done) {
          said.push([side, Buffer.from(chunk)])
          ends[1 - side]!.push(chunk)
          done()
        },
      })
    }
    const server = new TLSSocket(ends[1], {
      isServer: true,
      secureContext: createSecureContext({ key: keyPem, cert: certificatePem }),
    })
    const client = connect({
      socket: ends[0],
      servername,
      rejectUnauthorized: false,
      minVersion: version,
      maxVersion: version,
      ALPNProtocols: ['h2', 'http/1.1'],
    })
    server.once('error', reject)
    client.once('error', reject)
    client.once('secureConnect', () => setImmediate(() => resolve(said.slice())))
  })
}

interface TcpParts {
  number: number
  side: 0 | 1
  sequence: number
  acknowledgement: number
  flags: number
  ports: [number, number]
  payload?: Buffer | undefined
}

/** Writes Ethernet frames with IPv4 as pcap records. */
class PcapWriter {
  private block = Buffer.allocUnsafe(2 * 1_048_576)
  private length = 0
  private timeUs = 1_767_225_600e6

  get isFull(): boolean {
    return this.length > 1_048_576
  }

  take(): Buffer {
    const bytes = Buffer.from(this.block.subarray(0, this.length))
    this.length = 0
    return bytes
  }

  head(): Buffer {
    return Buffer.from('d4c3b2a1020004000000000000000000000004000100000000'.slice(0, 48), 'hex')
  }

  tcp({ number, side, sequence, acknowledgement, flags, ports, payload }: TcpParts): void {
    const { block } = this
    const at = this.begin(number, side, 6, 20 + (payload?.length ?? 0))
    block.writeUInt16BE(ports[side], at)
    block.writeUInt16BE(ports[1 - side]!, at + 2)
    block.writeUInt32BE(sequence, at + 4)
    block.writeUInt32BE(acknowledgement, at + 8)
    block[at + 12] = 0x50
    block[at + 13] = flags
    block.writeUInt16BE(65_535, at + 14)
    block.writeUInt32BE(0, at + 16)
    payload?.copy(block, at + 20)
  }

  udp(number: number, side: 0 | 1, ports: [number, number], payload: Buffer): void {
    const { block } = this
    const at = this.begin(number, side, 17, 8 + payload.length)
    block.writeUInt16BE(ports[side], at)
    block.writeUInt16BE(ports[1 - side]!, at + 2)
    block.writeUInt16BE(8 + payload.length, at + 4)
    block.writeUInt16BE(0, at + 6)
    payload.copy(block, at + 8)
  }

  /** Record, Ethernet and IPv4 header; answers where the transport header goes. */
  private begin(number: number, side: 0 | 1, protocol: number, bodyLength: number): number {
    const { block } = this
    const frameLength = 34 + bodyLength
    const at = this.length
    this.timeUs += microsecondsBetweenPackets
    block.writeUInt32LE(Math.floor(this.timeUs / 1e6), at)
    block.writeUInt32LE(this.timeUs % 1e6, at + 4)
    block.writeUInt32LE(frameLength, at + 8)
    block.writeUInt32LE(frameLength, at + 12)
    const frame = at + 16
    block.fill(2, frame, frame + 12)
    block.writeUInt16BE(0x0800, frame + 12)
    const ip = frame + 14
    block[ip] = 0x45
    block[ip + 1] = 0
    block.writeUInt16BE(20 + bodyLength, ip + 2)
    block.writeUInt32BE(0x00014000, ip + 4)
    block[ip + 8] = 64
    block[ip + 9] = protocol
    block.writeUInt16BE(0, ip + 10)
    const client = 0x0a000000 + (number % 60_000)
    const server = 0xc6336400 + (number % 251)
    block.writeUInt32BE(side === 0 ? client : server, ip + 12)
    block.writeUInt32BE(side === 0 ? server : client, ip + 16)
    this.length = frame + frameLength
    return ip + 20
  }
}
