/** What is known of a field besides its texts. */
export const slotPresent = 1
export const slotNull = 2
export const slotValue = 4

/**
 * The values of the fields of one record, read at most once each and lower-cased at most once. One instance serves
 * record after record; `begin` forgets the last.
 */
export class Slots<Source> {
  private readonly readers: ((source: Source) => unknown)[]
  private readonly readAt: Uint32Array
  private readonly loweredAt: Uint32Array
  private readonly flags: Uint8Array
  private readonly texts: (string | string[] | undefined)[]
  private readonly lowers: (string | string[] | undefined)[]
  private generation = 0
  private source: Source | undefined

  constructor(readers: ((source: Source) => unknown)[]) {
    this.readers = readers
    this.readAt = new Uint32Array(readers.length)
    this.loweredAt = new Uint32Array(readers.length)
    this.flags = new Uint8Array(readers.length)
    this.texts = new Array(readers.length).fill(undefined)
    this.lowers = new Array(readers.length).fill(undefined)
  }

  begin(source: Source): void {
    this.source = source
    this.generation = (this.generation + 1) >>> 0
    if (this.generation === 0) {
      this.readAt.fill(0)
      this.loweredAt.fill(0)
      this.generation = 1
    }
  }

  /** Bits of slotPresent, slotNull, slotValue; 0 when the field is absent. */
  state(slot: number): number {
    if (this.readAt[slot] !== this.generation) this.read(slot)
    return this.flags[slot]!
  }

  /** The field's text, its texts when it holds a list, undefined when it holds none. Numbers and booleans are their JSON text. */
  text(slot: number): string | string[] | undefined {
    if (this.readAt[slot] !== this.generation) this.read(slot)
    return this.texts[slot]
  }

  /** The same, lower-cased. */
  lower(slot: number): string | string[] | undefined {
    if (this.loweredAt[slot] === this.generation) return this.lowers[slot]
    const text = this.text(slot)
    const lower = typeof text === 'string' ? text.toLowerCase() : text?.map((member) => member.toLowerCase())
    this.lowers[slot] = lower
    this.loweredAt[slot] = this.generation
    return lower
  }

  /** Tells the lower-cased text of a slot that holds one text, when the caller knows it. */
  setLower(slot: number, lower: string): void {
    this.lowers[slot] = lower
    this.loweredAt[slot] = this.generation
  }

  private read(slot: number): void {
    this.readAt[slot] = this.generation
    const value = this.readers[slot]!(this.source as Source)
    if (typeof value === 'string') {
      this.texts[slot] = value
      this.flags[slot] = slotPresent | slotValue
    } else if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') {
      this.texts[slot] = String(value)
      this.flags[slot] = slotPresent | slotValue
    } else if (value === undefined || typeof value === 'function') {
      this.texts[slot] = undefined
      this.flags[slot] = 0
    } else if (value === null) {
      this.texts[slot] = undefined
      this.flags[slot] = slotPresent | slotNull
    } else if (Array.isArray(value)) this.readList(slot, value)
    else {
      this.texts[slot] = undefined
      this.flags[slot] = slotPresent | slotValue
    }
  }

  private readList(slot: number, list: unknown[]): void {
    const texts: string[] = []
    let hasValue = false
    const add = (members: unknown[], depth: number): void => {
      for (const member of members) {
        if (member === null || member === undefined) continue
        if (Array.isArray(member)) {
          if (depth < 32) add(member, depth + 1)
        } else {
          hasValue = true
          if (typeof member !== 'object') texts.push(String(member))
        }
      }
    }
    add(list, 0)
    // A list that holds nothing but null says no more than null.
    this.flags[slot] = slotPresent | (hasValue ? slotValue : slotNull)
    this.texts[slot] = texts.length === 0 ? undefined : texts
  }
}
