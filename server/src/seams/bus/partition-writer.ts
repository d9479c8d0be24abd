import type { Logger } from 'pino'
import { CodedError } from '../../event/errors.ts'
import type { Clock } from '../clock/clock.ts'
import type { OffsetRange } from './bus.ts'
import type { Files, OpenFile } from './files.ts'
import { digestKey, FrameBuffer } from './frame.ts'
import { IdempotencyKeys } from './idempotency-keys.ts'
import { listSegments, SegmentWalk, segmentName, segmentPath } from './segments.ts'

/** Everything before this place is durable: readers go no further. */
export interface PartitionEnd {
  /** First offset of the segment being written. */
  segment: number
  /** Bytes of that segment that are durable. */
  position: number
  /** Offset the next record will get. */
  nextOffset: number
}

export interface WriterLimits {
  /** Bytes that may wait for the slowest group; beyond it BUS_FULL. */
  limitBytes: number
  /** A segment is closed when it reaches this size. */
  segmentBytes: number
  /** Free space that is left to the stores, or they could not drain the backlog; below it BUS_UNWRITABLE. */
  reserveBytes: number
  /** Idempotency keys remembered, and for how long. */
  keyLimit: number
  keyAgeMs: number
}

export interface WriterSurroundings {
  files: Files
  clock: Clock
  logger: Logger
  limits: WriterLimits
  /** Offset up to which every group is done with the partition; -1 when one has not begun. */
  committedByAll(): number
  /** Furthest offset any group has committed; -1 when there is none. */
  committedByAny(): number
  /** Called after each flush. */
  onEnd(end: PartitionEnd): void
}

const largestPublicationBytes = 64 << 20
const waitingLimitBytes = 64 << 20
const freeSpaceCheckMs = 1_000

interface Waiter {
  firstInBuffer: number
  count: number
  keyDigest: string
  resolve(range: OffsetRange): void
  reject(error: unknown): void
}

/**
 * The one writer of a partition. What is published while a write is being synced waits in a buffer and goes out with
 * the next one (group commit): one write and one fdatasync serve everybody who waits.
 */
export class PartitionWriter {
  readonly #partition: number
  readonly #directory: string
  readonly #around: WriterSurroundings
  readonly #keys: IdempotencyKeys
  readonly #unlock: () => void
  #file: OpenFile | undefined
  #segment = 0
  #position = 0
  #nextOffset = 0
  /** Closed segments that are still there: first offset and size. */
  #closed: { first: number; bytes: number }[] = []
  /** The file may be longer than what was acknowledged, and must be cut back before the next write. */
  #overhangs = false
  #waiting = new FrameBuffer()
  #flushing = new FrameBuffer()
  #waiters: Waiter[] = []
  #underWay = new Map<string, Promise<OffsetRange>>()
  #running: Promise<void> | undefined
  #removing: Promise<void> | undefined
  #removalWanted = false
  #freeBytes = Number.POSITIVE_INFINITY
  #freeCheckedAtMs = Number.NEGATIVE_INFINITY

  private constructor(partition: number, directory: string, around: WriterSurroundings, unlock: () => void) {
    this.#partition = partition
    this.#directory = directory
    this.#around = around
    this.#unlock = unlock
    this.#keys = new IdempotencyKeys(around.files, directory, around.limits.keyLimit, around.limits.keyAgeMs)
  }

  /**
   * Opens the partition for writing: cuts a torn tail off, and learns the idempotency keys.
   * Rejects with DATA_DIR_BUSY when somebody else writes it.
   */
  static async open(
    partition: number,
    directory: string,
    around: WriterSurroundings,
    lockOptions?: { evenFromThisProcess: boolean },
  ): Promise<PartitionWriter> {
    await around.files.makeDirectory(directory)
    const unlock = around.files.lock(directory, lockOptions)
    try {
      const writer = new PartitionWriter(partition, directory, around, unlock)
      await writer.#recover()
      return writer
    } catch (error) {
      unlock()
      throw error
    }
  }

