import { gunzipSync } from 'node:zlib'
import type { Packet } from './packet/packet.ts'
import { transport } from './packet/packet.ts'
import type { Endpoints, Side, TrafficRecord } from './record.ts'
import type { Talk } from './stream/talk.ts'

/** A piece of a conversation for rules on bytes: a packet, what a side has said so far, or a message with its parts by name. */
export interface TrafficPiece {
  kind: 'packet' | 'stream' | 'message'
  timeMs: number
  flow: Endpoints
  source: string
  destination: string
  sourcePort: number
  destinationPort: number
  transport: 'tcp' | 'udp' | 'icmp' | 'other'
  protocol: string
  direction: 'to_server' | 'to_client'
  isEstablished: boolean
  buffers: Record<string, Buffer>
  tcpFlags?: number
  icmpType?: number
  icmpCode?: number
}

export type Inspect = (piece: TrafficPiece) => void

/** What is kept of each side for rules that look at bytes; Suricata's own depth is 1 MiB. */
const streamBytesLimit = 262_144
const bodyBytesLimit = 102_400
const unpackedBytesLimit = 1_048_576

interface Said {
  bytes: Buffer
  length: number
  /** Bytes that were inspected as messages. */
  read: number
  isNew: boolean
}

/** Puts together for `inspect` what the sensor sees: packets as they are, sides of streams in order, messages of HTTP, names of DNS and TLS. */
export class Inspector {
  private readonly inspect: Inspect
  private readonly streams = new WeakMap<Talk, [Said, Said]>()

  constructor(inspect: Inspect) {
    this.inspect = inspect
  }

  packet(packet: Packet, talk: Talk, side: Side, isEstablished: boolean): void {
    const { bytes, payloadStart, payloadEnd, protocol } = packet
    const isIcmp = protocol === transport.icmp || protocol === transport.icmpv6
    const start = isIcmp ? Math.min(packet.payloadEnd, packet.transportStart + 8) : payloadStart
    this.tell('packet', talk.endpoints, talk.protocol, side, packet.timeUs, isEstablished, {
      buffers: { payload: Buffer.from(bytes.subarray(start, Math.max(start, payloadEnd))) },
      ...(protocol === transport.tcp ? { tcpFlags: packet.flags } : {}),
      ...(isIcmp ? { icmpType: bytes[packet.transportStart]!, icmpCode: bytes[packet.transportStart + 1]! } : {}),
    })
  }

  /** What a side says next, in order. When the other side had spoken, what it said is looked at first. */
  stream(talk: Talk, side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): void {
    let sides = this.streams.get(talk)
    if (!sides) {
      sides = [newSaid(), newSaid()]
      this.streams.set(talk, sides)
    }
    const other = side === 0 ? 1 : 0
    if (sides[other].isNew) this.look(talk, other, sides[other], timeUs)
    const said = sides[side]
    const taken = Math.min(end - start, streamBytesLimit - said.length)
    if (taken <= 0) return
    append(said, bytes.subarray(start, start + taken))
    said.isNew = true
    if (said.length === streamBytesLimit) this.look(talk, side, said, timeUs)
  }

  /** The conversation is over. */
  end(talk: Talk, timeUs: number): void {
    const sides = this.streams.get(talk)
    for (const side of [0, 1] as const) if (sides?.[side].isNew) this.look(talk, side, sides[side], timeUs)
  }

  /** Names that dissectors have read. */
  record({ dataset, fields, endpoints, timeUs }: TrafficRecord): void {
    const text = (name: string) => {
      const value = fields[name]
      return typeof value === 'string' ? Buffer.from(value) : undefined
    }
    const buffers: Record<string, Buffer> = {}
    const put = (name: string, value: Buffer | undefined) => {
      if (value) buffers[name] = value
    }
    if (dataset === 'dns') {
      if (fields['dns.type'] !== 'query') return
      put('dns.query', text('dns.question.name'))
      this.tell('message', endpoints, 'dns', 0, timeUs, true, { buffers })
    } else if (dataset === 'tls') {
      put('tls.sni', text('tls.client.server_name'))
      put('ja3.hash', text('tls.client.ja3'))
      put('ja4.hash', text('tls.client.ja4'))
      this.tell('message', endpoints, 'tls', 0, timeUs, true, { buffers: { ...buffers } })
      const answer: Record<string, Buffer> = {}
      for (const [name, field] of [
        ['tls.cert_subject', 'tls.server.subject'],
        ['tls.cert_issuer', 'tls.server.issuer'],
        ['ja3s.hash', 'tls.server.ja3s'],
      ] as const) {
        const value = text(field)
        if (value) answer[name] = value
      }
      this.tell('message', endpoints, 'tls', 1, timeUs, true, { buffers: answer })
    }
  }

