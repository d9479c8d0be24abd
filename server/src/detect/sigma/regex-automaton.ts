import type { RegexFlags } from './predicate.ts'
import {
  assertionHolds,
  beforeNewline,
  beforeOther,
  beforeStart,
  beforeWord,
  endOfText,
  RegexNfa,
  type Step,
} from './regex-nfa.ts'
import { type CodeRange, parseRegex, type RegexNode, wordRanges } from './regex-parse.ts'

/** Steps a program may have; longer ones are left to the general engine. */
const programLimit = 4000
/** Beyond this many steps states are too dear to build. */
const stateProgramLimit = 400
/** Words of bits a character may touch. */
const bitCostLimit = 400
/** States kept at a time; beyond it all are forgotten and built anew as they are met. */
const stateLimit = 1500

/** Stands for the class of the next character where there is none. */
const noClass = -1
const accepting = -2
const unknown = -1

/**
 * Decides whether a regular expression matches somewhere in a text, in time linear in the text: a deterministic automaton whose
 * states (sets of places in the expression) are built when they are first met.
 */
export class RegexAutomaton {
  private readonly steps: Step[] = []
  private readonly sets: CodeRange[][] = []
  /** First code points of the classes of characters that the expression cannot tell apart. */
  private readonly classStarts: number[]
  private readonly asciiClass = new Uint16Array(128)
  /** Per set: one byte a class, 1 when the class is in it. */
  private readonly members: Uint8Array[]
  private readonly beforeOfClass: Uint8Array
  private readonly hasAssertions: boolean
  private readonly start: number
  private nfa: RegexNfa | undefined
  private states = new Map<string, number>()
  private places: Int32Array[] = []
  private befores: number[] = []
  private transitions = new Int32Array(0)
  private ends: Int8Array = new Int8Array(0)

  private constructor(node: RegexNode) {
    this.start = this.emit(node, this.push({ kind: 'match' }))
    this.hasAssertions = this.steps.some(({ kind }) => kind === 'assert')
    const starts = new Set([0])
    const separate: readonly CodeRange[] = this.hasAssertions ? [...wordRanges, [10, 10]] : []
    for (const [low, high] of [...this.sets.flat(), ...separate]) {
      starts.add(low)
      if (high < 0x10ffff) starts.add(high + 1)
    }
    this.classStarts = [...starts].sort((a, b) => a - b)
    for (let point = 0; point < 128; point++) this.asciiClass[point] = this.searchClass(point)
    const within = (ranges: readonly CodeRange[], point: number) =>
      ranges.some(([low, high]) => low <= point && point <= high)
    this.members = this.sets.map((ranges) =>
      Uint8Array.from(this.classStarts, (point) => (within(ranges, point) ? 1 : 0)),
    )
    this.beforeOfClass = Uint8Array.from(this.classStarts, (point) =>
      !this.hasAssertions
        ? beforeOther
        : point === 10
          ? beforeNewline
          : within(wordRanges, point)
            ? beforeWord
            : beforeOther,
    )
    this.forget()
  }

  /** Undefined when the expression is outside the subset or too large. */
  static compile(pattern: string, flags: RegexFlags): RegexAutomaton | undefined {
    const node = parseRegex(pattern, flags)
    if (!node || sizeOf(node) > programLimit) return undefined
    const automaton = new RegexAutomaton(node)
    return automaton.steps.length > stateProgramLimit && !automaton.inBits() ? undefined : automaton
  }

  /** True when the expression matches somewhere in the text. */
  test(text: string): boolean {
    if (this.steps.length > stateProgramLimit) return this.testInBits(text)
    const width = this.classStarts.length
    let state = this.stateOf([this.start], beforeStart)
    for (let i = 0; i < text.length; i++) {
      let point = text.charCodeAt(i)
      let kind: number
      if (point < 128) kind = this.asciiClass[point]!
      else {
        if (point >= 0xd800 && point < 0xdc00) {
          point = text.codePointAt(i)!
          if (point > 0xffff) i++
        }
        kind = this.searchClass(point)
      }
      let next = this.transitions[state * width + kind]!
      if (next === unknown) {
        const states = this.states
        next = this.build(state, kind)
        // A text that needs ever new states would cost a state a character.
        if (states !== this.states && i < text.length - 1 && this.inBits()) return this.testInBits(text)
      }
      if (next === accepting) return true
      state = next
    }
    return this.endsIn(state)
  }

  /** True when the expression is run cheaper in bits than by states that are ever new. */
  private inBits(): boolean {
    const { steps, start, members, beforeOfClass, hasAssertions } = this
    this.nfa ??= new RegexNfa({ steps, start, members, beforeOfClass, hasAssertions })
    return this.nfa.cost <= bitCostLimit
  }

