import type { MatchedField } from '../../event/event.ts'
import type { CompiledRule } from './compile.ts'
import { compileMatcher, type Matcher } from './matcher.ts'
import { type Expression, type FieldTest, predicateKey } from './predicate.ts'
import type { FieldAccess, Reader } from './reader.ts'
import { type IndexedTest, RecordIndex, type SourceShape } from './record-index.ts'
import { Slots } from './slots.ts'
import type { CacheBudget } from './value-cache.ts'
import type { Sign } from './witness.ts'

const none: number[] = []
const accept = -1
const reject = -2

/** A rule as seen through one view of the fields. */
export interface PlannedRule<Source> {
  rule: CompiledRule
  /** How to get at a field of the rule; undefined names the whole record. */
  accessTo(field: string | undefined): FieldAccess<Source>
}

interface PlannedTest {
  slot: number
  test: FieldTest
  slotOf: (field: string) => number
}

/**
 * The rules that one kind of record can match, compiled together. Every field is a slot; every distinct test of a slot is
 * evaluated at most once per record; a condition is a chain of tests with a way out on each side. Of each rule one
 * necessary condition is put into an index of its field: only rules whose condition shows in the record are evaluated, and the
 * few that have none.
 */
export class Plan<Source> {
  readonly rules: PlannedRule<Source>[]
  private readonly slots: Slots<Source>
  private readonly tests: PlannedTest[] = []
  private readonly matchers: (Matcher | undefined)[]
  private readonly program: Int32Array
  private readonly entries: Int32Array
  /** Per test: generation of the record it was last decided for, plus one when true. */
  private readonly memo: Float64Array
  private readonly index: RecordIndex<Source>
  /** Per test: the rules that become candidates when it shows a sign. */
  private readonly rulesOfTest: (Int32Array | undefined)[]
  private readonly candidateAt: Float64Array
  private readonly candidates: Int32Array
  private candidateCount = 0
  private readonly openRules: Int32Array
  private generation = 0
  /** Rules evaluated so far. */
  evaluated = 0

  /** Records matched so far. */
  get records(): number {
    return this.generation / 2
  }

  constructor(rules: PlannedRule<Source>[], shape: SourceShape<Source>, budget: CacheBudget) {
    this.rules = rules
    const slotByKey = new Map<string, number>()
    const readers: Reader<Source>[] = []
    const accesses: FieldAccess<Source>[] = []
    const testByKey = new Map<string, number>()
    const code: number[] = []
    const entries: number[] = []
    const witnessed = new Map<number, { signs: Sign[]; rules: number[] }>()
    const open: number[] = []
    for (const [index, planned] of rules.entries()) {
      const slotOf = (field: string | undefined): number => {
        const access = planned.accessTo(field)
        let slot = slotByKey.get(access.key)
        if (slot === undefined) {
          slot = readers.push(access.reader) - 1
          accesses.push(access)
          slotByKey.set(access.key, slot)
        }
        return slot
      }
      const testOf = (test: FieldTest): number => {
        const slot = slotOf(test.field)
        const key = `${slot}\u0000${testKey(test, slotOf)}`
        let id = testByKey.get(key)
        if (id === undefined) {
          id = this.tests.push({ slot, test, slotOf }) - 1
          testByKey.set(key, id)
        }
        return id
      }
      entries.push(emit(planned.rule.plan.expression, accept, reject, code, testOf))
      const { witness } = planned.rule.plan
      if (!witness) open.push(index)
      for (const { test, signs } of witness ?? []) {
        const id = testOf(test)
        const known = witnessed.get(id)
        if (known) known.rules.push(index)
        else witnessed.set(id, { signs, rules: [index] })
      }
    }
    this.slots = new Slots(readers)
    this.program = Int32Array.from(code)
    this.entries = Int32Array.from(entries)
    this.memo = new Float64Array(this.tests.length)
    this.matchers = new Array(this.tests.length).fill(undefined)
    this.rulesOfTest = new Array(this.tests.length).fill(undefined)
    this.candidateAt = new Float64Array(rules.length)
    this.candidates = new Int32Array(rules.length)
    this.openRules = Int32Array.from(open)
    const indexed: IndexedTest[] = []
    for (const [id, { signs, rules }] of witnessed) {
      this.rulesOfTest[id] = Int32Array.from(rules)
      indexed.push({ ...this.tests[id]!, id, signs })
    }
    this.index = new RecordIndex(indexed, this.tests.length, shape, (slot) => accesses[slot]!.names, budget)
  }

  /** Indexes of the rules that match, in their order. */
  match(source: Source): number[] {
    this.slots.begin(source)
    this.generation += 2
    this.candidateCount = 0
    this.index.search(source, this.slots, this.found)
    return this.evaluate()
  }

  /** Even: the test is worth trying. Odd: it is true. */
  private readonly found = (sign: number): void => {
    const id = sign >> 1
    if ((sign & 1) === 1) {
      if (this.memo[id] === this.generation + 1) return
      this.memo[id] = this.generation + 1
    }
    this.nominate(id)
  }

  private nominate(test: number): void {
    const rules = this.rulesOfTest[test]!
    const { candidateAt, generation } = this
    for (let i = 0; i < rules.length; i++) {
      const rule = rules[i]!
      if (candidateAt[rule] === generation) continue
      candidateAt[rule] = generation
      this.candidates[this.candidateCount++] = rule
    }
  }

