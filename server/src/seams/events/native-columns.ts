import type { FieldValue } from '../../event/event.ts'
import { NativeBytes, writeIp } from './native-bytes.ts'
import { Dictionary, dictionaryPrefix, grown } from './native-dictionary.ts'

/** One column of a block in ClickHouse's Native format, filled row by row; rows that are skipped hold the default. */
export interface NativeColumn {
  /** Returns false, and stores nothing, when the column cannot hold the value exactly. Rows come in ascending order. */
  set(row: number, value: FieldValue): boolean
  /** True when no row was set: the server fills the column with its default more cheaply than it reads one. */
  readonly isEmpty: boolean
  /** The bytes of the column with `rows` rows, valid until the next `reset`. */
  finish(rows: number): Uint8Array[]
  reset(): void
}

export class StringColumn implements NativeColumn {
  readonly #bytes = new NativeBytes()
  #rows = 0

  set(row: number, value: FieldValue): boolean {
    if (typeof value !== 'string' || value === '') return false
    this.#bytes.zeros(row - this.#rows)
    this.#bytes.string(value)
    this.#rows = row + 1
    return true
  }

  get isEmpty(): boolean {
    return this.#rows === 0
  }

  setBlob(row: number, value: Uint8Array, start: number, end: number): void {
    this.#bytes.zeros(row - this.#rows)
    this.#bytes.blob(value, start, end)
    this.#rows = row + 1
  }

  finish(rows: number): Uint8Array[] {
    this.#bytes.zeros(rows - this.#rows)
    return [this.#bytes.view()]
  }

  reset(): void {
    this.#bytes.reset()
    this.#rows = 0
  }
}

export class FewColumn implements NativeColumn {
  readonly #dictionary = new Dictionary()
  #numbers = new Uint32Array(1 << 12)
  isEmpty = true

  set(row: number, value: FieldValue): boolean {
    if (typeof value !== 'string' || value === '') return false
    this.#numbers = grown(this.#numbers, row + 1)
    this.#numbers[row] = this.#dictionary.numberOf(value)
    this.isEmpty = false
    return true
  }

  finish(rows: number): Uint8Array[] {
    this.#numbers = grown(this.#numbers, rows)
    return [dictionaryPrefix, ...this.#dictionary.body(this.#numbers, rows)]
  }

  reset(): void {
    if (this.isEmpty) return
    this.#numbers.fill(0)
    this.#dictionary.reset()
    this.isEmpty = true
  }
}

/** Nullable numbers of 8 bytes: Int64, Float64 and DateTime64(3); booleans take 1. */
export class NumberColumn implements NativeColumn {
  readonly #kind: 'long' | 'double' | 'date' | 'boolean'
  readonly #nullable: boolean
  readonly #width: number
  #nulls = new Uint8Array(1 << 12).fill(1)
  #bytes: Buffer
  isEmpty = true

  constructor(kind: 'long' | 'double' | 'date' | 'boolean', nullable = true) {
    this.#kind = kind
    this.#nullable = nullable
    this.#width = kind === 'boolean' ? 1 : 8
    this.#bytes = Buffer.alloc((1 << 12) * this.#width)
  }

  set(row: number, value: FieldValue): boolean {
    switch (this.#kind) {
      case 'boolean':
        if (typeof value !== 'boolean') return false
        this.#grow(row + 1)
        this.#bytes[row] = value ? 1 : 0
        break
      case 'double':
        if (typeof value !== 'number') return false
        this.#grow(row + 1)
        this.#bytes.writeDoubleLE(value, row * 8)
        break
      case 'long':
        if (typeof value !== 'number' || !Number.isSafeInteger(value) || Object.is(value, -0)) return false
        this.setInteger(row, value)
        return true
      case 'date': {
        // Only the canonical form comes back the same, so only it is taken.
        const timeMs = typeof value === 'string' ? Date.parse(value) : Number.NaN
        if (Number.isNaN(timeMs) || new Date(timeMs).toISOString() !== value) return false
        this.setInteger(row, timeMs)
        return true
      }
    }
    this.#nulls[row] = 0
    this.isEmpty = false
    return true
  }

  setInteger(row: number, value: number): void {
    this.#grow(row + 1)
    this.#bytes.writeInt32LE(value | 0, row * 8)
    this.#bytes.writeInt32LE(Math.floor(value / 0x1_0000_0000), row * 8 + 4)
    this.#nulls[row] = 0
    this.isEmpty = false
  }

  finish(rows: number): Uint8Array[] {
    this.#grow(rows)
    const values = this.#bytes.subarray(0, rows * this.#width)
    return this.#nullable ? [this.#nulls.subarray(0, rows), values] : [values]
  }

  reset(): void {
    if (this.isEmpty) return
    this.#nulls.fill(1)
    this.#bytes.fill(0)
    this.isEmpty = true
  }

  #grow(rows: number): void {
    if (rows <= this.#nulls.length) return
    const size = Math.max(rows, this.#nulls.length * 2)
    const nulls = new Uint8Array(size).fill(1)
    nulls.set(this.#nulls)
    this.#nulls = nulls
    const bytes = Buffer.alloc(size * this.#width)
    this.#bytes.copy(bytes)
    this.#bytes = bytes
  }
}

/** Unsigned 16-bit numbers: days since the epoch (Date) and UInt16. */
export class ShortColumn {
  #values = new Uint16Array(1 << 12)

  set(row: number, value: number): void {
    if (row >= this.#values.length) {
      const larger = new Uint16Array(this.#values.length * 2)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[row] = value
  }

  finish(rows: number): Uint8Array[] {
    return [new Uint8Array(this.#values.buffer, 0, rows * 2)]
  }
}

export class IpColumn implements NativeColumn {
  readonly #bytes = new NativeBytes()
  #rows = 0
  isEmpty = true

  set(row: number, value: FieldValue): boolean {
    if (typeof value !== 'string' || value === '::' || value === '') return false
    this.#bytes.zeros((row - this.#rows) * 16)
    this.#bytes.reserve(16)
    this.#rows = row
    if (!writeIp(value, this.#bytes.bytes, this.#bytes.length)) return false
    this.#bytes.length += 16
    this.#rows = row + 1
    this.isEmpty = false
    return true
  }

  finish(rows: number): Uint8Array[] {
    this.#bytes.zeros((rows - this.#rows) * 16)
    return [this.#bytes.view()]
  }

  reset(): void {
    this.#bytes.reset()
    this.#rows = 0
    this.isEmpty = true
  }
}
