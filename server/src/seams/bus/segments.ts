import { join } from 'node:path'
import type { Files, OpenFile } from './files.ts'
import { claimedFrameBytes, type Frame, findHeader, headerBytes, readFrame } from './frame.ts'

const extension = '.segment'
const chunkBytes = 2 << 20

/** Segments are named by the offset of their first record, zero-padded so that names sort as offsets do. */
export function segmentName(firstOffset: number): string {
  return String(firstOffset).padStart(16, '0')
}

export function segmentPath(directory: string, firstOffset: number): string {
  return join(directory, `${segmentName(firstOffset)}${extension}`)
}

/** First offsets of the segments in a partition's directory, ascending. */
export async function listSegments(files: Files, directory: string): Promise<number[]> {
  return (await files.list(directory))
    .filter((name) => name.endsWith(extension))
    .map((name) => Number(name.slice(0, -extension.length)))
    .sort((a, b) => a - b)
}

/** A frame with the bytes it lies in; `position` is where it begins in the segment. */
export interface PlacedFrame {
  frame: Frame
  bytes: Buffer
  position: number
}

/** What stands at a position of a segment: a frame, nothing more, or bytes that are no frame. */
export type Found = PlacedFrame | 'end' | { damagedAt: number; resumeAt: number | undefined }

/**
 * Walks over the frames of one segment between a position and a limit, reading 2 MiB at a time. The buffers are never
 * reused, so records may be handed on as views.
 */
export class SegmentWalk {
  readonly #file: OpenFile
  #bytes: Buffer = Buffer.alloc(0)
  #bytesAt = 0
  position: number

  constructor(file: OpenFile, position: number) {
    this.#file = file
    this.position = position
    this.#bytesAt = position
  }

  /** The next frame before `limit`; the walk moves behind it. Damage is told and not passed: set `position` to go on. */
  async next(limit: number): Promise<Found> {
    if (this.position >= limit) return 'end'
    const inBuffer = this.#read()
    const frame = inBuffer === 'incomplete' ? await this.#fill(limit) : inBuffer
    if (typeof frame === 'string') {
      return { damagedAt: this.position, resumeAt: await this.#resync(limit) }
    }
    const position = this.position
    this.position = this.#bytesAt + frame.end
    return { frame, bytes: this.#bytes, position }
  }

  /** True when the next frame lies in memory already. */
  get hasNext(): boolean {
    const start = this.position - this.#bytesAt
    if (start < 0 || start > this.#bytes.length) return false
    const claimed = claimedFrameBytes(this.#bytes, start)
    return claimed !== undefined && start + claimed <= this.#bytes.length
  }

  #read(): Frame | 'incomplete' | 'invalid' {
    const start = this.position - this.#bytesAt
    if (start < 0 || start > this.#bytes.length) return 'incomplete'
    return readFrame(this.#bytes, start)
  }

  async #fill(limit: number): Promise<Frame | 'incomplete' | 'invalid'> {
    await this.#load(this.position, Math.min(chunkBytes, limit - this.position))
    const frame = readFrame(this.#bytes, 0)
    if (frame !== 'incomplete') return frame
    const claimed = claimedFrameBytes(this.#bytes, 0)
    if (claimed === undefined || claimed > limit - this.position) return 'incomplete'
    await this.#load(this.position, claimed)
    return readFrame(this.#bytes, 0)
  }

  async #load(position: number, byteCount: number): Promise<void> {
    const bytes = Buffer.allocUnsafeSlow(byteCount)
    const filled = await this.#file.read(bytes, position)
    this.#bytes = bytes.subarray(0, filled)
    this.#bytesAt = position
  }

  /**
   * Behind damage, the position of the next whole frame that was written when the damaged place was already durable;
   * undefined when there is none. Such a frame proves that the damage is no torn tail but a fault of the medium.
   */
  async #resync(limit: number): Promise<number | undefined> {
    const damagedAt = this.position
    for (let at = damagedAt + 1; at < limit; ) {
      const bytes = Buffer.allocUnsafeSlow(Math.min(chunkBytes, limit - at))
      const filled = bytes.subarray(0, await this.#file.read(bytes, at))
      if (filled.length < headerBytes) return undefined
      for (let start = findHeader(filled, 0); start >= 0; start = findHeader(filled, start + 1)) {
        const claimed = claimedFrameBytes(filled, start)
        if (claimed === undefined || at + start + claimed > limit) continue
        const candidate = Buffer.allocUnsafeSlow(claimed)
        await this.#file.read(candidate, at + start)
        const frame = readFrame(candidate, 0)
        if (typeof frame !== 'string' && frame.durablePosition > damagedAt) return at + start
      }
      // A header may lie across the border of two chunks.
      at += Math.max(filled.length - headerBytes, 1)
      if (filled.length < chunkBytes) return undefined
    }
    return undefined
  }
}
