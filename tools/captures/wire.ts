/** Who speaks with whom over TCP. */
export interface TcpParts {
  from: string
  to: string
  port: number
  /** The client's port; counted up from 49,152 unless given. */
  fromPort?: number
}

export const tcpFlags = { fin: 1, syn: 2, rst: 4, push: 8, ack: 16, urgent: 32 } as const

const largestSegmentBytes = 1_448
const firstClientPort = 49_152
const clientPorts = 65_536 - firstClientPort
const dayMs = 86_400_000
/** Between two scenarios of one file; the reader of samples parts them at two days. */
const scenarioDays = 4

/**
 * Writes packets as a capturer would have seen them, octet by octet: Ethernet, IPv4 and IPv6 with checksums, TCP with handshake, numbers and
 * acknowledgements, UDP and ICMP. Time is the capture's own and moves as the script says. The same script gives the same bytes.
 */
export class Wire {
  private readonly records: Buffer[] = []
  private nowUs: number
  private nextPort = 0
  private nextId = 1

  constructor(startMs = Date.UTC(2025, 0, 6, 1, 30)) {
    this.nowUs = startMs * 1e3
  }

  /** Milliseconds since the epoch. */
  get nowMs(): number {
    return this.nowUs / 1e3
  }

  wait(milliseconds: number): this {
    this.nowUs += Math.round(milliseconds * 1e3)
    return this
  }

  /** Moves on to a time, unless it is past. */
  until(timeMs: number): this {
    this.nowUs = Math.max(this.nowUs, Math.round(timeMs * 1e3))
    return this
  }

  /** What follows is a scenario of its own. */
  scenario(): this {
    this.nowUs += scenarioDays * dayMs * 1e3
    return this
  }

  bytes(): Buffer {
    const head = Buffer.alloc(24)
    head.writeUInt32LE(0xa1b2c3d4, 0)
    head.writeUInt16LE(2, 4)
    head.writeUInt16LE(4, 6)
    head.writeUInt32LE(262_144, 16)
    head.writeUInt32LE(1, 20)
    return Buffer.concat([head, ...this.records])
  }

  clientPort(): number {
    return firstClientPort + (this.nextPort++ % clientPorts)
  }

  /** One TCP segment with any flags: what scanners send, and what conversations are made of. */
  segment(
    source: string,
    destination: string,
    ports: readonly [number, number],
    flags: number,
    more: { sequence?: number; acknowledgement?: number; payload?: Uint8Array; window?: number } = {},
  ): void {
    const payload = more.payload ?? new Uint8Array(0)
    const body = Buffer.alloc(20 + payload.length)
    body.writeUInt16BE(ports[0], 0)
    body.writeUInt16BE(ports[1], 2)
    body.writeUInt32BE((more.sequence ?? 0) >>> 0, 4)
    body.writeUInt32BE((more.acknowledgement ?? 0) >>> 0, 8)
    body[12] = 0x50
    body[13] = flags
    body.writeUInt16BE(more.window ?? 64_240, 14)
    body.set(payload, 20)
    body.writeUInt16BE(transportChecksum(source, destination, 6, body), 16)
    this.ip(source, destination, 6, body)
  }

  udp(source: string, destination: string, ports: readonly [number, number], payload: Uint8Array): void {
    const body = Buffer.alloc(8 + payload.length)
    body.writeUInt16BE(ports[0], 0)
    body.writeUInt16BE(ports[1], 2)
    body.writeUInt16BE(body.length, 4)
    body.set(payload, 8)
    body.writeUInt16BE(transportChecksum(source, destination, 17, body) || 0xffff, 6)
    this.ip(source, destination, 17, body)
  }

  icmp(source: string, destination: string, type: number, code: number, rest: Uint8Array): void {
    const body = Buffer.alloc(4 + rest.length)
    body[0] = type
    body[1] = code
    body.set(rest, 4)
    body.writeUInt16BE(checksum(body), 2)
    this.ip(source, destination, 1, body)
  }

  /** An echo request or its answer (RFC 792). */
  echo(source: string, destination: string, kind: 'request' | 'reply', id: number, number: number, data: Uint8Array) {
    const head = Buffer.alloc(4)
    head.writeUInt16BE(id, 0)
    head.writeUInt16BE(number & 0xffff, 2)
    this.icmp(source, destination, kind === 'request' ? 8 : 0, 0, Buffer.concat([head, data]))
  }

  /** Port unreachable, with the head of the datagram it answers (RFC 792). */
  unreachable(source: string, destination: string, ports: readonly [number, number]): void {
    const quoted = Buffer.alloc(28)
    ipv4Header(quoted, destination, source, 17, 8, this.nextId)
    quoted.writeUInt16BE(ports[0], 20)
    quoted.writeUInt16BE(ports[1], 22)
    quoted.writeUInt16BE(8, 24)
    this.icmp(source, destination, 3, 3, Buffer.concat([Buffer.alloc(4), quoted]))
  }

  tcp(parts: TcpParts): TcpTalk {
    return new TcpTalk(this, parts)
  }

