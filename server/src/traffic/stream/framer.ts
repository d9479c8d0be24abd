import { GrowingBuffer } from '../../lib/growing-buffer.ts'

export interface FrameRule {
  /** Bytes of a frame that tell its length. */
  headerBytes: number
  /** Length of the whole frame, header included; below `headerBytes` when these bytes begin no frame. */
  lengthOf(bytes: Uint8Array, at: number): number
  /** The longest frame that is read. */
  limitBytes: number
}

/** Cuts the ordered bytes of one side into frames. A frame that lies in one piece is not copied. */
export class Framer {
  private readonly waiting: GrowingBuffer
  private readonly rule: FrameRule

  constructor(rule: FrameRule) {
    this.rule = rule
    this.waiting = new GrowingBuffer(rule.limitBytes)
  }

  /** Hands over every frame that is whole; answers false when the bytes are no frames, or too long a one begins. */
  push(
    bytes: Uint8Array,
    start: number,
    end: number,
    take: (bytes: Uint8Array, from: number, to: number) => void,
  ): boolean {
    const { rule, waiting } = this
    let at = start
    while (waiting.length > 0 && at < end) {
      const known = waiting.length
      const need = known < rule.headerBytes ? rule.headerBytes : this.wanted
      const count = Math.min(need - known, end - at)
      waiting.append(bytes, at, at + count)
      at += count
      if (waiting.length < need) return true
      if (known < rule.headerBytes) {
        const head = Buffer.from(waiting.take())
        const length = rule.lengthOf(head, 0)
        if (length < rule.headerBytes || length > rule.limitBytes) return false
        if (length === rule.headerBytes) take(head, 0, length)
        else {
          this.wanted = length
          waiting.append(head, 0, head.length)
        }
        continue
      }
      const frame = waiting.take()
      take(frame, 0, frame.length)
    }
    while (end - at >= rule.headerBytes) {
      const length = rule.lengthOf(bytes, at)
      if (length < rule.headerBytes || length > rule.limitBytes) return false
      if (end - at < length) {
        this.wanted = length
        break
      }
      take(bytes, at, at + length)
      at += length
    }
    if (at < end) waiting.append(bytes, at, end)
    return true
  }

  /** Length of the frame that waits, once its header is known. */
  private wanted = 0
}