  private testInBits(text: string): boolean {
    const kinds = new Uint16Array(text.length)
    let length = 0
    for (let i = 0; i < text.length; i++) {
      const point = text.codePointAt(i)!
      if (point > 0xffff) i++
      kinds[length++] = point < 128 ? this.asciiClass[point]! : this.searchClass(point)
    }
    return this.nfa!.test(kinds.subarray(0, length))
  }

  private push(step: Step): number {
    return this.steps.push(step) - 1
  }

  /** Lays the node out before `next`; returns where it begins. */
  private emit(node: RegexNode, next: number): number {
    switch (node.kind) {
      case 'set':
        return this.push({ kind: 'set', set: this.sets.push(node.ranges) - 1, next })
      case 'assert':
        return this.push({ kind: 'assert', assertion: node.assertion, next })
      case 'sequence':
        return node.children.reduceRight((after, child) => this.emit(child, after), next)
      case 'alternation':
        return node.children
          .map((child) => this.emit(child, next))
          .reduce((one, other) => this.push({ kind: 'split', next: one, other }))
      case 'repeat': {
        let after = next
        if (node.most === Number.POSITIVE_INFINITY) {
          const loop: Step & { kind: 'split' } = { kind: 'split', next, other: next }
          after = this.push(loop)
          loop.next = this.emit(node.child, after)
        } else {
          for (let i = node.least; i < node.most; i++)
            after = this.push({ kind: 'split', next: this.emit(node.child, after), other: next })
        }
        for (let i = 0; i < node.least; i++) after = this.emit(node.child, after)
        return after
      }
    }
  }

  private searchClass(point: number): number {
    let low = 0
    let high = this.classStarts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.classStarts[middle]! <= point) low = middle
      else high = middle - 1
    }
    return low
  }

  private forget(): void {
    this.states = new Map()
    this.places = []
    this.befores = []
    this.transitions = new Int32Array(64 * this.classStarts.length).fill(unknown)
    this.ends = new Int8Array(64).fill(unknown)
  }

  private stateOf(places: number[], before: number): number {
    places.sort((a, b) => a - b)
    const key = String.fromCharCode(before, ...places)
    const known = this.states.get(key)
    if (known !== undefined) return known
    if (this.places.length >= stateLimit) this.forget()
    const state = this.places.push(Int32Array.from(places)) - 1
    this.befores.push(before)
    this.states.set(key, state)
    if (state >= this.ends.length) {
      const transitions = new Int32Array(this.transitions.length * 2).fill(unknown)
      transitions.set(this.transitions)
      this.transitions = transitions
      const ends = new Int8Array(this.ends.length * 2).fill(unknown)
      ends.set(this.ends)
      this.ends = ends
    }
    return state
  }

  private build(state: number, kind: number): number {
    const reached = this.closure(state, kind)
    let next = accepting
    if (reached) {
      // The search may begin anew at every position.
      const places = new Set([this.start])
      for (const step of reached) if (this.members[step.set]![kind] === 1) places.add(step.next)
      const states = this.states
      next = this.stateOf([...places], this.beforeOfClass[kind]!)
      // All was forgotten to make room: the state we come from has no row any more.
      if (states !== this.states) return next
    }
    this.transitions[state * this.classStarts.length + kind] = next
    return next
  }

  private endsIn(state: number): boolean {
    if (this.ends[state] === unknown) this.ends[state] = this.closure(state, noClass) ? 0 : 1
    return this.ends[state] === 1
  }

  /** The sets that can be stepped over next, given what follows; undefined when a match is complete. */
  private closure(state: number, following: number): (Step & { kind: 'set' })[] | undefined {
    const stack = [...this.places[state]!]
    const seen = new Set(stack)
    const before = this.befores[state]!
    const after = following === noClass ? endOfText : this.beforeOfClass[following]!
    const reached: (Step & { kind: 'set' })[] = []
    while (stack.length > 0) {
      const step = this.steps[stack.pop()!]!
      const visit = (place: number) => {
        if (seen.has(place)) return
        seen.add(place)
        stack.push(place)
      }
      switch (step.kind) {
        case 'match':
          return undefined
        case 'set':
          reached.push(step)
          break
        case 'split':
          visit(step.next)
          visit(step.other)
          break
        case 'assert':
          if (assertionHolds(step.assertion, before, after)) visit(step.next)
          break
      }
    }
    return reached
  }
}

/** Steps the node takes when it is laid out. */
function sizeOf(node: RegexNode): number {
  switch (node.kind) {
    case 'set':
    case 'assert':
      return 1
    case 'repeat': {
      const times = node.most === Number.POSITIVE_INFINITY ? node.least + 1 : node.most
      return (sizeOf(node.child) + 1) * Math.max(1, times)
    }
    default: {
      let size = node.children.length
      for (const child of node.children) size += sizeOf(child)
      return size
    }
  }
}