  private ip(source: string, destination: string, protocol: number, body: Uint8Array): void {
    const isIpv6 = source.includes(':')
    const headerBytes = isIpv6 ? 40 : 20
    const frame = Buffer.alloc(14 + headerBytes + body.length)
    frame.set(macOf(destination), 0)
    frame.set(macOf(source), 6)
    frame.writeUInt16BE(isIpv6 ? 0x86dd : 0x0800, 12)
    if (isIpv6) ipv6Header(frame.subarray(14), source, destination, protocol, body.length)
    else ipv4Header(frame.subarray(14), source, destination, protocol, body.length, this.nextId)
    this.nextId = (this.nextId + 1) & 0xffff
    frame.set(body, 14 + headerBytes)
    const head = Buffer.alloc(16)
    head.writeUInt32LE(Math.floor(this.nowUs / 1e6), 0)
    head.writeUInt32LE(this.nowUs % 1e6, 4)
    head.writeUInt32LE(frame.length, 8)
    head.writeUInt32LE(frame.length, 12)
    this.records.push(head, frame)
    this.nowUs += 40
  }
}

/** A TCP connection that both ends keep to: opened by three packets, every message acknowledged. */
export class TcpTalk {
  private readonly wire: Wire
  private readonly ends: readonly [string, string]
  readonly ports: readonly [number, number]
  private readonly next: [number, number]
  private isOpen = false

  constructor(wire: Wire, { from, to, port, fromPort }: TcpParts) {
    this.wire = wire
    this.ends = [from, to]
    this.ports = [fromPort ?? wire.clientPort(), port]
    this.next = [Math.imul(this.ports[0], 0x9e3779b1) >>> 0, Math.imul(this.ports[0] + port, 0x85ebca6b) >>> 0]
  }

  open(): this {
    const { syn, ack } = tcpFlags
    this.isOpen = true
    this.put(0, syn)
    this.put(1, syn | ack)
    this.put(0, ack)
    return this
  }

  /** The client says something; opens the connection first when it is not. */
  send(payload: string | Uint8Array): this {
    return this.say(0, payload)
  }

  receive(payload: string | Uint8Array): this {
    return this.say(1, payload)
  }

  wait(milliseconds: number): this {
    this.wire.wait(milliseconds)
    return this
  }

  /** Both ends close in order. */
  close(): this {
    const { fin, ack } = tcpFlags
    this.put(0, fin | ack)
    this.put(1, fin | ack)
    this.put(0, ack)
    return this
  }

  reset(by: 0 | 1 = 0): this {
    this.put(by, tcpFlags.rst | tcpFlags.ack)
    return this
  }

  private say(side: 0 | 1, payload: string | Uint8Array): this {
    if (!this.isOpen) this.open()
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
    for (let at = 0; at < bytes.length; at += largestSegmentBytes) {
      this.put(side, tcpFlags.push | tcpFlags.ack, bytes.subarray(at, at + largestSegmentBytes))
    }
    this.put(side === 0 ? 1 : 0, tcpFlags.ack)
    return this
  }

  private put(side: 0 | 1, flags: number, payload: Uint8Array = new Uint8Array(0)): void {
    const other = side === 0 ? 1 : 0
    const ports = side === 0 ? this.ports : ([this.ports[1], this.ports[0]] as const)
    this.wire.segment(this.ends[side], this.ends[other], ports, flags, {
      sequence: this.next[side],
      acknowledgement: flags & tcpFlags.ack ? this.next[other] : 0,
      payload,
    })
    const taken = payload.length + (flags & (tcpFlags.syn | tcpFlags.fin) ? 1 : 0)
    this.next[side] = (this.next[side] + taken) >>> 0
  }
}

/** Of an IPv4 address, or of an IPv6 address with all its eight groups. */
function octetsOf(address: string): number[] {
  if (!address.includes(':')) return address.split('.').map(Number)
  return address.split(':').flatMap((group) => {
    const value = Number.parseInt(group, 16)
    return [value >> 8, value & 255]
  })
}

/** A locally administered address made from the IP address. */
function macOf(address: string): Buffer {
  return Buffer.from([2, 0, ...octetsOf(address).slice(-4)])
}

function ipv4Header(
  header: Buffer,
  source: string,
  destination: string,
  protocol: number,
  bodyBytes: number,
  id: number,
) {
  header[0] = 0x45
  header.writeUInt16BE(20 + bodyBytes, 2)
  header.writeUInt16BE(id, 4)
  header.writeUInt16BE(0x4000, 6)
  header[8] = 64
  header[9] = protocol
  header.set(octetsOf(source), 12)
  header.set(octetsOf(destination), 16)
  header.writeUInt16BE(checksum(header.subarray(0, 20)), 10)
}

function ipv6Header(header: Buffer, source: string, destination: string, protocol: number, bodyBytes: number): void {
  header[0] = 0x60
  header.writeUInt16BE(bodyBytes, 4)
  header[6] = protocol
  header[7] = 64
  header.set(octetsOf(source), 8)
  header.set(octetsOf(destination), 24)
}

/** The checksum of RFC 1071. */
function checksum(bytes: Uint8Array, from = 0): number {
  let sum = from
  for (let at = 0; at < bytes.length; at += 2) sum += (bytes[at]! << 8) | (bytes[at + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

function transportChecksum(source: string, destination: string, protocol: number, body: Uint8Array): number {
  const pseudo = Buffer.from([...octetsOf(source), ...octetsOf(destination), 0, protocol, 0, 0])
  pseudo.writeUInt16BE(body.length, pseudo.length - 2)
  let sum = 0
  for (let at = 0; at < pseudo.length; at += 2) sum += pseudo.readUInt16BE(at)
  return checksum(body, sum)
}
