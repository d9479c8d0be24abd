import { lastWide, type Needle, NeedleTable, shortestNeedle } from './needles.ts'
import type { FieldTest } from './predicate.ts'
import type { Slots } from './slots.ts'
import { type CacheBudget, ValueCache } from './value-cache.ts'
import { type Sign, signsDecide } from './witness.ts'

/** A test whose signs make rules candidates. */
export interface IndexedTest {
  id: number
  slot: number
  test: FieldTest
  signs: readonly Sign[]
}

/** What the index must know of the kind of record it searches. */
export interface SourceShape<Source> {
  /** The map whose keys are the top-level names. */
  fieldsOf(source: Source): object
  /** Values that lie outside that map but are searched for keywords. */
  extraText(source: Source): string | undefined
}

/** A sign is the number of its test, doubled, plus one when it already decides the test. */
export type OnSign = (sign: number) => void

const depthLimit = 64
const noSigns: readonly number[] = []
const seenNamesLimit = 256

/** Everything that is looked for in the values of one field. */
class Search {
  readonly presence: number[] = []
  private readonly equals = new Map<string, number[]>()
  private longestEquals = -1
  private readonly short: Needle[] = []
  private readonly long: Needle[] = []
  private table: NeedleTable | undefined

  add(id: number, sign: Sign): void {
    if (sign.kind === 'presence') {
      this.presence.push(id)
      return
    }
    const { text, operator } = sign
    const number = id * 2 + (sign.decides ? 1 : 0)
    if (operator === 'equals') {
      const known = this.equals.get(text)
      if (known) known.push(number)
      else this.equals.set(text, [number])
      this.longestEquals = Math.max(this.longestEquals, text.length)
    } else if (text.length < shortestNeedle && lastWide(text) < 0) this.short.push({ text, operator, sign: number })
    else this.long.push({ text, operator, sign: number })
  }

  finish(): void {
    if (this.long.length > 0) this.table = new NeedleTable(this.long)
  }

  /** True when values need not be read at all: their presence says everything. */
  get onlyPresence(): boolean {
    return this.table === undefined && this.short.length === 0 && this.longestEquals < 0
  }

  find(lower: string, onSign: OnSign): void {
    if (lower.length <= this.longestEquals) {
      const signs = this.equals.get(lower)
      if (signs !== undefined) for (let i = 0; i < signs.length; i++) onSign(signs[i]!)
    }
    if (this.table !== undefined) this.table.find(lower, 0, lower.length, onSign)
    for (let i = 0; i < this.short.length; i++) {
      const { text, operator, sign } = this.short[i]!
      const holds =
        operator === 'contains'
          ? lower.includes(text)
          : operator === 'startswith'
            ? lower.startsWith(text)
            : lower.endsWith(text)
      if (holds) onSign(sign)
    }
  }
}

const noFields: readonly IndexedField[] = []

interface IndexedField {
  slot: number
  /** Generation of the record it was last looked at for. */
  seenAt: number
  search: Search
  cache: ValueCache
}

/** What is done with the values of one top-level name. */
interface NamedValue {
  fields: readonly IndexedField[]
  /** Keywords found in them. */
  cache: ValueCache | undefined
}

/**
 * For all rules of a plan the fields, whole values and pieces of text that make them worth evaluating. Only fields that the
 * record has are touched; what was found in a value is remembered, since most values recur.
 */
export class RecordIndex<Source> {
  /** Tests that are false unless the index has found them true. */
  readonly decided: Uint8Array
  private readonly shape: SourceShape<Source>
  private readonly named = new Map<string, NamedValue>()
  /** How many of them the rules name; the others were seen in records. */
  private readonly namedByRules: number
  private readonly fieldsAlways: IndexedField[] = []
  /** Keywords: looked for in every value of the record. */
  private readonly whole: Search | undefined
  private readonly budget: CacheBudget
  private generation = 0
  /** Signs found in the value that is being searched. */
  private readonly collected: number[] = []
  /** Per sign: the search it was last collected in. */
  private readonly collectedAt: Float64Array
  private collection = 0

