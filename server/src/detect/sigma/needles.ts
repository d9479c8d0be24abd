import { gramCost } from './frequency.ts'
import type { TextOperator } from './predicate.ts'

/** A text that is looked for in the lower-cased values of one field. */
export interface Needle {
  text: string
  operator: TextOperator
  /** What the finder is told when it is found. */
  id: number
}

/**
 * Finds which of many needles a text holds, in one pass over it. Equal texts are looked up whole. Of every other needle one
 * run of four characters, the rarest, is put into a table; the last four characters at every position of the text are
 * looked up there through a bit map that fits the first-level cache, and only a hit compares the needle itself. Needles too short for that,
 * and needles with characters beyond Latin-1, have passes of their own that run only when needed.
 */
export class NeedleFinder {
  private readonly equals = new Map<string, number[]>()
  private readonly grams: GramTable | undefined
  private readonly short: ShortNeedles | undefined
  private readonly wide: Map<number, PlacedNeedle[]> | undefined
  /** Found with every text: startswith, endswith or contains of nothing. */
  private readonly always: number[] = []

  constructor(needles: readonly Needle[]) {
    const long: Needle[] = []
    const short: Needle[] = []
    const wide: Needle[] = []
    for (const needle of needles) {
      if (needle.operator === 'equals') {
        const ids = this.equals.get(needle.text)
        if (ids) ids.push(needle.id)
        else this.equals.set(needle.text, [needle.id])
      } else if (needle.text === '') this.always.push(needle.id)
      else if (isWide(needle.text)) wide.push(needle)
      else if (needle.text.length < gramLength) short.push(needle)
      else long.push(needle)
    }
    if (long.length > 0) this.grams = new GramTable(long)
    if (short.length > 0) this.short = new ShortNeedles(short)
    if (wide.length > 0) this.wide = placeWide(wide)
  }

  /** Calls `found` with the id of every needle in the text; an id may come more than once. */
  find(text: string, found: (id: number) => void): void {
    if (this.equals.size > 0) {
      const ids = this.equals.get(text)
      if (ids !== undefined) for (let i = 0; i < ids.length; i++) found(ids[i]!)
    }
    for (let i = 0; i < this.always.length; i++) found(this.always[i]!)
    if (this.grams !== undefined) this.grams.find(text, found)
    if (this.short !== undefined) this.short.find(text, found)
    if (this.wide !== undefined) findWide(this.wide, text, found)
  }
}

const gramLength = 4

interface PlacedNeedle extends Needle {
  /** Distance from the needle's first character to the last one of its gram. */
  offset: number
}

function isWide(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0xff) return true
  return false
}

/** True when the needle, placed so that its gram ends at `at`, stands in the text as its operator asks. */
function stands({ text: needle, operator, offset }: PlacedNeedle, text: string, at: number): boolean {
  const start = at - offset
  if (operator === 'startswith') return start === 0 && text.startsWith(needle)
  if (operator === 'endswith' && start + needle.length !== text.length) return false
  return start >= 0 && text.startsWith(needle, start)
}

const filterBits = 18

class GramTable {
  private readonly filter = new Int32Array(1 << (filterBits - 5))
  private readonly keys: Int32Array
  private readonly buckets: (PlacedNeedle[] | undefined)[]
  private readonly mask: number

  constructor(needles: readonly Needle[]) {
    const byGram = new Map<number, PlacedNeedle[]>()
    for (const needle of needles) {
      let chosen = 0
      let chosenOffset = 0
      let chosenCost = Number.POSITIVE_INFINITY
      // Only so many places are tried: needles of a kilobyte exist.
      for (let end = gramLength; end <= Math.min(needle.text.length, 48); end++) {
        const gram = needle.text.slice(end - gramLength, end)
        const key = gramKey(gram)
        const cost = gramCost(gram) * 2 + Math.min(8, byGram.get(key)?.length ?? 0)
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
      const bit = spread(key) >>> (32 - filterBits)
      this.filter[bit >>> 5] = this.filter[bit >>> 5]! | (1 << (bit & 31))
    }
  }

  find(text: string, found: (id: number) => void): void {
    const { filter } = this
    const { length } = text
    if (length < gramLength) return
    let gram = (text.charCodeAt(0) << 16) ^ (text.charCodeAt(1) << 8) ^ text.charCodeAt(2)
    for (let at = 3; at < length; at++) {
      gram = (gram << 8) ^ text.charCodeAt(at)
      const bit = Math.imul(gram, 0x9e3779b1) >>> (32 - filterBits)
      if ((filter[bit >>> 5]! & (1 << (bit & 31))) !== 0) this.look(gram, text, at, found)
    }
  }

  private look(gram: number, text: string, end: number, found: (id: number) => void): void {
    let at = spread(gram) & this.mask
    for (;;) {
      const bucket = this.buckets[at]
      if (bucket === undefined) return
      if (this.keys[at] === gram) {
        for (let i = 0; i < bucket.length; i++) if (stands(bucket[i]!, text, end)) found(bucket[i]!.id)
        return
      }
      at = (at + 1) & this.mask
    }
  }
}

/** Four characters in 32 bits: each shifts the one before by eight; what is wider mixes in. */
function gramKey(gram: string): number {
  let key = 0
  for (let i = 0; i < gramLength; i++) key = (key << 8) ^ gram.charCodeAt(i)
  return key
}

function spread(key: number): number {
  return Math.imul(key, 0x9e3779b1)
}

/** Needles of one to three Latin-1 characters, by their last character. */
class ShortNeedles {
  private readonly byLast: (PlacedNeedle[] | undefined)[] = new Array(256).fill(undefined)

  constructor(needles: readonly Needle[]) {
    for (const needle of needles) {
      const last = needle.text.charCodeAt(needle.text.length - 1)
      const placed = { ...needle, offset: needle.text.length - 1 }
      const list = this.byLast[last]
      if (list) list.push(placed)
      else this.byLast[last] = [placed]
    }
  }

  find(text: string, found: (id: number) => void): void {
    const { byLast } = this
    for (let at = 0; at < text.length; at++) {
      const code = text.charCodeAt(at)
      if (code > 0xff) continue
      const list = byLast[code]
      if (list === undefined) continue
      for (let i = 0; i < list.length; i++) if (stands(list[i]!, text, at)) found(list[i]!.id)
    }
  }
}

/** Wide needles by their last wide character (of a surrogate pair the half that tells more). */
function placeWide(needles: readonly Needle[]): Map<number, PlacedNeedle[]> {
  const byCode = new Map<number, PlacedNeedle[]>()
  for (const needle of needles) {
    let offset = needle.text.length - 1
    while (needle.text.charCodeAt(offset) <= 0xff) offset--
    const code = needle.text.charCodeAt(offset)
    const list = byCode.get(code)
    if (list) list.push({ ...needle, offset })
    else byCode.set(code, [{ ...needle, offset }])
  }
  return byCode
}

function findWide(byCode: Map<number, PlacedNeedle[]>, text: string, found: (id: number) => void): void {
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code <= 0xff) continue
    const list = byCode.get(code)
    if (list === undefined) continue
    for (const needle of list) if (stands(needle, text, at)) found(needle.id)
  }
}
