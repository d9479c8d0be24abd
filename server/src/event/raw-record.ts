/** How a record reached us. */
export type Transport = 'syslog-udp' | 'syslog-tcp' | 'http' | 'bulk' | 'file' | 'internal' | 'canary' | 'flow'

/** One record as a collector received it: bytes and the facts about their arrival, nothing parsed. */
export interface RawRecord {
  receivedAtMs: number
  transport: Transport
  /** Peer address for sockets, token name for HTTP, file name for imports. */
  sender: string
  /** Name the sender gave the source (the URL's last part, `_index` of a bulk item); empty when it gave none. */
  source: string
  /** The record as it came, without its framing (no trailing newline, no octet count). */
  body: Uint8Array
}

/** Identity of a sender in the list of sources: transport family, then the name it gave or its address. */
export function sourceKey(record: Pick<RawRecord, 'transport' | 'sender' | 'source'>): string {
  const family = record.transport.startsWith('syslog') ? 'syslog' : record.transport
  return `${family}:${record.source || record.sender}`
}

const transports: Transport[] = ['syslog-udp', 'syslog-tcp', 'http', 'bulk', 'file', 'internal', 'canary', 'flow']

/**
 * Bytes of a record on the bus: version 1, transport, received (float64), length-prefixed sender and source
 * (u16 little endian, UTF-8), then the body to the end.
 */
export function encodeRawRecord(record: RawRecord): Uint8Array {
  const { sender, source, transport, body } = record
  if (sender !== latest.sender || source !== latest.source || transport !== latest.transport)
    latest = { sender, source, transport, head: encodeHead(record) }
  const { head } = latest
  const out = Buffer.allocUnsafe(head.length + body.length)
  out.set(head)
  out.writeDoubleLE(record.receivedAtMs, 2)
  out.set(body, head.length)
  return out
}

/** Head of the last record: those of a request or a connection are the same but for the time. */
let latest = { sender: '', source: '', transport: '' as Transport | '', head: Buffer.alloc(0) }

function encodeHead({ transport, sender, source }: RawRecord): Buffer<ArrayBuffer> {
  const names = [Buffer.from(sender), Buffer.from(source)] as const
  const head = Buffer.alloc(14)
  head[0] = 1
  head[1] = transports.indexOf(transport)
  head.writeUInt16LE(names[0].length, 10)
  head.writeUInt16LE(names[1].length, 12)
  return Buffer.concat([head, ...names])
}

/** The inverse of `encodeRawRecord`; the body is a view into `bytes`, not a copy. */
export function decodeRawRecord(bytes: Uint8Array): RawRecord {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const transport = transports[view[1]!]
  if (view[0] !== 1 || transport === undefined) throw new RangeError(`raw record of unknown version ${view[0]}`)
  const senderEnd = 14 + view.readUInt16LE(10)
  const sourceEnd = senderEnd + view.readUInt16LE(12)
  return {
    transport,
    receivedAtMs: view.readDoubleLE(2),
    sender: view.toString('utf8', 14, senderEnd),
    source: view.toString('utf8', senderEnd, sourceEnd),
    body: view.subarray(sourceEnd),
  }
}
