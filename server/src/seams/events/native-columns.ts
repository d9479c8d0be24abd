import type { FieldValue } from '../../event/event.ts'
import { isIpv4, parseIpv6 } from '../../lib/ip-address.ts'

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

/** Bytes that grow; strings are written with their length before them, as Native wants. */
export class NativeBytes {
  bytes = Buffer.allocUnsafeSlow(1 << 12)
  length = 0

  reserve(byteCount: number): void {
    const needed = this.length + byteCount
    if (needed <= this.bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2))
    this.bytes.copy(larger, 0, 0, this.length)
    this.bytes = larger
  }

  zeros(count: number): void {
    if (count <= 0) return
    this.reserve(count)
    this.bytes.fill(0, this.length, this.length + count)
    this.length += count
  }

  varint(value: number): void {
    this.reserve(6)
    let rest = value
    while (rest > 127) {
      this.bytes[this.length++] = (rest & 127) | 128
      rest >>>= 7
    }
    this.bytes[this.length++] = rest
  }

  string(value: string): void {
    const count = value.length
    this.reserve(count * 3 + 5)
    const { bytes } = this
    // Most strings are short and ASCII, and a loop beats the call into C++ for them.
    if (count < 32) {
      let position = this.length
      bytes[position++] = count
      let index = 0
      for (; index < count; index++) {
        const code = value.charCodeAt(index)
        if (code > 127) break
        bytes[position++] = code
      }
      if (index === count) {
        this.length = position
        return
      }
    }
    // The length in bytes is known only afterwards, so it is written with a fixed width: varints may be padded.
    const width = count < 43 ? 1 : count < 5_461 ? 2 : count < 699_051 ? 3 : 5
    const written = bytes.write(value, this.length + width, 'utf8')
    this.#paddedVarint(written, width)
    this.length += width + written
  }

  blob(value: Uint8Array, start: number, end: number): void {
    this.varint(end - start)
    this.reserve(end - start)
    if (end > start)
      this.bytes.set(start === 0 && end === value.length ? value : value.subarray(start, end), this.length)
    this.length += end - start
  }

  u64(value: number): void {
    this.reserve(8)
    this.bytes.writeUInt32LE(value % 0x1_0000_0000, this.length)
    this.bytes.writeUInt32LE(Math.floor(value / 0x1_0000_0000), this.length + 4)
    this.length += 8
  }

  view(): Uint8Array {
    return this.bytes.subarray(0, this.length)
  }

  reset(): void {
    this.length = 0
  }

  #paddedVarint(value: number, width: number): void {
    let rest = value
    for (let index = 0; index < width - 1; index++) {
      this.bytes[this.length + index] = (rest & 127) | 128
      rest = Math.floor(rest / 128)
    }
    this.bytes[this.length + width - 1] = rest
  }
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

/** Dictionary of a LowCardinality column: entry 0 is the default, the empty string. */
class Dictionary {
  readonly #numbers = new Map<string, number>()
  readonly #keys = new NativeBytes()
  #size = 1

  constructor() {
    this.#keys.string('')
  }

  numberOf(value: string): number {
    if (value === '') return 0
    let number = this.#numbers.get(value)
    if (number === undefined) {
      number = this.#size++
      this.#numbers.set(value, number)
      this.#keys.string(value)
    }
    return number
  }

