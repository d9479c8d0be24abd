import { type Expression, type FieldTest, type Predicate, predicateKey } from './predicate.ts'

/** A test that must hold, or must not, for the condition to hold. */
interface Fact {
  test: FieldTest
  wanted: boolean
}

/** Why no event can fulfil a condition: two tests of one field that exclude each other. */
export interface Contradiction {
  one: Fact
  other: Fact
}

/** Comparisons of predicates after which the search is given up: what is not proven impossible stands. */
const comparisonLimit = 50_000

/**
 * Looks for a proof that an expression can never be true; undefined when there is none. It follows what each part demands of
 * its fields, and tries the alternatives of an `or` against it.
 */
export function findContradiction(expression: Expression): Contradiction | undefined {
  const search = new Search()
  return search.assume(expression, true, new Map()) ? undefined : search.contradiction
}

/** Pairs of tests that only a list of values can fulfil: one field shall equal two different texts. */
export function findListOnly(expression: Expression): Contradiction | undefined {
  const facts: Facts = new Map()
  new Search().assume(expression, true, facts)
  for (const list of facts.values()) {
    const exact = list.filter(({ test, wanted }) => wanted && test.predicates.every(isExact))
    for (const [index, one] of exact.entries()) {
      const texts = new Set(one.test.predicates.map(predicateKey))
      const other = exact.slice(index + 1).find(({ test }) => !test.predicates.some((p) => texts.has(predicateKey(p))))
      if (other) return { one, other }
    }
  }
  return undefined
}

function isExact(predicate: Predicate): boolean {
  return predicate.kind === 'text' && predicate.operator === 'equals' && !predicate.cased
}

export function describeContradiction({ one, other }: Contradiction): string {
  const name = ({ test, wanted }: Fact) => `${wanted ? '' : 'not '}\`${test.label || 'keywords'}\``
  return `${name(one)} and ${name(other)}`
}

type Facts = Map<string | undefined, Fact[]>

class Search {
  contradiction: Contradiction | undefined
  private comparisons = 0

  /** Adds to `facts` what must be so; false when it cannot be. */
  assume(expression: Expression, wanted: boolean, facts: Facts): boolean {
    switch (expression.kind) {
      case 'part':
        return this.assume(expression.child, wanted, facts)
      case 'not':
        return this.assume(expression.child, !wanted, facts)
      case 'test':
        return this.assumeTest({ test: expression.test, wanted }, facts)
      default:
        return (expression.kind === 'and') === wanted
          ? this.assumeAll(expression.children, wanted, facts)
          : this.assumeOne(expression.children, wanted, facts)
    }
  }

  /** What is certain first, so that alternatives are tried against all of it. */
  private assumeAll(children: readonly Expression[], wanted: boolean, facts: Facts): boolean {
    const isCertain = (child: Expression) => !branches(child, wanted)
    for (const child of children) if (isCertain(child) && !this.assume(child, wanted, facts)) return false
    for (const child of children) if (!isCertain(child) && !this.assume(child, wanted, facts)) return false
    return true
  }

  private assumeOne(children: readonly Expression[], wanted: boolean, facts: Facts): boolean {
    let only: Facts | undefined
    let possible = 0
    for (const child of children) {
      const trial: Facts = new Map([...facts].map(([field, list]) => [field, [...list]]))
      if (!this.assume(child, wanted, trial)) continue
      only = trial
      if (++possible > 1) return true
    }
    if (!only) return false
    // The one alternative that is left is certain too.
    for (const [field, list] of only) facts.set(field, list)
    return true
  }

  private assumeTest(fact: Fact, facts: Facts): boolean {
    const { field } = fact.test
    const known = facts.get(field)
    if (!known) {
      facts.set(field, [fact])
      return true
    }
    for (const other of known) {
      if (!this.excludes(fact, other)) continue
      this.contradiction = { one: other, other: fact }
      return false
    }
    known.push(fact)
    return true
  }

  private excludes(one: Fact, other: Fact): boolean {
    if (one.test === other.test) return one.wanted !== other.wanted
    if (one.test.field !== undefined && statesExclude(stateOf(one), stateOf(other))) return true
    if (one.wanted === other.wanted) return false
    const [holds, fails] = one.wanted ? [one.test, other.test] : [other.test, one.test]
    this.comparisons += holds.predicates.length * fails.predicates.length
    if (this.comparisons > comparisonLimit) return false
    return holds.predicates.every((predicate) => fails.predicates.some((wider) => implies(predicate, wider)))
  }
}

/** True when the expression offers alternatives. */
function branches(expression: Expression, wanted: boolean): boolean {
  if (expression.kind === 'test') return false
  if (expression.kind === 'part') return branches(expression.child, wanted)
  if (expression.kind === 'not') return branches(expression.child, !wanted)
  return (expression.kind === 'and') !== wanted || expression.children.some((child) => branches(child, wanted))
}

/** What a fact says of its field: it has a value, has none (absent or null), is not there at all, is there. */
type State = 'value' | 'empty' | 'absent' | 'present' | undefined

function stateOf({ test, wanted }: Fact): State {
  const { predicates } = test
  if (!wanted) {
    // None of the alternatives holds.
    if (predicates.some((predicate) => predicate.kind === 'any')) return 'empty'
    if (predicates.some((predicate) => predicate.kind === 'null')) return 'value'
    const exists = predicates.find((predicate) => predicate.kind === 'exists')
    return exists && (exists.expected ? 'absent' : 'present')
  }
  if (predicates.every(({ kind }) => kind !== 'null' && kind !== 'exists')) return 'value'
  if (predicates.every((predicate) => predicate.kind === 'exists' && predicate.expected)) return 'present'
  if (predicates.every((predicate) => predicate.kind === 'exists' && !predicate.expected)) return 'absent'
  return predicates.every((p) => p.kind === 'null' || (p.kind === 'exists' && !p.expected)) ? 'empty' : undefined
}

function statesExclude(one: State, other: State): boolean {
  const pair = new Set([one, other])
  return (pair.has('value') && (pair.has('empty') || pair.has('absent'))) || (pair.has('present') && pair.has('absent'))
}

/** True when every value for which the first holds fulfils the second. */
function implies(predicate: Predicate, wider: Predicate): boolean {
  if (predicate.kind !== 'text' || wider.kind !== 'text') return predicateKey(predicate) === predicateKey(wider)
  if (wider.cased && !predicate.cased) return false
  const text = wider.cased ? predicate.text : predicate.text.toLowerCase()
  const { operator } = predicate
  switch (wider.operator) {
    case 'equals':
      return operator === 'equals' && text === wider.text
    case 'startswith':
      return (operator === 'equals' || operator === 'startswith') && text.startsWith(wider.text)
    case 'endswith':
      return (operator === 'equals' || operator === 'endswith') && text.endsWith(wider.text)
    case 'contains':
      return text.includes(wider.text)
  }
}
