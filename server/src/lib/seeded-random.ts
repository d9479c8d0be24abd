/**
 * A small repeatable source of numbers: the same seed gives the same sequence on every machine. For generated data
 * only, never for secrets. The recurrence is xorshift32 (G. Marsaglia, "Xorshift RNGs", 2003, triple 13, 17, 5).
 */
export class SeededRandom {
  private state: number

  constructor(seed: number) {
    // A state of zero would stay zero; multiplying spreads seeds that lie close together.
    this.state = Math.imul(seed | 0, 0x9e3779b1) || 0x6d2b79f5
  }

  /** At least 0, below 1. */
  next(): number {
    let state = this.state
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    this.state = state
    return (state >>> 0) / 2 ** 32
  }

  /** A whole number of `[from, to]`. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1))
  }

  pick<Item>(items: readonly Item[]): Item {
    if (items.length === 0) throw new RangeError('nothing to pick from')
    return items[Math.floor(this.next() * items.length)]!
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** `length` characters of `alphabet`. */
  text(length: number, alphabet = 'abcdefghijklmnopqrstuvwxyz234567'): string {
    let text = ''
    for (let index = 0; index < length; index++) text += alphabet[Math.floor(this.next() * alphabet.length)]
    return text
  }
}
