/** What the index found in a value of one field. */
export interface KnownValue {
  lower: string
  signs: readonly number[]
}

/** Bounds the values remembered by all caches of an engine together. */
export class CacheBudget {
  /** Goes up when everything must be forgotten. */
  epoch = 0
  private used = 0
  private readonly limit: number

  constructor(limit: number) {
    this.limit = limit
  }

  take(): void {
    if (++this.used <= this.limit) return
    this.used = 0
    this.epoch++
  }
}

const textLimit = 1024
const valuesLimit = 4096
const trialLookups = 1024
const restLookups = 1 << 16

/**
 * Remembers what was found in the values of one field, since the values of most fields recur: programs, users, paths. A
 * field whose values do not is found out after a trial and left alone for a while. Only time depends on it, no verdict does.
 */
export class ValueCache {
  private readonly values = new Map<string, KnownValue>()
  private readonly budget: CacheBudget
  private epoch = 0
  private lookups = 0
  private hits = 0
  private rest = 0

  constructor(budget: CacheBudget) {
    this.budget = budget
  }

  /** False while the field is left alone: its values are neither asked for nor told. */
  get active(): boolean {
    if (this.rest === 0) return true
    this.rest--
    return false
  }

  get(text: string): KnownValue | undefined {
    if (this.epoch !== this.budget.epoch) {
      this.values.clear()
      this.epoch = this.budget.epoch
    }
    const known = text.length > textLimit ? undefined : this.values.get(text)
    if (known !== undefined) this.hits++
    if (++this.lookups === trialLookups) {
      if (this.hits * 2 < this.lookups) {
        this.rest = restLookups
        this.values.clear()
      }
      this.lookups = 0
      this.hits = 0
    }
    return known
  }

  set(text: string, value: KnownValue): void {
    if (text.length > textLimit) return
    if (this.values.size >= valuesLimit) this.values.clear()
    this.budget.take()
    this.values.set(text, value)
  }
}
