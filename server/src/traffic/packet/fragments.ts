import { u16be } from '../../lib/binary.ts'
import type { Packet } from './packet.ts'
import type { ReportWeird } from './weird.ts'

/** Datagrams that wait for their fragments, and bytes they may hold in all; the oldest gives way. */
const datagramLimit = 4_096
const bytesLimit = 16 * 1_048_576
const timeoutUs = 30e6
const datagramBytesLimit = 65_535
/** Of one datagram; an honest sender at an MTU of 68 bytes, the smallest IPv4 allows, needs more, but none is seen. */
const pieceLimit = 1_024

interface Piece {
  start: number
  bytes: Uint8Array
}

interface Datagram {
  startedUs: number
  pieces: Piece[]
  heldBytes: number
  /** Known once the last fragment came. */
  payloadLength: number
  /** IP header of the first fragment, without the fragment extension header for IPv6. */
  header: Uint8Array | undefined
  protocol: number
}

/**
 * Puts IPv4 and IPv6 fragments together (RFC 791, RFC 8200 section 4.5). Where fragments overlap, the bytes that came
 * first stand, and it is told. RFC 5722 forbids overlaps for IPv6; a listener cannot know what the receiver did.
 */
export class Fragments {
  readonly counters = { fragments: 0, assembled: 0, expired: 0, evicted: 0 }
  private readonly waiting = new Map<string, Datagram>()
  private heldBytes = 0
  private readonly weird: ReportWeird

  constructor(weird: ReportWeird) {
    this.weird = weird
  }

  /**
   * Takes the fragment in `packet`, whose fragment payload lies at `[start, packet.end)`. Answers true when the datagram
   * is complete: then `packet` holds it, with header and payload in a buffer of its own.
   */
  take(
    packet: Packet,
    fragment: { id: number; offset: number; isLast: boolean; start: number; headerEnd: number; protocol: number },
  ): boolean {
    const { bytes } = packet
    const end = Math.min(packet.end, packet.ipEnd)
    this.counters.fragments++
    this.expire(packet.timeUs)
    const length = end - fragment.start
    if (length <= 0 || fragment.offset + length > datagramBytesLimit) {
      this.weird('fragment_size_inconsistency')
      return false
    }
    const addressBytes = packet.ipVersion === 4 ? 8 : 32
    const addresses = Buffer.from(bytes.buffer, bytes.byteOffset + packet.sourceOffset, addressBytes).toString('latin1')
    const key = `${addresses}${fragment.id}/${fragment.protocol}`
    packet.fragmentKey = key
    let datagram = this.waiting.get(key)
    if (!datagram) {
      datagram = {
        startedUs: packet.timeUs,
        pieces: [],
        heldBytes: 0,
        payloadLength: -1,
        header: undefined,
        protocol: fragment.protocol,
      }
      this.waiting.set(key, datagram)
    }
    if (datagram.pieces.length >= pieceLimit) {
      this.weird('excessively_small_fragment')
      this.drop(key, datagram)
      return false
    }
    this.add(datagram, fragment.offset, bytes.slice(fragment.start, end))
    if (fragment.offset === 0) datagram.header = bytes.slice(packet.ipStart, fragment.headerEnd)
    if (fragment.isLast) {
      const total = fragment.offset + length
      if (datagram.payloadLength >= 0 && datagram.payloadLength !== total) this.weird('fragment_inconsistency')
      datagram.payloadLength = total
    }
    if (datagram.payloadLength < 0 || !datagram.header || datagram.heldBytes < datagram.payloadLength) {
      this.bound()
      return false
    }
    this.drop(key, datagram)
    this.assemble(packet, datagram, datagram.header)
    return true
  }

  /** Keeps of a new piece what earlier ones do not cover. */
  private add(datagram: Datagram, offset: number, bytes: Uint8Array): void {
    let start = offset
    const end = offset + bytes.length
    const before = datagram.pieces
    const after: Piece[] = []
    let placed = false
    const put = (from: number, to: number) => {
      if (from >= to) return
      after.push({ start: from, bytes: bytes.subarray(from - offset, to - offset) })
      datagram.heldBytes += to - from
      this.heldBytes += to - from
    }
    for (const piece of before) {
      const pieceEnd = piece.start + piece.bytes.length
      if (!placed && piece.start >= start) {
        if (piece.start < end && pieceEnd > start) this.weird('fragment_overlap')
        put(start, Math.min(end, piece.start))
        start = Math.max(start, Math.min(end, pieceEnd))
        if (piece.start >= end) placed = true
      } else if (!placed && pieceEnd > start) {
        this.weird('fragment_overlap')
        start = Math.min(end, pieceEnd)
      }
      after.push(piece)
    }
    put(start, end)
    after.sort((one, two) => one.start - two.start)
    datagram.pieces = after
  }

  private assemble(packet: Packet, datagram: Datagram, header: Uint8Array): void {
    const whole = new Uint8Array(header.length + datagram.payloadLength)
    whole.set(header)
    for (const piece of datagram.pieces) {
      if (piece.start >= datagram.payloadLength) continue
      const room = datagram.payloadLength - piece.start
      whole.set(piece.bytes.length > room ? piece.bytes.subarray(0, room) : piece.bytes, header.length + piece.start)
    }
    const shift = packet.sourceOffset - packet.ipStart
    packet.bytes = whole
    packet.start = 0
    packet.end = whole.length
    packet.ipStart = 0
    packet.ipEnd = whole.length
    packet.sourceOffset = shift
    packet.destinationOffset = shift + (packet.ipVersion === 4 ? 4 : 16)
    packet.macSource = -1
    packet.macDestination = -1
    this.counters.assembled++
  }

  private expire(nowUs: number): void {
    for (const [key, datagram] of this.waiting) {
      if (nowUs - datagram.startedUs < timeoutUs) return
      this.counters.expired++
      this.drop(key, datagram)
    }
  }

  private bound(): void {
    for (const [key, datagram] of this.waiting) {
      if (this.waiting.size <= datagramLimit && this.heldBytes <= bytesLimit) return
      this.counters.evicted++
      this.drop(key, datagram)
    }
  }

  private drop(key: string, datagram: Datagram): void {
    this.waiting.delete(key)
    this.heldBytes -= datagram.heldBytes
  }
}

/** True when the IPv4 header at `start` belongs to a fragment. */
export function isIpv4Fragment(bytes: Uint8Array, start: number): boolean {
  return (u16be(bytes, start + 6) & 0x3fff) !== 0
}
