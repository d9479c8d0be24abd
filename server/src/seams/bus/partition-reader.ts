import type { Logger } from 'pino'
import { CodedError } from '../../event/errors.ts'
import type { BusBatch } from './bus.ts'
import type { Files, OpenFile } from './files.ts'
import { readRecords } from './frame.ts'
import type { PartitionEnd } from './partition-writer.ts'
import { listSegments, type PlacedFrame, SegmentWalk, segmentPath } from './segments.ts'

/** A batch of large records is cut here, whatever its number of records. */
const batchBytes = 8 << 20

/** Reads one partition in order, never past the end that its writer has declared durable. */
export class PartitionReader {
  readonly #partition: number
  readonly #directory: string
  readonly #files: Files
  readonly #logger: Logger
  readonly #batchSize: number
  #nextOffset: number
  #end: PartitionEnd | undefined
  #segments: number[] = []
  #segment: number | undefined
  #file: OpenFile | undefined
  #walk: SegmentWalk | undefined
  #current: PlacedFrame | undefined
  #closedSegmentBytes = 0

  constructor(
    place: { partition: number; directory: string; files: Files; logger: Logger },
    batchSize: number,
    nextOffset: number,
  ) {
    this.#partition = place.partition
    this.#directory = place.directory
    this.#files = place.files
    this.#logger = place.logger
    this.#batchSize = batchSize
    this.#nextOffset = nextOffset
  }

  get end(): PartitionEnd | undefined {
    return this.#end
  }

  /** Takes a newer end; an older one (messages may overtake each other) changes nothing. */
  extend(end: PartitionEnd): void {
    if (this.#end === undefined || end.nextOffset >= this.#end.nextOffset) this.#end = end
  }

  /** The next batch, or undefined when everything up to the known end has been read. */
  async next(): Promise<BusBatch | undefined> {
    const records: Uint8Array[] = []
    const first = this.#nextOffset
    let batchFirst = first
    let byteCount = 0
    while (
      records.length < this.#batchSize &&
      byteCount < batchBytes &&
      this.#end !== undefined &&
      this.#nextOffset < this.#end.nextOffset
    ) {
      // What is at hand is delivered before the disk is asked for more.
      const placed = this.#current ?? (records.length === 0 || this.#isNear() ? await this.#nextFrame() : undefined)
      if (placed === undefined) break
      const { frame } = placed
      const frameEnd = frame.firstOffset + frame.count
      if (frameEnd <= this.#nextOffset) {
        this.#current = undefined
        continue
      }
      if (frame.firstOffset > this.#nextOffset) {
        if (records.length > 0) {
          // Offsets in a batch are consecutive; behind a gap begins a new batch.
          this.#current = placed
          break
        }
        this.#logger.error(
          { partition: this.#partition, from: this.#nextOffset, to: frame.firstOffset - 1 },
          'the bus has a gap',
        )
        this.#nextOffset = frame.firstOffset
      }
      if (records.length === 0) batchFirst = this.#nextOffset
      const from = this.#nextOffset - frame.firstOffset
      const bounds = { limit: this.#batchSize - records.length, byteLimit: batchBytes - byteCount }
      const read = readRecords(placed.bytes, frame, from, bounds, records)
      this.#nextOffset += read.count
      byteCount += read.byteCount
      this.#current = this.#nextOffset < frameEnd ? placed : undefined
    }
    if (records.length === 0) return undefined
    return { partition: this.#partition, first: batchFirst, last: batchFirst + records.length - 1, records }
  }

  /** Goes back to `offset`, so that it is delivered (again) next. */
  async seek(offset: number): Promise<void> {
    await this.close()
    this.#nextOffset = offset
  }

  async close(): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
    this.#walk = undefined
    this.#segment = undefined
    this.#current = undefined
  }

  #isNear(): boolean {
    return this.#walk?.hasNext ?? false
  }

  async #nextFrame(): Promise<PlacedFrame | undefined> {
    for (;;) {
      if (this.#walk === undefined && !(await this.#openSegment())) return undefined
      const isActive = this.#segment === this.#end!.segment
      const limit = isActive ? this.#end!.position : this.#closedSegmentBytes
      const found = await this.#walk!.next(limit)
      if (found === 'end') {
        if (isActive) return undefined
        if (await this.#hasGrown()) continue
        await this.#leaveSegment()
        continue
      }
      if ('damagedAt' in found) {
        if (found.resumeAt !== undefined) {
          this.#logger.error(
            { partition: this.#partition, segment: this.#segment, ...found },
            'a part of the bus is damaged and is passed over',
          )
          this.#walk!.position = found.resumeAt
        } else if (isActive) {
          return undefined
        } else if (!(await this.#hasGrown())) {
          // The rest of a closed segment that was cut off after a failed write, or is damaged to its end.
          await this.#leaveSegment()
        }
        continue
      }
      const nextSegment = this.#segments[this.#segments.indexOf(this.#segment!) + 1]
      if (nextSegment !== undefined && found.frame.firstOffset >= nextSegment) {
        await this.#leaveSegment()
        continue
      }
      return found
    }
  }

  /** A segment that was opened while it was written has become longer until it was closed. */
  async #hasGrown(): Promise<boolean> {
    const bytes = await this.#file!.size()
    if (bytes <= this.#closedSegmentBytes) return false
    this.#closedSegmentBytes = bytes
    return true
  }

  /** Opens the segment that holds the next offset; false when there is none within the known end. */
  async #openSegment(): Promise<boolean> {
    this.#segments = await listSegments(this.#files, this.#directory)
    const within = this.#segments.filter((first) => first <= this.#end!.segment)
    const segment = within.findLast((first) => first <= this.#nextOffset) ?? within[0]
    if (segment === undefined) return false
    if (segment > this.#nextOffset) this.#nextOffset = segment
    await this.#open(segment)
    return true
  }

  async #leaveSegment(): Promise<void> {
    const left = this.#segment!
    await this.close()
    this.#segments = await listSegments(this.#files, this.#directory)
    const next = this.#segments.find((first) => first > left)
    if (next === undefined)
      throw new CodedError('BUS_DAMAGED', `The segment that follows ${left} in ${this.#directory} is missing`)
    if (next > this.#nextOffset) this.#nextOffset = next
    await this.#open(next)
  }

  async #open(segment: number): Promise<void> {
    this.#file = await this.#files.open(segmentPath(this.#directory, segment), 'read')
    this.#segment = segment
    this.#closedSegmentBytes = await this.#file.size()
    this.#walk = new SegmentWalk(this.#file, 0)
  }
}
