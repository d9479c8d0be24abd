import { text } from '../../lib/binary.ts'
import { GrowingBuffer } from '../../lib/growing-buffer.ts'

/** Cuts the ordered bytes of one side into lines; a line without an end is cut at the limit. */
export class LineReader {
  private readonly waiting: GrowingBuffer

  constructor(limitBytes = 16_384) {
    this.waiting = new GrowingBuffer(limitBytes)
  }

  /** Hands over each line without its end; `take` answers false to stop, and the offset behind that line is returned. */
  push(bytes: Uint8Array, start: number, end: number, take: (line: string) => boolean): number {
    let at = start
    while (at < end) {
      const feed = bytes.indexOf(10, at)
      const stop = feed < 0 || feed >= end ? end : feed
      const fits = Math.min(stop - at, this.waiting.room)
      if (stop === end || this.waiting.length > 0) {
        this.waiting.append(bytes, at, at + fits)
        if (stop === end && this.waiting.room > 0) return end
        const whole = this.waiting.take()
        at = stop === end ? at + Math.max(fits, 1) : stop + 1
        if (!take(lineText(whole, 0, whole.length))) return at
        continue
      }
      const line = lineText(bytes, at, stop)
      at = stop + 1
      if (!take(line)) return at
    }
    return at
  }
}

function lineText(bytes: Uint8Array, start: number, end: number): string {
  return text(bytes, start, end > start && bytes[end - 1] === 13 ? end - 1 : end)
}
