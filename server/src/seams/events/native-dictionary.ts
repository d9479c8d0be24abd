import { NativeBytes } from './native-bytes.ts'

/** Dictionary of a LowCardinality column: entry 0 is the default, the empty string. */
export class Dictionary {
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
export const dictionaryPrefix = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0)

export function grown(numbers: Uint32Array<ArrayBuffer>, needed: number): Uint32Array<ArrayBuffer> {
  if (needed <= numbers.length) return numbers
  const larger = new Uint32Array(Math.max(needed, numbers.length * 2))
  larger.set(numbers)
  return larger
}