  private evaluate(): number[] {
    const { candidates, candidateCount, openRules } = this
    this.evaluated += candidateCount + openRules.length
    let matched: number[] | undefined
    for (let i = 0; i < openRules.length; i++) {
      if (this.holds(openRules[i]!)) {
        if (matched === undefined) matched = [openRules[i]!]
        else matched.push(openRules[i]!)
      }
    }
    for (let i = 0; i < candidateCount; i++) {
      if (this.holds(candidates[i]!)) {
        if (matched === undefined) matched = [candidates[i]!]
        else matched.push(candidates[i]!)
      }
    }
    if (matched === undefined) return none
    return matched.length === 1 ? matched : matched.sort((a, b) => a - b)
  }

  private holds(rule: number): boolean {
    const { program } = this
    let at = this.entries[rule]!
    while (at >= 0) at = this.verdict(program[at]!) ? program[at + 1]! : program[at + 2]!
    return at === accept
  }

  private verdict(id: number): boolean {
    const known = this.memo[id]!
    if (known >= this.generation) return known !== this.generation
    if (this.index.decided[id] === 1) return false
    let matcher = this.matchers[id]
    if (matcher === undefined) {
      const { slot, test, slotOf } = this.tests[id]!
      matcher = compileMatcher(slot, test.predicates, slotOf)
      this.matchers[id] = matcher
    }
    const holds = matcher(this.slots as Slots<unknown>)
    this.memo[id] = holds ? this.generation + 1 : this.generation
    return holds
  }

  /** The fields and values that made the rule match, by search identifier. Reads the record anew: for matches only. */
  explain(rule: number, source: Source): MatchedField[] {
    const planned = this.rules[rule]!
    let explainer = explainers.get(planned) as Explainer<Source> | undefined
    if (!explainer) {
      explainer = new Explainer(planned)
      explainers.set(planned, explainer)
    }
    return explainer.explain(source)
  }
}

const testKeys = new WeakMap<FieldTest, string>()

/** Equal keys, equal tests of one slot. */
function testKey(test: FieldTest, slotOf: (field: string) => number): string {
  const known = testKeys.get(test)
  if (known !== undefined) return known
  let refers = false
  const parts = test.predicates.map((predicate) => {
    if (predicate.kind !== 'field') return predicateKey(predicate)
    refers = true
    return `${predicateKey(predicate)}@${slotOf(predicate.field)}`
  })
  const key = parts.join('\u0001')
  // A reference to another field is a slot's number, which only this plan knows.
  if (!refers) testKeys.set(test, key)
  return key
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
const explainers = new WeakMap<object, unknown>()

/** Walks the condition of one rule with its names; what it needs is compiled when a rule first matches and kept. */
class Explainer<Source> {
  private readonly expression: Expression
  private readonly slots: Slots<Source>
  private readonly readers: Reader<Source>[] = []
  private readonly tests = new Map<FieldTest, { slot: number; matcher: Matcher }>()
  private matched: MatchedField[] = []
  private source: Source | undefined

  constructor({ rule, accessTo }: PlannedRule<Source>) {
    this.expression = rule.expression
    const slotByKey = new Map<string, number>()
    const slotOf = (field: string | undefined): number => {
      const { key, reader } = accessTo(field)
      const slot = slotByKey.get(key) ?? this.readers.push(reader) - 1
      slotByKey.set(key, slot)
      return slot
    }
    const compile = (expression: Expression): void => {
      if (expression.kind === 'test') {
        const slot = slotOf(expression.test.field)
        this.tests.set(expression.test, { slot, matcher: compileMatcher(slot, expression.test.predicates, slotOf) })
      } else if (expression.kind === 'not' || expression.kind === 'part') compile(expression.child)
      else for (const child of expression.children) compile(child)
    }
    compile(rule.expression)
    this.slots = new Slots(this.readers)
  }

  /** Every true test outside a negation, with the values that made it true. */
  explain(source: Source): MatchedField[] {
    this.source = source
    this.slots.begin(source)
    this.matched = []
    this.walk(this.expression, '')
    return this.matched
  }

  private walk(expression: Expression, part: string): boolean {
    const before = this.matched.length
    switch (expression.kind) {
      case 'part':
        return this.walk(expression.child, expression.name)
      case 'not': {
        const holds = !this.walk(expression.child, part)
        this.matched.length = before
        return holds
      }
      case 'and':
        if (expression.children.every((child) => this.walk(child, part))) return true
        this.matched.length = before
        return false
      case 'or':
        // Every alternative is tried: an analyst wants to see all that matched.
        return expression.children.filter((child) => this.walk(child, part)).length > 0
      case 'test':
        return this.test(expression.test, part)
    }
  }

  private test(test: FieldTest, part: string): boolean {
    const { slot, matcher } = this.tests.get(test)!
    if (!matcher(this.slots as Slots<unknown>)) return false
    const value = this.readers[slot]!(this.source as Source)
    let members = Array.isArray(value) ? value.flat(8) : [value]
    if (members.length > 1) {
      // Of many values only those that decide it alone.
      const decisive = members.filter((member) => {
        const single = new Slots<Source>(this.readers.map((reader, index) => (index === slot ? () => member : reader)))
        single.begin(this.source as Source)
        return matcher(single as Slots<unknown>)
      })
      if (decisive.length > 0) members = decisive
    }
    const text = members.map(display).join(', ')
    const cut = text.length > valueLimit ? `${text.slice(0, valueLimit)}…` : text
    this.matched.push({ part, field: test.field ?? '', value: cut })
    return true
  }
}

function display(value: unknown): string {
  if (value === undefined) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}