  /**
   * Body of the column for `count` values: flags (width of the numbers, dictionary follows, update of it), dictionary,
   * numbers. Source: ClickHouse, SerializationLowCardinality::serializeBinaryBulkWithMultipleStreams.
   */
  body(numbers: Uint32Array, count: number): Uint8Array[] {
    if (count === 0) return []
    const width = this.#size <= 256 ? 0 : this.#size <= 65_536 ? 1 : 2
    const used = numbers.subarray(0, count)
    const packed = width === 0 ? Uint8Array.from(used) : width === 1 ? Uint16Array.from(used) : used.slice()
    const head = new NativeBytes()
    head.u64(width | (1 << 9) | (1 << 10))
    head.u64(this.#size)
    const middle = new NativeBytes()
    middle.u64(count)
    return [head.view(), this.#keys.view(), middle.view(), new Uint8Array(packed.buffer, 0, packed.byteLength)]
  }

  /** The dictionary is kept from block to block while it is small: the same few values come again. */
  reset(): void {
    if (this.#size <= 1_024) return
    this.#numbers.clear()
    this.#keys.reset()
    this.#keys.string('')
    this.#size = 1
  }
}

/** Version 1 of the keys: SharedDictionariesWithAdditionalKeys. */
const dictionaryPrefix = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0)

function grown(numbers: Uint32Array<ArrayBuffer>, needed: number): Uint32Array<ArrayBuffer> {
  if (needed <= numbers.length) return numbers
  const larger = new Uint32Array(Math.max(needed, numbers.length * 2))
  larger.set(numbers)
  return larger
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

/** Writes an address as 16 bytes; false when the text is none. IPv4 becomes `::ffff:a.b.c.d`. */
function writeIp(text: string, bytes: Uint8Array, start: number): boolean {
  if (isIpv4(text)) {
    bytes.fill(0, start, start + 10)
    bytes[start + 10] = 255
    bytes[start + 11] = 255
    let part = 0
    let position = start + 12
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index)
      if (code === 46) {
        bytes[position++] = part
        part = 0
      } else part = part * 10 + code - 48
    }
    bytes[position] = part
    return true
  }
  const groups = parseIpv6(text)
  if (groups === undefined) return false
  for (let index = 0; index < 8; index++) {
    bytes[start + index * 2] = groups[index]! >> 8
    bytes[start + index * 2 + 1] = groups[index]! & 255
  }
  return true
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

/** Ends of the arrays of each row among all elements. */
class ArrayEnds {
  #bytes = Buffer.alloc(8 << 12)
  #rows = 0
  count = 0

  add(row: number, elements: number): void {
    this.#fill(row)
    this.count += elements
    this.#fill(row + 1)
  }

  finish(rows: number): Uint8Array {
    this.#fill(rows)
    return this.#bytes.subarray(0, rows * 8)
  }

  reset(): void {
    this.#rows = 0
    this.count = 0
  }

  #fill(rows: number): void {
    if (rows * 8 > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(rows * 8, this.#bytes.length * 2))
      this.#bytes.copy(larger)
      this.#bytes = larger
    }
    for (; this.#rows < rows; this.#rows++) {
      this.#bytes.writeUInt32LE(this.count, this.#rows * 8)
      this.#bytes.writeUInt32LE(0, this.#rows * 8 + 4)
    }
  }
}

function isStringArray(value: FieldValue): value is string[] {
  if (!Array.isArray(value) || value.length === 0) return false
  for (const element of value) if (typeof element !== 'string') return false
  return true
}

export class StringsColumn implements NativeColumn {
  readonly #ends = new ArrayEnds()
  readonly #bytes = new NativeBytes()

  get isEmpty(): boolean {
    return this.#ends.count === 0
  }

  set(row: number, value: FieldValue): boolean {
    if (!isStringArray(value)) return false
    for (const element of value) this.#bytes.string(element)
    this.#ends.add(row, value.length)
    return true
  }

  finish(rows: number): Uint8Array[] {
    return [this.#ends.finish(rows), this.#bytes.view()]
  }

  reset(): void {
    this.#ends.reset()
    this.#bytes.reset()
  }
}

export class FewsColumn implements NativeColumn {
  readonly #ends = new ArrayEnds()
  readonly #dictionary = new Dictionary()
  #numbers = new Uint32Array(1 << 12)

  get isEmpty(): boolean {
    return this.#ends.count === 0
  }

  set(row: number, value: FieldValue): boolean {
    if (!isStringArray(value)) return false
    const { count } = this.#ends
    this.#numbers = grown(this.#numbers, count + value.length)
    for (let index = 0; index < value.length; index++)
      this.#numbers[count + index] = this.#dictionary.numberOf(value[index]!)
    this.#ends.add(row, value.length)
    return true
  }

  finish(rows: number): Uint8Array[] {
    return [dictionaryPrefix, this.#ends.finish(rows), ...this.#dictionary.body(this.#numbers, this.#ends.count)]
  }

  reset(): void {
    this.#ends.reset()
    this.#dictionary.reset()
  }
}

export class IpsColumn implements NativeColumn {
  readonly #ends = new ArrayEnds()
  readonly #bytes = new NativeBytes()

  get isEmpty(): boolean {
    return this.#ends.count === 0
  }

  set(row: number, value: FieldValue): boolean {
    if (!isStringArray(value)) return false
    const before = this.#bytes.length
    this.#bytes.reserve(value.length * 16)
    for (const element of value) {
      if (!writeIp(element, this.#bytes.bytes, this.#bytes.length)) {
        this.#bytes.length = before
        return false
      }
      this.#bytes.length += 16
    }
    this.#ends.add(row, value.length)
    return true
  }

  finish(rows: number): Uint8Array[] {
    return [this.#ends.finish(rows), this.#bytes.view()]
  }

  reset(): void {
    this.#ends.reset()
    this.#bytes.reset()
  }
}

/** Map(LowCardinality(String), String): written as an array of keys and values. */
export class MapColumn {
  readonly #ends = new ArrayEnds()
  readonly #dictionary = new Dictionary()
  readonly #values = new NativeBytes()
  #numbers = new Uint32Array(1 << 12)
  #pending = 0

  /** Adds one entry to the row under way; `endRow` closes it. */
  add(key: string, value: string): void {
    const position = this.#ends.count + this.#pending
    this.#numbers = grown(this.#numbers, position + 1)
    this.#numbers[position] = this.#dictionary.numberOf(key)
    this.#values.string(value)
    this.#pending++
  }

  endRow(row: number): void {
    this.#ends.add(row, this.#pending)
    this.#pending = 0
  }

  finish(rows: number): Uint8Array[] {
    const keys = this.#dictionary.body(this.#numbers, this.#ends.count)
    return [dictionaryPrefix, this.#ends.finish(rows), ...keys, this.#values.view()]
  }

  reset(): void {
    this.#ends.reset()
    this.#dictionary.reset()
    this.#values.reset()
    this.#pending = 0
  }
}