  get end(): PartitionEnd {
    return { segment: this.#segment, position: this.#position, nextOffset: this.#nextOffset }
  }

  publish(records: readonly Uint8Array[], idempotencyKey: string | undefined): Promise<OffsetRange> {
    if (records.length === 0) {
      return Promise.resolve({ partition: this.#partition, first: this.#nextOffset, last: this.#nextOffset - 1 })
    }
    if (idempotencyKey === undefined) return this.#append(records, '')
    const digest = digestKey(idempotencyKey)
    const known = this.#keys.find(digest)
    if (known) return Promise.resolve({ partition: this.#partition, first: known.first, last: known.last })
    const underWay = this.#underWay.get(digest)
    if (underWay) return underWay
    const appended = this.#append(records, digest).finally(() => this.#underWay.delete(digest))
    this.#underWay.set(digest, appended)
    return appended
  }

  #append(records: readonly Uint8Array[], keyDigest: string): Promise<OffsetRange> {
    let bodyBytes = 4 * records.length
    for (const record of records) bodyBytes += record.length
    if (bodyBytes > largestPublicationBytes) {
      const message = `A publication of ${bodyBytes} bytes is over the bound of ${largestPublicationBytes}`
      return Promise.reject(new CodedError('TOO_LARGE', message, { bodyBytes, largestPublicationBytes }))
    }
    const backlog = this.backlogBytes()
    const full = backlog + this.#waiting.length + this.#flushing.length + bodyBytes > this.#around.limits.limitBytes
    if (full || this.#waiting.length + bodyBytes > waitingLimitBytes + largestPublicationBytes) {
      const detail = { partition: this.#partition, backlogBytes: backlog, limitBytes: this.#around.limits.limitBytes }
      return Promise.reject(new CodedError('BUS_FULL', 'The bus holds as much as it may', detail))
    }
    const firstInBuffer = this.#waiting.add(records, bodyBytes, keyDigest)
    return new Promise((resolve, reject) => {
      this.#waiters.push({ firstInBuffer, count: records.length, keyDigest, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** Bytes of the segments that some group is not done with. */
  backlogBytes(): number {
    const committed = this.#around.committedByAll()
    let bytes = committed >= this.#nextOffset - 1 ? 0 : this.#position
    for (let index = this.#closed.length - 1; index >= 0; index--) {
      const nextFirst = this.#closed[index + 1]?.first ?? this.#segment
      if (nextFirst - 1 <= committed) break
      bytes += this.#closed[index]!.bytes
    }
    return bytes
  }

  async #run(): Promise<void> {
    // Let everything that is published in this turn of the event loop into the same write.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#waiters.length > 0) {
      const waiters = this.#waiters
      const buffer = this.#waiting
      this.#waiting = this.#flushing
      this.#flushing = buffer
      this.#waiters = []
      try {
        const first = await this.#flush(buffer, waiters)
        for (const waiter of waiters) {
          const range = { partition: this.#partition, first: first + waiter.firstInBuffer, last: 0 }
          range.last = range.first + waiter.count - 1
          waiter.resolve(range)
        }
      } catch (error) {
        for (const waiter of waiters) waiter.reject(error)
      }
      buffer.clear()
    }
    this.#running = undefined
  }

  /** Makes the buffer durable, whole or not at all; returns the offset of its first record. */
  async #flush(buffer: FrameBuffer, waiters: readonly Waiter[]): Promise<number> {
    const { clock, limits } = this.#around
    const first = this.#nextOffset
    try {
      await this.#requireFreeSpace(buffer.length)
      await this.#cutOverhang()
      if (this.#position >= limits.segmentBytes) await this.#roll()
      const writtenAtMs = clock.now()
      const bytes = buffer.finish(first, this.#position, writtenAtMs)
      this.#overhangs = true
      await this.#file!.write(bytes, this.#position)
      await this.#file!.sync()
      this.#overhangs = false
      this.#position += bytes.length
      this.#nextOffset += buffer.count
      for (const { keyDigest, firstInBuffer, count } of waiters) {
        if (keyDigest === '') continue
        const firstOfKey = first + firstInBuffer
        this.#keys.remember({ digest: keyDigest, first: firstOfKey, last: firstOfKey + count - 1, writtenAtMs })
      }
    } catch (error) {
      await this.#cutOverhang().catch(() => undefined)
      if (error instanceof CodedError) throw error
      const { code } = error as NodeJS.ErrnoException
      this.#around.logger.error({ err: error, partition: this.#partition }, 'the bus could not be written')
      throw new CodedError(
        'BUS_UNWRITABLE',
        `The bus cannot be written: ${code ?? (error as Error).message}`,
        { code },
        { cause: error },
      )
    }
    this.#around.onEnd(this.end)
    return first
  }

  async #cutOverhang(): Promise<void> {
    if (!this.#overhangs) return
    await this.#file!.truncate(this.#position)
    this.#overhangs = false
  }

  /** Asked once a second; in between, what we have written since is counted off. */
  async #requireFreeSpace(byteCount: number): Promise<void> {
    const { clock, files, limits } = this.#around
    if (limits.reserveBytes === 0) return
    this.#freeBytes -= byteCount
    if (clock.now() - this.#freeCheckedAtMs >= freeSpaceCheckMs || this.#freeBytes < limits.reserveBytes) {
      this.#freeBytes = (await files.freeBytes(this.#directory)) - byteCount
      this.#freeCheckedAtMs = clock.now()
    }
    if (this.#freeBytes < limits.reserveBytes) {
      const detail = { freeBytes: this.#freeBytes, reserveBytes: limits.reserveBytes }
      throw new CodedError('BUS_UNWRITABLE', 'The disk has less free space than is kept for the stores', detail)
    }
  }

  /** Closes the segment and begins the next; then removes the segments that every group has passed. */
  async #roll(): Promise<void> {
    const { files, clock } = this.#around
    await this.#keys.save(segmentName(this.#segment), this.#segment, this.#nextOffset - 1, clock.now())
    const next = await this.#create(this.#nextOffset)
    await this.#file!.close()
    this.#closed.push({ first: this.#segment, bytes: this.#position })
    this.#file = next
    this.#segment = this.#nextOffset
    this.#position = 0
    await this.removePassed()
    await files.syncDirectory(this.#directory)
  }

  async #create(firstOffset: number): Promise<OpenFile> {
    const { files } = this.#around
    const file = await files.open(segmentPath(this.#directory, firstOffset), 'write')
    try {
      await file.truncate(0)
      await file.sync()
      await files.syncDirectory(this.#directory)
      return file
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Removes closed segments that every group has committed past. */
  removePassed(): Promise<void> {
    this.#removalWanted = true
    this.#removing ??= this.#removeSegments().finally(() => {
      this.#removing = undefined
      // A group may have moved on in the very moment when the removal came to its end.
      if (this.#removalWanted) return this.removePassed()
    })
    return this.#removing
  }

  async #removeSegments(): Promise<void> {
    while (this.#closed.length > 0) {
      this.#removalWanted = false
      const nextFirst = this.#closed[1]?.first ?? this.#segment
      if (nextFirst - 1 > this.#around.committedByAll()) return
      await this.#around.files.remove(segmentPath(this.#directory, this.#closed[0]!.first))
      this.#closed.shift()
    }
    this.#removalWanted = false
  }

  async #recover(): Promise<void> {
    const { files, clock, logger } = this.#around
    const covered = await this.#keys.load(clock.now())
    const segments = await listSegments(files, this.#directory)
    for (const [index, first] of segments.entries()) {
      const isLast = index === segments.length - 1
      const file = await files.open(segmentPath(this.#directory, first), 'write')
      const bytes = await file.size()
      if (!isLast && covered.has(first)) {
        this.#closed.push({ first, bytes })
        await file.close()
        continue
      }
      const whole = await this.#scan(file, first, bytes, segments[index + 1])
      if (!isLast) {
        this.#closed.push({ first, bytes: whole.position })
        await file.close()
        continue
      }
      if (whole.position < bytes) {
        logger.warn({ partition: this.#partition, bytes: bytes - whole.position }, 'cut a torn tail off the bus')
        await file.truncate(whole.position)
      }
      // What a killed predecessor wrote may not be durable yet, and readers take everything before `end` for durable.
      await file.sync()
      this.#file = file
      this.#segment = first
      this.#position = whole.position
      this.#nextOffset = whole.nextOffset
    }
    // Nor may the names of files that a killed predecessor made: a power cut would take the whole segment.
    await files.syncDirectory(this.#directory)
    // A group can only be ahead of the log when the log lost its end (a restored backup, a lying disk): then its
    // next records must not get offsets that the group would take for done.
    const nextOffset = Math.max(this.#nextOffset, this.#around.committedByAny() + 1)
    if (this.#file !== undefined && nextOffset === this.#nextOffset) return
    const next = await this.#create(nextOffset)
    if (this.#file !== undefined) {
      await this.#file.close()
      this.#closed.push({ first: this.#segment, bytes: this.#position })
    }
    this.#file = next
    this.#segment = nextOffset
    this.#nextOffset = nextOffset
    this.#position = 0
  }

  /** Finds the end of the whole frames of a segment and learns its keys. */
  async #scan(file: OpenFile, first: number, bytes: number, nextSegment: number | undefined) {
    const walk = new SegmentWalk(file, 0)
    let nextOffset = first
    for (;;) {
      const found = await walk.next(bytes)
      if (found === 'end') break
      if ('damagedAt' in found) {
        if (found.resumeAt === undefined) return { position: found.damagedAt, nextOffset }
        this.#around.logger.error(
          { partition: this.#partition, ...found },
          'a part of the bus is damaged and is passed over',
        )
        walk.position = found.resumeAt
        continue
      }
      const { frame } = found
      if (nextSegment !== undefined && frame.firstOffset >= nextSegment) return { position: found.position, nextOffset }
      nextOffset = frame.firstOffset + frame.count
      if (frame.keyDigest !== '') {
        this.#keys.remember({
          digest: frame.keyDigest,
          first: frame.firstOffset,
          last: nextOffset - 1,
          writtenAtMs: frame.writtenAtMs,
        })
      }
    }
    return { position: walk.position, nextOffset }
  }

  async close(): Promise<void> {
    await this.#running
    await this.#removing?.catch(() => undefined)
    await this.#file?.close()
    this.#file = undefined
    this.#unlock()
  }
}