  constructor(
    tests: readonly IndexedTest[],
    testCount: number,
    shape: SourceShape<Source>,
    namesOf: (slot: number) => readonly string[] | undefined,
    budget: CacheBudget,
  ) {
    this.shape = shape
    this.budget = budget
    this.decided = new Uint8Array(testCount)
    this.collectedAt = new Float64Array(testCount * 2)
    const searches = new Map<number, Search>()
    for (const { id, slot, test, signs } of tests) {
      if (signsDecide(signs)) this.decided[id] = 1
      let search = test.field === undefined ? this.whole : searches.get(slot)
      if (!search) {
        search = new Search()
        if (test.field === undefined) this.whole = search
        else searches.set(slot, search)
      }
      for (const sign of signs) search.add(id, sign)
    }
    this.whole?.finish()
    const fieldsByName = new Map<string, IndexedField[]>()
    for (const [slot, search] of searches) {
      search.finish()
      const field: IndexedField = { slot, seenAt: 0, search, cache: new ValueCache(budget) }
      const names = namesOf(slot)
      if (!names) this.fieldsAlways.push(field)
      for (const name of names ?? []) fieldsByName.set(name, [...(fieldsByName.get(name) ?? []), field])
    }
    for (const [name, fields] of fieldsByName) this.named.set(name, { fields, cache: this.wholeCache() })
    this.namedByRules = this.named.size
  }

  private wholeCache(): ValueCache | undefined {
    return this.whole === undefined ? undefined : new ValueCache(this.budget)
  }

  /** Tells `onSign` of every sign the record shows; `slots` has begun the same record. */
  search(source: Source, slots: Slots<Source>, onSign: OnSign): void {
    const { named, fieldsAlways, whole } = this
    this.generation++
    for (let i = 0; i < fieldsAlways.length; i++) this.look(fieldsAlways[i]!, slots, onSign)
    const values = this.shape.fieldsOf(source) as Record<string, unknown>
    for (const name in values) {
      let entry = named.get(name)
      if (entry === undefined) {
        if (whole === undefined) continue
        entry = this.newName(name)
      }
      const { fields } = entry
      for (let i = 0; i < fields.length; i++) this.look(fields[i]!, slots, onSign)
      if (whole !== undefined) this.lookWhole(whole, entry.cache, values[name], 0, onSign)
    }
    if (whole === undefined) return
    const extra = this.shape.extraText(source)
    if (extra !== undefined) whole.find(extra.toLowerCase(), onSign)
    for (let i = 0; i < whole.presence.length; i++) onSign(whole.presence[i]! * 2)
  }

  /** A name no rule knows, whose values keywords are searched in. Senders choose names: only so many are remembered. */
  private newName(name: string): NamedValue {
    if (this.named.size - this.namedByRules >= seenNamesLimit) return { fields: noFields, cache: undefined }
    const entry = { fields: noFields, cache: this.wholeCache() }
    this.named.set(name, entry)
    return entry
  }

  private look(field: IndexedField, slots: Slots<Source>, onSign: OnSign): void {
    if (field.seenAt === this.generation) return
    field.seenAt = this.generation
    const { slot, search, cache } = field
    if (slots.state(slot) === 0) return
    const { presence } = search
    for (let i = 0; i < presence.length; i++) onSign(presence[i]! * 2)
    if (search.onlyPresence) return
    const text = slots.text(slot)
    if (text === undefined) return
    if (typeof text !== 'string') {
      for (const lower of slots.lower(slot) as string[]) search.find(lower, onSign)
      return
    }
    if (!cache.active) {
      search.find(slots.lower(slot) as string, onSign)
      return
    }
    const known = cache.get(text)
    if (known === undefined) {
      this.collect(text, slots.lower(slot) as string, search, cache, onSign)
      return
    }
    slots.setLower(slot, known.lower)
    for (let i = 0; i < known.signs.length; i++) onSign(known.signs[i]!)
  }

  private collect(text: string, lower: string, search: Search, cache: ValueCache, onSign: OnSign): void {
    const { collected } = this
    collected.length = 0
    this.collection++
    search.find(lower, this.onCollected)
    for (let i = 0; i < collected.length; i++) onSign(collected[i]!)
    cache.set(text, { lower, signs: collected.length === 0 ? noSigns : collected.slice() })
  }

  private readonly onCollected: OnSign = (sign) => {
    // One needle may stand in a value a million times.
    if (this.collectedAt[sign] === this.collection) return
    this.collectedAt[sign] = this.collection
    this.collected.push(sign)
  }

  private lookWhole(whole: Search, cache: ValueCache | undefined, value: unknown, depth: number, onSign: OnSign): void {
    if (typeof value === 'string') {
      if (cache === undefined || !cache.active) {
        whole.find(value.toLowerCase(), onSign)
        return
      }
      const known = cache.get(value)
      if (known === undefined) this.collect(value, value.toLowerCase(), whole, cache, onSign)
      else for (let i = 0; i < known.signs.length; i++) onSign(known.signs[i]!)
    } else if (typeof value === 'object') {
      if (value === null || depth > depthLimit) return
      for (const key in value) this.lookWhole(whole, cache, (value as Record<string, unknown>)[key], depth + 1, onSign)
    } else if (value !== undefined) whole.find(String(value).toLowerCase(), onSign)
  }
}
