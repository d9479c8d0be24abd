import type { Assertion } from './regex-parse.ts'

/** One step of a laid out expression; `next` and `other` are places in the program. */
export type Step =
  | { kind: 'set'; set: number; next: number }
  | { kind: 'split'; next: number; other: number }
  | { kind: 'assert'; assertion: Assertion; next: number }
  | { kind: 'match' }

/** What stands on one side of a position, as far as assertions ask. */
export const beforeStart = 0
export const beforeNewline = 1
export const beforeWord = 2
export const beforeOther = 3
export const endOfText = 4

export interface RegexProgram {
  steps: readonly Step[]
  start: number
  /** Per set: one byte a class of characters, 1 when the class is in it. */
  members: readonly Uint8Array[]
  beforeOfClass: Uint8Array
  hasAssertions: boolean
}

export function assertionHolds(assertion: Assertion, before: number, after: number): boolean {
  switch (assertion) {
    case 'textBegin':
      return before === beforeStart
    case 'textEnd':
      return after === endOfText
    case 'lineBegin':
      return before === beforeStart || before === beforeNewline
    case 'lineEnd':
      return after === endOfText || after === beforeNewline
    case 'word':
      return (before === beforeWord) !== (after === beforeWord)
    case 'notWord':
      return (before === beforeWord) === (after === beforeWord)
  }
}

/** Where one can go between two characters that stand in one context. */
interface Moves {
  /** Places that wait for a character when the search begins here. */
  start: Uint32Array
  matchesAtOnce: boolean
  /** Places behind which a match is complete. */
  accept: Uint32Array
  /** Places behind which the next one in order waits. */
  shift: Uint32Array
  /** Places that lead to others: those with the same followers together. */
  groups: { from: Uint32Array; to: Uint32Array }[]
}

/**
 * Runs an expression over a text with all its places at a time, one bit each: no state is built, so its cost is the length of the
 * text times a few words of bits, whatever the text. (Glushkov's automaton, run in parallel bits.)
 */
export class RegexNfa {
  private readonly program: RegexProgram
  /** Places in the program of the sets, so that a sequence of sets is a sequence of bits. */
  private readonly places: number[] = []
  private readonly bitOfPlace = new Map<number, number>()
  private readonly words: number
  private readonly moves: (Moves | undefined)[] = []
  /** Per class of characters: the bits whose set it is in. */
  private readonly accepting: Uint32Array[]

  constructor(program: RegexProgram) {
    this.program = program
    // Sequences are laid out from their end.
    for (let place = program.steps.length - 1; place >= 0; place--) {
      if (program.steps[place]!.kind === 'set') this.bitOfPlace.set(place, this.places.push(place) - 1)
    }
    this.words = Math.max(1, (this.places.length + 31) >>> 5)
    this.accepting = Array.from(program.beforeOfClass, (_, kind) =>
      this.bitsOf(this.places.flatMap((place, bit) => (this.setAt(place)[kind] === 1 ? [bit] : []))),
    )
  }

  /** Words of bits that are touched for a character when every place is reached. */
  get cost(): number {
    return this.words * (1 + 2 * this.movesIn(beforeOther, beforeOther).groups.length)
  }

  /** True when the expression matches somewhere in a text, given as the classes of its characters. */
  test(kinds: Uint16Array): boolean {
    const { words, program, accepting } = this
    let waiting = new Uint32Array(words)
    let passed = new Uint32Array(words)
    for (let i = 0; i <= kinds.length; i++) {
      const before = i === 0 ? beforeStart : program.beforeOfClass[kinds[i - 1]!]!
      const after = i === kinds.length ? endOfText : program.beforeOfClass[kinds[i]!]!
      const { start, matchesAtOnce, accept, shift, groups } = this.movesIn(before, after)
      if (matchesAtOnce) return true
      let carry = 0
      for (let w = 0; w < words; w++) {
        const here = passed[w]!
        if ((here & accept[w]!) !== 0) return true
        const shifted = here & shift[w]!
        waiting[w] = start[w]! | (shifted << 1) | carry
        carry = shifted >>> 31
      }
      for (let g = 0; g < groups.length; g++) {
        const { from, to } = groups[g]!
        for (let w = 0; w < words; w++) {
          if ((passed[w]! & from[w]!) === 0) continue
          for (let v = 0; v < words; v++) waiting[v]! |= to[v]!
          break
        }
      }
      if (i === kinds.length) return false
      const wanted = accepting[kinds[i]!]!
      for (let w = 0; w < words; w++) waiting[w]! &= wanted[w]!
      const swap = passed
      passed = waiting
      waiting = swap
    }
    return false
  }

  private movesIn(before: number, after: number): Moves {
    const context = this.program.hasAssertions ? before * 5 + after : 0
    const known = this.moves[context]
    if (known) return known
    const begin = this.closure(this.program.start, before, after)
    const accept: number[] = []
    const shift: number[] = []
    const byFollowers = new Map<string, { from: number[]; to: number[] }>()
    for (const [bit, place] of this.places.entries()) {
      const { bits, matches } = this.closure((this.program.steps[place] as Step & { kind: 'set' }).next, before, after)
      if (matches) accept.push(bit)
      if (bits.delete(bit + 1)) shift.push(bit)
      if (bits.size === 0) continue
      const to = [...bits].sort((a, b) => a - b)
      const group = byFollowers.get(to.join()) ?? { from: [], to }
      group.from.push(bit)
      byFollowers.set(to.join(), group)
    }
    const moves: Moves = {
      start: this.bitsOf([...begin.bits]),
      matchesAtOnce: begin.matches,
      accept: this.bitsOf(accept),
      shift: this.bitsOf(shift),
      groups: [...byFollowers.values()].map(({ from, to }) => ({ from: this.bitsOf(from), to: this.bitsOf(to) })),
    }
    this.moves[context] = moves
    return moves
  }

  /** The sets that wait behind a place, without a character between. */
  private closure(place: number, before: number, after: number): { bits: Set<number>; matches: boolean } {
    const bits = new Set<number>()
    const seen = new Set([place])
    const stack = [place]
    let matches = false
    const visit = (next: number) => {
      if (seen.has(next)) return
      seen.add(next)
      stack.push(next)
    }
    while (stack.length > 0) {
      const at = stack.pop()!
      const step = this.program.steps[at]!
      if (step.kind === 'match') matches = true
      else if (step.kind === 'set') bits.add(this.bitOfPlace.get(at)!)
      else if (step.kind === 'split') {
        visit(step.next)
        visit(step.other)
      } else if (assertionHolds(step.assertion, before, after)) visit(step.next)
    }
    return { bits, matches }
  }

  private setAt(place: number): Uint8Array {
    return this.program.members[(this.program.steps[place] as Step & { kind: 'set' }).set]!
  }

  private bitsOf(bits: readonly number[]): Uint32Array {
    const words = new Uint32Array(this.words)
    for (const bit of bits) words[bit >>> 5]! |= 1 << (bit & 31)
    return words
  }
}
