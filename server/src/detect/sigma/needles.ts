import { gramKey, gramLength, isOrdinaryGram } from './frequency.ts'
import type { TextOperator } from './predicate.ts'

/** A text that is looked for in the lower-cased values of one field. */
export interface Needle {
  text: string
  operator: Exclude<TextOperator, 'equals'>
  /** What the caller is told when it is found. */
  sign: number
}

interface PlacedNeedle extends Needle {
  /** Distance from the needle's first character to the last one of its gram. */
  offset: number
}

/** Latin-1 needles below this length are cheaper looked for one by one. */
export const shortestNeedle = gramLength
/** Bits of the filter per gram, so that few places pass it by chance; at most 32 KiB. */
const filterBitsPerGram = 4096
const filterBitsLimit = 18

/**
 * Finds which of many needles a value holds, in one pass over it. Of every needle one run of four characters, the
 * rarest, is put into a table; the last four characters at every position of the text are looked up there through a bit map that
 * fits the first-level cache, and only a hit compares the needle itself. Needles with characters beyond Latin-1 are looked up by
 * one of these, in a pass of its own that runs only when the record has any. Needles shorter than `shortestNeedle` do not belong here.
 */
export class NeedleTable {
  private readonly filter: Int32Array
  private readonly filterShift: number
  private readonly keys: Int32Array
  private readonly buckets: (PlacedNeedle[] | undefined)[]
  private readonly mask: number
  private readonly byCharacter = new Map<number, PlacedNeedle[]>()
  private readonly hasWide: boolean = false

  constructor(needles: readonly Needle[]) {
    const byGram = new Map<number, PlacedNeedle[]>()
    for (const needle of needles) {
      const wideAt = lastWide(needle.text)
      if (wideAt >= 0) {
        this.hasWide = true
        this.place(needle, wideAt)
      } else placeGram(needle, byGram)
    }
    let bits = 8
    while (bits < filterBitsLimit && 1 << bits < byGram.size * filterBitsPerGram) bits++
    this.filter = new Int32Array(1 << (bits - 5))
    this.filterShift = 32 - bits
    let size = 16
    while (size < byGram.size * 2) size *= 2
    this.mask = size - 1
    this.keys = new Int32Array(size)
    this.buckets = new Array(size).fill(undefined)
    for (const [key, bucket] of byGram) {
      let at = spread(key) & this.mask
      while (this.buckets[at] !== undefined) at = (at + 1) & this.mask
      this.keys[at] = key
      this.buckets[at] = bucket
      const bit = spread(key) >>> this.filterShift
      this.filter[bit >>> 5] = this.filter[bit >>> 5]! | (1 << (bit & 31))
    }
  }

  private place(needle: Needle, offset: number): void {
    const code = needle.text.charCodeAt(offset)
    const list = this.byCharacter.get(code)
    if (list) list.push({ ...needle, offset })
    else this.byCharacter.set(code, [{ ...needle, offset }])
  }

  /**
   * Calls `found` with the sign of every needle in the value that stands in `text` between `from` and `to`; a sign may come
   * more than once.
   */
  find(text: string, from: number, to: number, found: (sign: number) => void): void {
    const { filter, filterShift } = this
    let gram = 0
    let seen = 0
    for (let at = from; at < to; at++) {
      const code = text.charCodeAt(at)
      seen |= code
      gram = (gram << 8) ^ code
      const bit = Math.imul(gram, 0x9e3779b1) >>> filterShift
      if ((filter[bit >>> 5]! & (1 << (bit & 31))) !== 0) this.check(this.bucketOf(gram), text, from, to, at, found)
    }
    if (this.hasWide && seen > 0xff) {
      for (let at = from; at < to; at++) {
        const code = text.charCodeAt(at)
        if (code > 0xff) this.check(this.byCharacter.get(code), text, from, to, at, found)
      }
    }
  }

  /** The needles of a bucket whose gram ends at `at`. */
  private check(
    bucket: PlacedNeedle[] | undefined,
    text: string,
    from: number,
    to: number,
    at: number,
    found: (sign: number) => void,
  ): void {
    if (bucket === undefined) return
    for (let i = 0; i < bucket.length; i++) {
      const needle = bucket[i]!
      const start = at - needle.offset
      if (start < from) continue
      const end = start + needle.text.length
      if (needle.operator === 'endswith' ? end !== to : end > to) continue
      if (needle.operator === 'startswith' && start !== from) continue
      if (text.startsWith(needle.text, start)) found(needle.sign)
    }
  }

  private bucketOf(gram: number): PlacedNeedle[] | undefined {
    let at = spread(gram) & this.mask
    for (;;) {
      const bucket = this.buckets[at]
      if (bucket === undefined || this.keys[at] === gram) return bucket
      at = (at + 1) & this.mask
    }
  }
}

function placeGram(needle: Needle, byGram: Map<number, PlacedNeedle[]>): void {
  let chosen = 0
  let chosenOffset = 0
  let chosenCost = Number.POSITIVE_INFINITY
  // Only so many places are tried: needles of a kilobyte exist.
  for (let end = gramLength; end <= Math.min(needle.text.length, 48); end++) {
    const key = gramKey(needle.text, end - gramLength)
    const cost = (isOrdinaryGram(key) ? 8 : 0) + Math.min(8, byGram.get(key)?.length ?? 0)
    if (cost < chosenCost) {
      chosen = key
      chosenOffset = end - 1
      chosenCost = cost
    }
  }
  const bucket = byGram.get(chosen)
  const placed = { ...needle, offset: chosenOffset }
  if (bucket) bucket.push(placed)
  else byGram.set(chosen, [placed])
}

/** Where the last character beyond Latin-1 stands (of a surrogate pair the half that tells more), or -1. */
export function lastWide(text: string): number {
  for (let i = text.length - 1; i >= 0; i--) if (text.charCodeAt(i) > 0xff) return i
  return -1
}

function spread(key: number): number {
  return Math.imul(key, 0x9e3779b1)
}
