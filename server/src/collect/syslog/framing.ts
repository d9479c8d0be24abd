import { GrowingBuffer } from '../../lib/growing-buffer.ts'

const lineFeed = 10
const carriageReturn = 13
const space = 32
const tab = 9
const digitZero = 48
const digitNine = 57
const lessThan = 60

/**
 * RFC 6587 sets no bound; digits above this are the beginning of a line. Else one line that looks like a count, written
 * by whoever can put text into a log, would swallow a gigabyte of the connection behind it.
 */
const octetCountLimit = 16 << 20
const octetCountDigits = String(octetCountLimit).length

/** Which part of a message the emitted bytes are: all of it, or a piece of one that exceeded the bound. */
export type FramePart = 'whole' | 'first' | 'continued'

export interface FramerCounters {
  cutMessages: number
  halfMessages: number
}

type Mode =
  /** Before the first byte of a message. */
  | 'start'
  /** Inside digits that may be an octet count; they are kept in `held`. */
  | 'count'
  | 'octets'
  | 'line'
  /** A line has ended; the next byte tells whether the following line continues it. */
  | 'between'

/**
 * Cuts one TCP byte stream into syslog messages. Framing is found per message (RFC 6587): `LENGTH SP <PRI>...` is
 * octet-counted, anything else ends at LF, CR LF or NUL. Octet-counted messages keep inner newlines; in newline
 * framing a line that starts with white space continues the one before. The same bytes give the same messages however
 * they were cut into chunks. A message above the bound is handed on in parts, nothing of it is dropped.
 *
 * Emitted bytes are views, valid only during the call of `emit`.
 */
export class SyslogFramer {
  private mode: Mode = 'start'
  private octetsLeft = 0
  private part: FramePart = 'whole'
  private readonly held: GrowingBuffer
  private readonly emit: (bytes: Buffer, part: FramePart) => void
  private readonly counters: FramerCounters

  constructor(messageLimitBytes: number, emit: (bytes: Buffer, part: FramePart) => void, counters: FramerCounters) {
    this.held = new GrowingBuffer(messageLimitBytes)
    this.emit = emit
    this.counters = counters
  }

  /** Bytes held of a message that has not ended. */
  get heldBytes(): number {
    return this.held.length
  }

  /** True when a complete line waits for the next byte; `flush` after a bounded time hands it on. */
  get waits(): boolean {
    return this.mode === 'between'
  }

  push(chunk: Buffer): void {
    let position = 0
    let nul = chunk.indexOf(0)
    while (position < chunk.length) {
      if (nul >= 0 && nul < position) nul = chunk.indexOf(0, position)
      switch (this.mode) {
        case 'start':
          position = this.begin(chunk, position)
          break
        case 'count':
          position = this.readCount(chunk, position)
          break
        case 'octets':
          position = this.readOctets(chunk, position)
          break
        case 'line':
          position = this.readLine(chunk, position, nul)
          break
        case 'between':
          this.afterLine(chunk[position]!)
          break
      }
    }
  }

  /** Hands on a complete line that waits for a continuation. */
  flush(): void {
    if (this.mode === 'between') this.finish()
  }

  /** Hands on what is held as one part of a longer message, to give its memory back. */
  cut(): void {
    if (this.held.length === 0 || this.mode === 'count') return
    if (this.mode === 'between') this.finish()
    else this.emitPart()
  }

  /** The connection has ended: a message without its end is kept, and counted. */
  end(): void {
    if (this.mode === 'between') {
      this.finish()
    } else if (this.held.length > 0) {
      this.counters.halfMessages++
      this.finish()
    } else if (this.mode === 'octets') {
      this.counters.halfMessages++
    }
    this.mode = 'start'
    this.part = 'whole'
  }

  private begin(chunk: Buffer, position: number): number {
    const byte = chunk[position]!
    if (byte === lineFeed || byte === carriageReturn || byte === 0) return position + 1
    this.mode = byte > digitZero && byte <= digitNine ? 'count' : 'line'
    return position
  }

