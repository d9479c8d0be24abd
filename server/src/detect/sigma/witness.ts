import { textFrequency } from './frequency.ts'
import { anyText, hasSigma, oneCharacter, type Pattern } from './pattern.ts'
import type { Expression, FieldTest, Predicate, TextOperator } from './predicate.ts'
import { requiredLiterals } from './regex-literals.ts'

/**
 * What makes a test worth trying on a record. Either texts, one of which the field must hold for the test to be true
 * (`decides`: finding it already makes the test true), or the mere presence of the field.
 */
export type Sign = { kind: 'text'; text: string; operator: TextOperator; decides: boolean } | { kind: 'presence' }

/** The signs of a test: it can only be true when one of them is seen. Undefined when it may be true of a record without the field. */
export function signsOf(test: FieldTest): Sign[] | undefined {
  const signs: Sign[] = []
  for (const predicate of test.predicates) {
    const own = signsOfPredicate(predicate)
    if (!own) return undefined
    signs.push(...own)
  }
  // Presence covers everything else.
  return signs.some(({ kind }) => kind === 'presence') ? [{ kind: 'presence' }] : signs
}

function signsOfPredicate(predicate: Predicate): Sign[] | undefined {
  switch (predicate.kind) {
    case 'text': {
      const { text, operator, cased } = predicate
      if (/[Σσς]/.test(text)) return [{ kind: 'presence' }]
      if (!cased) return [{ kind: 'text', text, operator, decides: true }]
      const lower = text.toLowerCase()
      // Where lower-casing depends on the neighbours, a piece lower-cased alone proves nothing.
      return lower.length === text.length && !/[Σσς]/.test(text)
        ? [{ kind: 'text', text: lower, operator, decides: false }]
        : [{ kind: 'presence' }]
    }
    case 'pattern': {
      const text = predicate.cased ? '' : longestLiteral(predicate.pattern)
      return text === '' ? [{ kind: 'presence' }] : [{ kind: 'text', text, operator: 'contains', decides: false }]
    }
    case 'regex': {
      const texts = requiredLiterals(predicate.pattern, predicate.flags)
      return (
        texts?.map((text): Sign => ({ kind: 'text', text, operator: 'contains', decides: false })) ?? [
          { kind: 'presence' },
        ]
      )
    }
    case 'null':
      return undefined
    case 'exists':
      return predicate.expected ? [{ kind: 'presence' }] : undefined
    default:
      return [{ kind: 'presence' }]
  }
}

function longestLiteral(pattern: Pattern): string {
  let longest = ''
  for (const part of pattern) {
    if (part !== anyText && part !== oneCharacter && !hasSigma(part) && part.length > longest.length) longest = part
  }
  return longest
}

/** True when the signs are the whole test: none seen, then it is false; one seen, then it is true. */
export function signsDecide(signs: readonly Sign[]): boolean {
  return signs.every((sign) => sign.kind === 'text' && sign.decides)
}

export interface Witness {
  /** Tests of which one must be true (or, under a negation, only worth trying: `exact` is false) for the rule to match. */
  tests: Set<FieldTest>
  /** A guess of the share of records that show one. */
  frequency: number
}

/**
 * Of all conditions that must hold for the expression to be true, the one that is expected to hold most rarely, as a set of
 * tests one of which must show a sign. Undefined when there is none: such a rule is tried on every record.
 */
export function witnessOf(expression: Expression): Witness | undefined {
  return find(expression, false)
}

function find(expression: Expression, negated: boolean): Witness | undefined {
  switch (expression.kind) {
    case 'part':
      return find(expression.child, negated)
    case 'not':
      return find(expression.child, !negated)
    case 'test':
      return ofTest(expression.test, negated)
    default: {
      const found = expression.children.map((child) => find(child, negated))
      // Under a negation an `and` asks for one of its negated children, an `or` for all.
      return (expression.kind === 'and') !== negated ? rarest(found) : union(found)
    }
  }
}

function ofTest(test: FieldTest, negated: boolean): Witness | undefined {
  if (negated) {
    // `not null` and `not exists: false` need the field; any other negation may hold without it.
    const needsField =
      test.predicates.some(({ kind }) => kind === 'null') ||
      test.predicates.some((predicate) => predicate.kind === 'exists' && !predicate.expected)
    return needsField ? { tests: new Set([test]), frequency: presenceFrequency } : undefined
  }
  const signs = signsOf(test)
  if (!signs) return undefined
  let frequency = 0
  for (const sign of signs)
    frequency += sign.kind === 'presence' ? presenceFrequency : textFrequency(sign.text, sign.operator)
  // A keyword is looked for in every value of the record.
  return { tests: new Set([test]), frequency: frequency * (test.field === undefined ? 3 : 1) }
}

const presenceFrequency = 0.95

function rarest(found: (Witness | undefined)[]): Witness | undefined {
  let chosen: Witness | undefined
  for (const witness of found) if (witness && (!chosen || witness.frequency < chosen.frequency)) chosen = witness
  return chosen
}

function union(found: (Witness | undefined)[]): Witness | undefined {
  const whole: Witness = { tests: new Set(), frequency: 0 }
  for (const witness of found) {
    if (!witness) return undefined
    for (const test of witness.tests) whole.tests.add(test)
    whole.frequency += witness.frequency
  }
  return whole
}
