import type { FieldValue } from '../../event/event.ts'
import { NativeBytes, writeIp } from './native-bytes.ts'
import type { NativeColumn } from './native-columns.ts'
import { Dictionary, dictionaryPrefix, grown } from './native-dictionary.ts'

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