  private readCount(chunk: Buffer, from: number): number {
    for (let position = from; position < chunk.length; position++) {
      const byte = chunk[position]!
      const previous = position > from ? chunk[position - 1]! : this.lastHeld
      if (previous === space) {
        this.held.append(chunk, from, position)
        const count = byte === lessThan ? this.count() : undefined
        if (count === undefined) {
          this.mode = 'line'
        } else {
          this.octetsLeft = count
          this.mode = 'octets'
        }
        return position
      }
      const digits = this.held.length + position - from
      const isCount =
        (byte >= digitZero && byte <= digitNine && digits < octetCountDigits) || (byte === space && digits > 0)
      if (!isCount) {
        this.held.append(chunk, from, position)
        this.mode = 'line'
        return position
      }
      this.lastHeld = byte
    }
    this.held.append(chunk, from, chunk.length)
    return chunk.length
  }

  /** The held digits as a count; undefined, and still held, when no message is that long. */
  private count(): number | undefined {
    const digits = this.held.take()
    const count = Number(digits.toString('latin1'))
    if (count <= octetCountLimit) return count
    this.held.append(digits, 0, digits.length)
    return undefined
  }

  /** Last byte put into `held` while reading a count. */
  private lastHeld = 0

  private readOctets(chunk: Buffer, position: number): number {
    const end = Math.min(chunk.length, position + this.octetsLeft)
    if (this.held.length === 0 && end - position === this.octetsLeft && this.octetsLeft <= this.held.room) {
      this.octetsLeft = 0
      this.finishView(chunk, position, end)
      return end
    }
    const taken = this.hold(chunk, position, end)
    this.octetsLeft -= taken - position
    if (this.octetsLeft === 0) this.finish()
    return taken
  }

  private readLine(chunk: Buffer, position: number, nul: number): number {
    let end = chunk.indexOf(lineFeed, position)
    const endsAtNul = nul >= 0 && (end < 0 || nul < end)
    if (endsAtNul) end = nul
    if (end < 0) return this.hold(chunk, position, chunk.length)
    const next = endsAtNul ? lineFeed : chunk[end + 1]
    const isSure = next !== undefined && next !== space && next !== tab
    if (isSure && this.held.length === 0 && end - position <= this.held.room) {
      this.finishView(chunk, position, end)
      return end + 1
    }
    const taken = this.hold(chunk, position, end)
    if (taken < end) return taken
    if (endsAtNul) this.finish()
    else this.mode = 'between'
    return end + 1
  }

  private afterLine(next: number): void {
    if ((next === space || next === tab) && this.held.room > 0) {
      this.held.append(newline, 0, 1)
      this.mode = 'line'
    } else {
      this.finish()
    }
  }

  /** Holds `chunk[position, end)` as far as the bound allows; at the bound a part is handed on. Returns the new position. */
  private hold(chunk: Buffer, position: number, end: number): number {
    if (position === end) return position
    if (this.held.room === 0) this.emitPart()
    const taken = Math.min(end, position + this.held.room)
    this.held.append(chunk, position, taken)
    return taken
  }

  private emitPart(): void {
    if (this.part === 'whole') {
      this.counters.cutMessages++
      this.part = 'first'
    }
    this.emit(this.held.take(), this.part)
    this.part = 'continued'
  }

  private finish(): void {
    const bytes = this.held.take()
    this.finishView(bytes, 0, bytes.length)
  }

  private finishView(bytes: Buffer, start: number, end: number): void {
    let last = end
    if (last > start && bytes[last - 1] === 0) last--
    if (last > start && bytes[last - 1] === lineFeed) last--
    if (last > start && bytes[last - 1] === carriageReturn) last--
    const part = this.part
    this.mode = 'start'
    this.part = 'whole'
    this.lastHeld = 0
    if (last > start) this.emit(bytes.subarray(start, last), part)
  }
}

const newline = Buffer.from('\n')