  private look(talk: Talk, side: Side, said: Said, timeUs: number): void {
    said.isNew = false
    const payload = said.bytes.subarray(0, said.length)
    this.tell('stream', talk.endpoints, talk.protocol, side, timeUs, true, { buffers: { payload } })
    if (talk.protocol !== 'http') return
    for (;;) {
      const message = readMessage(payload, said.read)
      if (!message) return
      said.read = message.end
      const buffers = side === 0 ? requestBuffers(message) : responseBuffers(message)
      if (buffers) this.tell('message', talk.endpoints, 'http', side, timeUs, true, { buffers })
    }
  }

  private tell(
    kind: TrafficPiece['kind'],
    flow: Endpoints,
    protocol: string,
    side: Side,
    timeUs: number,
    isEstablished: boolean,
    more: Pick<TrafficPiece, 'buffers' | 'tcpFlags' | 'icmpType' | 'icmpCode'>,
  ): void {
    const { fields } = flow
    const ends = [
      { address: String(fields['source.ip'] ?? ''), port: Number(fields['source.port'] ?? 0) },
      { address: String(fields['destination.ip'] ?? ''), port: Number(fields['destination.port'] ?? 0) },
    ] as const
    const from = ends[side]
    const to = ends[side === 0 ? 1 : 0]
    if (from.address === '' || to.address === '') return
    const name = fields['network.transport']
    this.inspect({
      ...{ kind, timeMs: Math.floor(timeUs / 1e3), flow, protocol, isEstablished },
      ...{ source: from.address, sourcePort: from.port, destination: to.address, destinationPort: to.port },
      transport: name === 'tcp' || name === 'udp' ? name : name === 'icmp' || name === 'ipv6-icmp' ? 'icmp' : 'other',
      direction: side === 0 ? 'to_server' : 'to_client',
      ...more,
    })
  }
}

function newSaid(): Said {
  return { bytes: Buffer.alloc(0), length: 0, read: 0, isNew: false }
}

function append(said: Said, piece: Uint8Array): void {
  const needed = said.length + piece.length
  if (needed > said.bytes.length) {
    const grown = Buffer.alloc(Math.min(streamBytesLimit, Math.max(2_048, 2 * said.bytes.length, needed)))
    said.bytes.copy(grown, 0, 0, said.length)
    said.bytes = grown
  }
  said.bytes.set(piece, said.length)
  said.length = needed
}

interface HttpMessage {
  first: string
  rawHeaders: string
  headers: Map<string, string>
  body: Buffer
  end: number
}

/** The message that begins at `start`, as far as it is there; undefined when its head has no end yet. */
function readMessage(bytes: Buffer, start: number): HttpMessage | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n', start, 'latin1')
  if (headEnd < 0) return undefined
  const head = bytes.toString('latin1', start, headEnd)
  const lineEnd = head.indexOf('\r\n')
  const first = lineEnd < 0 ? head : head.slice(0, lineEnd)
  const rawHeaders = lineEnd < 0 ? '' : `${head.slice(lineEnd + 2)}\r\n`
  const headers = new Map<string, string>()
  for (const line of rawHeaders.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
  }
  const from = headEnd + 4
  if (/\bchunked\b/i.test(headers.get('transfer-encoding') ?? '')) {
    const { body, end } = readChunks(bytes, from)
    return { first, rawHeaders, headers, body, end }
  }
  const length = Number(headers.get('content-length') ?? 0)
  const isUntilClose = !headers.has('content-length') && first.startsWith('HTTP/')
  const end = isUntilClose || !(length >= 0) ? bytes.length : Math.min(bytes.length, from + length)
  return { first, rawHeaders, headers, body: bytes.subarray(from, Math.min(end, from + bodyBytesLimit)), end }
}

