import type { Side } from '../record.ts'

/** One held segment, a copy of what arrived before its turn. */
interface Segment {
  sequence: number
  bytes: Uint8Array
  /** Bytes after these that the capture cut off. */
  cutBytes: number
}

const segmentLimit = 256
const heldBytesLimit = 1_048_576
/** A jump further ahead than any window (RFC 7323) is another connection or nonsense, not a hole. */
const jumpLimit = 1 << 30

/** What becomes of the bytes of each side, in their order. */
export interface OrderedBytes {
  ordered(side: Side, bytes: Uint8Array, start: number, end: number): void
  missing(side: Side, length: number): void
}

export interface SideCounters {
  retransmittedBytes: number
  outOfOrder: number
  missingBytes: number
}

/**
 * Puts the segments of one side of a TCP conversation in order. Where segments overlap, the bytes that came first
 * stand. Missing bytes are given up when the other side acknowledges what lies behind them, or when too much waits.
 */
export class TcpSide implements SideCounters {
  retransmittedBytes = 0
  outOfOrder = 0
  missingBytes = 0
  private segments: Segment[] = []
  private heldBytes = 0
  /** Sequence number that comes next. */
  private next: number
  private readonly side: Side
  private readonly out: OrderedBytes

  constructor(next: number, side: Side, out: OrderedBytes) {
    this.next = next
    this.side = side
    this.out = out
  }

  get isWaiting(): boolean {
    return this.segments.length > 0
  }

  /** Takes `bytes[start, end)` that begin at `sequence`; the packet had `cutBytes` more that were not captured. */
  segment(sequence: number, bytes: Uint8Array, start: number, end: number, cutBytes: number): void {
    const ahead = (sequence - this.next) | 0
    const length = end - start
    if (ahead === 0) {
      this.deliver(bytes, start, end, cutBytes)
    } else if (ahead < 0) {
      const known = -ahead
      this.retransmittedBytes += Math.min(known, length)
      if (known >= length + cutBytes) return
      if (known >= length) this.deliver(bytes, end, end, length + cutBytes - known)
      else this.deliver(bytes, start + known, end, cutBytes)
    } else {
      if (ahead > jumpLimit) return
      this.outOfOrder++
      this.hold({ sequence, bytes: bytes.slice(start, end), cutBytes })
      if (this.segments.length > segmentLimit || this.heldBytes > heldBytesLimit) this.skipHole()
      return
    }
    if (this.segments.length > 0) this.drain()
  }

  /** The other side has acknowledged everything before `sequence`: what is missing before it will not come again. */
  acknowledged(sequence: number): void {
    while (this.segments.length > 0) {
      const first = this.segments[0]!
      if (((sequence - first.sequence) | 0) < first.bytes.length) return
      this.skipHole()
    }
  }

  /** Nothing more will come: what waits is delivered with its holes. */
  finish(): void {
    while (this.segments.length > 0) this.skipHole()
  }

  private deliver(bytes: Uint8Array, start: number, end: number, cutBytes: number): void {
    this.next = (this.next + end - start + cutBytes) >>> 0
    if (end > start) this.out.ordered(this.side, bytes, start, end)
    if (cutBytes > 0) {
      this.missingBytes += cutBytes
      this.out.missing(this.side, cutBytes)
    }
  }

  private hold(segment: Segment): void {
    let at = this.segments.length
    while (at > 0 && ((this.segments[at - 1]!.sequence - segment.sequence) | 0) > 0) at--
    // The same segment sent again while it waits is not kept twice.
    const before = this.segments[at - 1]
    if (before && before.sequence === segment.sequence && before.bytes.length >= segment.bytes.length) {
      this.retransmittedBytes += segment.bytes.length
      return
    }
    this.segments.splice(at, 0, segment)
    this.heldBytes += segment.bytes.length
  }

  private drain(): void {
    while (this.segments.length > 0) {
      const { sequence, bytes, cutBytes } = this.segments[0]!
      const ahead = (sequence - this.next) | 0
      if (ahead > 0) return
      this.segments.shift()
      this.heldBytes -= bytes.length
      const known = -ahead
      if (known >= bytes.length + cutBytes) {
        this.retransmittedBytes += bytes.length
        continue
      }
      if (known >= bytes.length) this.deliver(bytes, bytes.length, bytes.length, bytes.length + cutBytes - known)
      else this.deliver(bytes, known, bytes.length, cutBytes)
    }
  }

  private skipHole(): void {
    const first = this.segments[0]!
    const missing = (first.sequence - this.next) | 0
    if (missing > 0) {
      this.missingBytes += missing
      this.next = first.sequence
      this.out.missing(this.side, missing)
    }
    this.drain()
  }
}
