/** How a record reached us. */
export type Transport = 'syslog-udp' | 'syslog-tcp' | 'http' | 'bulk' | 'file' | 'internal' | 'canary'

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

const transports: Transport[] = ['syslog-udp', 'syslog-tcp', 'http', 'bulk', 'file', 'internal', 'canary']

/**
 * Bytes of a record on the bus: version 1, transport, received (float64), length-prefixed sender and source
 * (u16 little endian, UTF-8), then the body to the end.
 */
export function encodeRawRecord(record: RawRecord): Uint8Array {
  const sender = Buffer.from(record.sender)
  const source = Buffer.from(record.source)
  const out = Buffer.allocUnsafe(14 + sender.length + source.length + record.body.length)
  out[0] = 1
  out[1] = transports.indexOf(record.transport)
  out.writeDoubleLE(record.receivedAtMs, 2)
  out.writeUInt16LE(sender.length, 10)
  out.writeUInt16LE(source.length, 12)
  sender.copy(out, 14)
  source.copy(out, 14 + sender.length)
  out.set(record.body, 14 + sender.length + source.length)
  return out
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