function readChunks(bytes: Buffer, start: number): { body: Buffer; end: number } {
  const pieces: Buffer[] = []
  let total = 0
  let at = start
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at, 'latin1')
    const size = lineEnd < 0 ? Number.NaN : Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    if (!(size >= 0)) return { body: Buffer.concat(pieces), end: bytes.length }
    if (size === 0) {
      const end = bytes.indexOf('\r\n', lineEnd + 2, 'latin1')
      return { body: Buffer.concat(pieces), end: end < 0 ? bytes.length : end + 2 }
    }
    const piece = bytes.subarray(lineEnd + 2, Math.min(bytes.length, lineEnd + 2 + size))
    if (total < bodyBytesLimit) pieces.push(piece)
    total += piece.length
    at = lineEnd + 2 + size + 2
    if (at >= bytes.length) return { body: Buffer.concat(pieces), end: bytes.length }
  }
}

function requestBuffers(message: HttpMessage): Record<string, Buffer> | undefined {
  const match = /^(\S+)\s+(.*?)(?:\s+HTTP\/\d\.\d)?$/.exec(message.first)
  if (!match) return undefined
  const [, method = '', target = ''] = match
  const uri = target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '') || target
  const host = message.headers.get('host') ?? ''
  return {
    ...commonBuffers(message),
    ...latin({
      'http.method': method,
      'http.uri': decodePercent(uri),
      'http.uri.raw': uri,
      'http.request_line': message.first,
      'http.host': host.toLowerCase().replace(/:\d+$/, ''),
      'http.host.raw': host,
    }),
    ...named(message, {
      'http.user_agent': 'user-agent',
      'http.referer': 'referer',
      'http.accept': 'accept',
      'http.cookie': 'cookie',
    }),
    'http.request_body': message.body,
    'file.data': message.body,
  }
}

function responseBuffers(message: HttpMessage): Record<string, Buffer> | undefined {
  const match = /^HTTP\/\d\.\d\s+(\d{3})\s*(.*)$/.exec(message.first)
  if (!match) return undefined
  const body = unpacked(message)
  return {
    ...commonBuffers(message),
    ...latin({ 'http.stat_code': match[1]!, 'http.stat_msg': match[2]!, 'http.response_line': message.first }),
    ...named(message, { 'http.server': 'server', 'http.location': 'location', 'http.cookie': 'set-cookie' }),
    'http.response_body': body,
    'file.data': body,
  }
}

function commonBuffers(message: HttpMessage): Record<string, Buffer> {
  const withoutCookies = message.rawHeaders
    .split('\r\n')
    .filter((line) => line !== '' && !/^(?:set-)?cookie\s*:/i.test(line))
    .map((line) => `${line.replace(/\s*:\s*/, ': ')}\r\n`)
    .join('')
  return {
    ...latin({ 'http.header': withoutCookies, 'http.header.raw': message.rawHeaders }),
    ...named(message, { 'http.content_type': 'content-type' }),
  }
}

function named({ headers }: HttpMessage, names: Record<string, string>): Record<string, Buffer> {
  const found: Record<string, Buffer> = {}
  for (const [buffer, header] of Object.entries(names)) {
    const value = headers.get(header)
    if (value !== undefined) found[buffer] = Buffer.from(value, 'latin1')
  }
  return found
}

function latin(texts: Record<string, string>): Record<string, Buffer> {
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, Buffer.from(text, 'latin1')]))
}

function decodePercent(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

function unpacked({ headers, body }: HttpMessage): Buffer {
  if (!/\bgzip\b/i.test(headers.get('content-encoding') ?? '')) return body
  try {
    return gunzipSync(body, { maxOutputLength: unpackedBytesLimit, finishFlush: 2 })
  } catch {
    // Not packed as the head says, or a bomb: the bytes as they travelled.
    return body
  }
}
