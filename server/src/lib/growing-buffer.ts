/**
 * Bytes that arrive in pieces, kept in one block that doubles up to a bound. A sender that drips single bytes costs
 * amortised constant work and no memory beyond the block (a list of chunks would cost a hundred times its content).
 */
export class GrowingBuffer {
  length = 0
  private block: Buffer = Buffer.alloc(0)
  private readonly limitBytes: number

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes
  }

  /** Bytes that may still be appended. */
  get room(): number {
    return this.limitBytes - this.length
  }

  /** Appends `source[start, end)`; the caller has checked `room`. */
  append(source: Uint8Array, start: number, end: number): void {
    const count = end - start
    if (count > this.room) throw new RangeError(`${count} bytes do not fit into ${this.room}`)
    if (this.length + count > this.block.length) {
      const size = Math.min(this.limitBytes, Math.max(256, 2 * this.block.length, this.length + count))
      const grown = Buffer.allocUnsafeSlow(size)
      this.block.copy(grown, 0, 0, this.length)
      this.block = grown
    }
    this.block.set(source.subarray(start, end), this.length)
    this.length += count
  }

  /** The bytes so far, as a view that is valid until the next call; the buffer is empty afterwards. */
  take(): Buffer {
    const bytes = this.block.subarray(0, this.length)
    this.length = 0
    // A block that grew large is given back, so that ten thousand quiet peers do not each keep a mebibyte.
    if (this.block.length > 16_384) this.block = Buffer.alloc(0)
    return bytes
  }
}
