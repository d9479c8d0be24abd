import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'

/**
 * A frame is a run of records written together. Layout, little endian:
 * magic u32, crc32 of all that follows u32, body bytes u32, records u32, offset of the first record f64, time of writing
 * f64 (ms since the epoch), position in the segment up to which everything was durable when this was written f64,
 * digest of the idempotency key (16 bytes, zeros when there was none), 8 bytes unused; then each record as length u32
 * and bytes.
 */
export const headerBytes = 64
const magic = 0x31464257

export interface Frame {
  /** Where the frame begins and ends in the bytes it was read from. */
  start: number
  end: number
  count: number
  firstOffset: number
  writtenAtMs: number
  durablePosition: number
  /** Latin-1 text of the 16 digest bytes; '' without a key. */
  keyDigest: string
}

/** 128 bits of SHA-256, as 16 Latin-1 characters. */
export function digestKey(idempotencyKey: string): string {
  return createHash('sha256').update(idempotencyKey).digest().toString('latin1', 0, 16)
}

const noKey = '\0'.repeat(16)

/**
 * Reads the frame that begins at `start`. `incomplete` when the bytes end before the frame does; `invalid` when what
 * stands there is no whole frame.
 */
export function readFrame(bytes: Buffer, start: number): Frame | 'incomplete' | 'invalid' {
  if (bytes.length - start < headerBytes) return 'incomplete'
  if (bytes.readUInt32LE(start) !== magic) return 'invalid'
  const end = start + headerBytes + bytes.readUInt32LE(start + 8)
  if (end > bytes.length) return 'incomplete'
  if (crc32(bytes.subarray(start + 8, end)) !== bytes.readUInt32LE(start + 4)) return 'invalid'
  const digest = bytes.toString('latin1', start + 40, start + 56)
  return {
    start,
    end,
    count: bytes.readUInt32LE(start + 12),
    firstOffset: bytes.readDoubleLE(start + 16),
    writtenAtMs: bytes.readDoubleLE(start + 24),
    durablePosition: bytes.readDoubleLE(start + 32),
    keyDigest: digest === noKey ? '' : digest,
  }
}

/** Bytes the frame at `start` claims to take; undefined when no header stands there. */
export function claimedFrameBytes(bytes: Buffer, start: number): number | undefined {
  if (bytes.length - start < headerBytes || bytes.readUInt32LE(start) !== magic) return undefined
  return headerBytes + bytes.readUInt32LE(start + 8)
}

const magicBytes = Buffer.from([0x57, 0x42, 0x46, 0x31])

/** Where the next bytes that look like a header begin, from `start` on; -1 when nowhere. */
export function findHeader(bytes: Buffer, start: number): number {
  return bytes.indexOf(magicBytes, start)
}

/**
 * Appends the frame's records from number `from` on to `into`, until there are `limit` more or `byteLimit` bytes are
 * reached (one record at least); they are views, not copies. Returns how many there were, and their bytes.
 */
export function readRecords(
  bytes: Buffer,
  frame: Frame,
  from: number,
  { limit, byteLimit }: { limit: number; byteLimit: number },
  into: Uint8Array[],
): { count: number; byteCount: number } {
  let position = frame.start + headerBytes
  for (let index = 0; index < from; index++) position += 4 + bytes.readUInt32LE(position)
  const available = Math.min(limit, frame.count - from)
  let count = 0
  let byteCount = 0
  while (count < available && (count === 0 || byteCount < byteLimit)) {
    const length = bytes.readUInt32LE(position)
    into.push(new Uint8Array(bytes.buffer, bytes.byteOffset + position + 4, length))
    position += 4 + length
    byteCount += length
    count++
  }
  return { count, byteCount }
}

/** Frames without a key share one frame up to this size, so that small publications cost no header each. */
const sharedFrameBytes = 1 << 20

interface Draft {
  start: number
  count: number
  hasKey: boolean
}

/**
 * Collects frames in one growing buffer that is written at once. Offsets, positions and checksums are filled in by
 * `finish`, since only then is it known where the buffer will lie.
 */
export class FrameBuffer {
  #bytes = Buffer.allocUnsafeSlow(1 << 16)
  #length = 0
  #drafts: Draft[] = []
  count = 0

  get length(): number {
    return this.#length
  }

  /** Copies the records in; returns the number of the first one within this buffer. */
  add(records: readonly Uint8Array[], bodyBytes: number, keyDigest: string): number {
    const first = this.count
    this.#reserve(headerBytes + bodyBytes)
    let draft = this.#drafts.at(-1)
    if (draft === undefined || draft.hasKey || keyDigest !== '' || this.#length - draft.start > sharedFrameBytes) {
      draft = { start: this.#length, count: 0, hasKey: keyDigest !== '' }
      this.#drafts.push(draft)
      this.#bytes.fill(0, this.#length, this.#length + headerBytes)
      if (keyDigest !== '') this.#bytes.write(keyDigest, this.#length + 40, 'latin1')
      this.#length += headerBytes
    }
    const bytes = this.#bytes
    let position = this.#length
    for (const record of records) {
      bytes.writeUInt32LE(record.length, position)
      bytes.set(record, position + 4)
      position += 4 + record.length
    }
    this.#length = position
    draft.count += records.length
    this.count += records.length
    return first
  }

  /** Fills in the headers and returns the bytes to write at `position`. */
  finish(firstOffset: number, position: number, writtenAtMs: number): Buffer {
    let offset = firstOffset
    for (const [index, draft] of this.#drafts.entries()) {
      const end = this.#drafts[index + 1]?.start ?? this.#length
      const bytes = this.#bytes
      bytes.writeUInt32LE(magic, draft.start)
      bytes.writeUInt32LE(end - draft.start - headerBytes, draft.start + 8)
      bytes.writeUInt32LE(draft.count, draft.start + 12)
      bytes.writeDoubleLE(offset, draft.start + 16)
      bytes.writeDoubleLE(writtenAtMs, draft.start + 24)
      bytes.writeDoubleLE(position, draft.start + 32)
      bytes.writeUInt32LE(crc32(bytes.subarray(draft.start + 8, end)), draft.start + 4)
      offset += draft.count
    }
    return this.#bytes.subarray(0, this.#length)
  }

  clear(): void {
    this.#length = 0
    this.count = 0
    this.#drafts = []
    // One giant publication must not hold its memory for ever.
    if (this.#bytes.length > 16 << 20) this.#bytes = Buffer.allocUnsafeSlow(1 << 16)
  }

  #reserve(byteCount: number): void {
    const needed = this.#length + byteCount
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }
}
