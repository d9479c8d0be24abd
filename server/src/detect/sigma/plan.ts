import type { MatchedField } from '../../event/event.ts'
import type { CompiledRule } from './compile.ts'
import { compileMatcher, type Matcher } from './matcher.ts'
import { type Expression, type FieldTest, predicateKey } from './predicate.ts'
import type { Reader } from './reader.ts'
import { Slots } from './slots.ts'

const accept = -1
const reject = -2

/** A rule as seen through one view of the fields. */
export interface PlannedRule<Source> {
  rule: CompiledRule
  /** Reads a field of the rule; undefined names the whole record. */
  readerOf(field: string | undefined): { key: string; reader: Reader<Source> }
}

/**
 * The rules that one kind of record can match, compiled together: every field is a slot, every distinct test of a
 * slot is evaluated at most once per record, a condition is a chain of tests with a way out on each side.
 */
export class Plan<Source> {
  readonly rules: PlannedRule<Source>[]
  private readonly slots: Slots<Source>
  private readonly matchers: (Matcher | undefined)[] = []
  private readonly tests: { slot: number; test: FieldTest; slotOf: (field: string) => number }[] = []
  private readonly program: Int32Array
  private readonly entries: Int32Array
  private readonly memo: Uint32Array
  private generation = 0

  constructor(rules: PlannedRule<Source>[]) {
    this.rules = rules
    const slotByKey = new Map<string, number>()
    const readers: Reader<Source>[] = []
    const testByKey = new Map<string, number>()
    const code: number[] = []
    const entries: number[] = []
    for (const planned of rules) {
      const slotOf = (field: string | undefined): number => {
        const { key, reader } = planned.readerOf(field)
        let slot = slotByKey.get(key)
        if (slot === undefined) {
          slot = readers.push(reader) - 1
          slotByKey.set(key, slot)
        }
        return slot
      }
      const testOf = (test: FieldTest): number => {
        const slot = slotOf(test.field)
        const predicates = test.predicates.map((predicate) =>
          predicate.kind === 'field'
            ? `${predicateKey(predicate)}@${slotOf(predicate.field)}`
            : predicateKey(predicate),
        )
        const key = `${slot}\u0000${predicates.join('\u0001')}`
        let id = testByKey.get(key)
        if (id === undefined) {
          id = this.tests.push({ slot, test, slotOf }) - 1
          testByKey.set(key, id)
        }
        return id
      }
      entries.push(emit(planned.rule.expression, accept, reject, code, testOf))
    }
    this.slots = new Slots(readers)
    this.program = Int32Array.from(code)
    this.entries = Int32Array.from(entries)
    this.memo = new Uint32Array(this.tests.length)
    this.matchers = new Array(this.tests.length).fill(undefined)
  }

  /** Indexes of the rules that match, in their order. */
  match(source: Source): number[] {
    this.slots.begin(source)
    this.generation += 2
    if (this.generation > 0xfffffff0) {
      this.memo.fill(0)
      this.generation = 2
    }
    const matched: number[] = []
    for (let rule = 0; rule < this.entries.length; rule++) if (this.holds(rule)) matched.push(rule)
    return matched
  }

  private holds(rule: number): boolean {
    const { program } = this
    let at = this.entries[rule]!
    while (at >= 0) at = this.verdict(program[at]!) ? program[at + 1]! : program[at + 2]!
    return at === accept
  }

  private verdict(id: number): boolean {
    const known = this.memo[id]!
    if ((known & ~1) >>> 0 === this.generation) return (known & 1) === 1
    let matcher = this.matchers[id]
    if (!matcher) {
      const { slot, test, slotOf } = this.tests[id]!
      matcher = compileMatcher(slot, test.predicates, slotOf)
      this.matchers[id] = matcher
    }
    const holds = matcher(this.slots as Slots<unknown>)
    this.memo[id] = this.generation | (holds ? 1 : 0)
    return holds
  }

  /** The fields and values that made the rule match, by search identifier. Reads the record anew: for matches only. */
  explain(rule: number, source: Source): MatchedField[] {
    const planned = this.rules[rule]!
    return explain(planned, source)
  }
}

/** Lays the expression out from its end: each test is three numbers, its id and where to go when true and when false. */
function emit(
  expression: Expression,
  whenTrue: number,
  whenFalse: number,
  code: number[],
  testOf: (test: FieldTest) => number,
): number {
  switch (expression.kind) {
    case 'part':
      return emit(expression.child, whenTrue, whenFalse, code, testOf)
    case 'not':
      return emit(expression.child, whenFalse, whenTrue, code, testOf)
    case 'test':
      return code.push(testOf(expression.test), whenTrue, whenFalse) - 3
    case 'and': {
      let next = whenTrue
      for (let i = expression.children.length - 1; i >= 0; i--)
        next = emit(expression.children[i]!, next, whenFalse, code, testOf)
      return next
    }
    case 'or': {
      let next = whenFalse
      for (let i = expression.children.length - 1; i >= 0; i--)
        next = emit(expression.children[i]!, whenTrue, next, code, testOf)
      return next
    }
  }
}

const valueLimit = 1024

/** Walks the condition again with its names: every true test outside a negation, with the value that made it true. */
function explain<Source>(planned: PlannedRule<Source>, source: Source): MatchedField[] {
  const matched: MatchedField[] = []
  const readers: Reader<Source>[] = []
  const slotByKey = new Map<string, number>()
  const slotOf = (field: string | undefined): number => {
    const { key, reader } = planned.readerOf(field)
    const slot = slotByKey.get(key) ?? readers.push(reader) - 1
    slotByKey.set(key, slot)
    return slot
  }
  const holds = (test: FieldTest, reader: Reader<Source>): boolean => {
    const slot = slotOf(test.field)
    const matcher = compileMatcher(slot, test.predicates, slotOf)
    const slots = new Slots(readers.map((original, index) => (index === slot ? reader : original)))
    slots.begin(source)
    return matcher(slots as Slots<unknown>)
  }
  const walk = (expression: Expression, part: string): boolean => {
    switch (expression.kind) {
      case 'part':
        return walk(expression.child, expression.name)
      case 'not': {
        const before = matched.length
        const result = !walk(expression.child, part)
        matched.length = before
        return result
      }
      case 'and': {
        const before = matched.length
        if (expression.children.every((child) => walk(child, part))) return true
        matched.length = before
        return false
      }
      case 'or':
        // Every alternative is tried: an analyst wants to see all that matched.
        return expression.children.filter((child) => walk(child, part)).length > 0
      case 'test': {
        const { test } = expression
        const { reader } = planned.readerOf(test.field)
        if (!holds(test, reader)) return false
        const value = reader(source)
        const members = Array.isArray(value) ? value.flat(8) : [value]
        const decisive = members.length > 1 ? members.filter((member) => holds(test, () => member)) : members
        const text = (decisive.length > 0 ? decisive : members).map(display).join(', ')
        matched.push({
          part,
          field: test.field ?? '',
          value: text.length > valueLimit ? `${text.slice(0, valueLimit)}…` : text,
        })
        return true
      }
    }
  }
  walk(planned.rule.expression, '')
  return matched
}

function display(value: unknown): string {
  if (value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}
