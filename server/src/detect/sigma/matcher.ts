import { parseNumber } from './modifiers.ts'
import { contains, parseAddress } from './network.ts'
import { hasSigma, levelSigma, matchPattern } from './pattern.ts'
import type { CompareOperator, DatePart, Predicate, TextOperator } from './predicate.ts'
import { compileRegex, type Regex } from './regex.ts'
import { type Slots, slotNull, slotPresent, slotValue } from './slots.ts'

/** Decides one test for the record that lies in the slots. */
export type Matcher = (slots: Slots<unknown>) => boolean

/**
 * Compiles the alternatives of one test on one slot. Texts of one operator are gathered: equalities into a set,
 * the others into a list that is walked. `slotOf` numbers the fields other predicates refer to.
 */
export function compileMatcher(
  slot: number,
  predicates: readonly Predicate[],
  slotOf: (field: string) => number,
): Matcher {
  const checks = [...textChecks(slot, predicates, false), ...textChecks(slot, predicates, true)]
  for (const predicate of predicates) {
    if (predicate.kind !== 'text') checks.push(compilePredicate(slot, predicate, slotOf))
  }
  if (checks.length === 1) return checks[0]!
  return (slots) => {
    for (let i = 0; i < checks.length; i++) if (checks[i]!(slots)) return true
    return false
  }
}

function textChecks(slot: number, predicates: readonly Predicate[], cased: boolean): Matcher[] {
  const byOperator: Record<TextOperator, string[]> = { equals: [], startswith: [], endswith: [], contains: [] }
  for (const predicate of predicates) {
    if (predicate.kind === 'text' && predicate.cased === cased) byOperator[predicate.operator].push(predicate.text)
  }
  const checks: Matcher[] = []
  for (const operator of ['equals', 'startswith', 'endswith', 'contains'] as const) {
    const plain = byOperator[operator].filter((needle) => cased || !hasSigma(needle))
    const greek = byOperator[operator].filter((needle) => !cased && hasSigma(needle))
    if (plain.length > 0) checks.push(anyText(slot, cased, textTest(operator, plain)))
    if (greek.length > 0) {
      const test = textTest(operator, greek)
      checks.push(anyText(slot, false, (text) => test(levelSigma(text))))
    }
  }
  return checks
}

function textTest(operator: TextOperator, needles: string[]): (text: string) => boolean {
  const [only] = needles
  const single = needles.length === 1 && only !== undefined
  switch (operator) {
    case 'equals': {
      if (single) return (text) => text === only
      const set = new Set(needles)
      return (text) => set.has(text)
    }
    case 'startswith':
      return single ? (text) => text.startsWith(only) : (text) => someOf(needles, (needle) => text.startsWith(needle))
    case 'endswith':
      return single ? (text) => text.endsWith(only) : (text) => someOf(needles, (needle) => text.endsWith(needle))
    case 'contains':
      return single ? (text) => text.includes(only) : (text) => someOf(needles, (needle) => text.includes(needle))
  }
}

function someOf(needles: string[], holds: (needle: string) => boolean): boolean {
  for (let i = 0; i < needles.length; i++) if (holds(needles[i]!)) return true
  return false
}

/** True when any text of the slot passes. */
function anyText(slot: number, cased: boolean, test: (text: string) => boolean): Matcher {
  return (slots) => {
    const text = cased ? slots.text(slot) : slots.lower(slot)
    if (typeof text === 'string') return test(text)
    if (text === undefined) return false
    for (let i = 0; i < text.length; i++) if (test(text[i]!)) return true
    return false
  }
}

function compilePredicate(slot: number, predicate: Predicate, slotOf: (field: string) => number): Matcher {
  switch (predicate.kind) {
    case 'text':
      return textChecks(slot, [predicate], predicate.cased)[0]!
    case 'pattern': {
      const { pattern, cased } = predicate
      const greek = !cased && pattern.some((part) => typeof part === 'string' && hasSigma(part))
      return anyText(
        slot,
        cased,
        greek ? (text) => matchPattern(pattern, levelSigma(text)) : (text) => matchPattern(pattern, text),
      )
    }
    case 'regex': {
      const regex: Regex = compileRegex(predicate.pattern, predicate.flags)
      return anyText(slot, true, (text) => regex.test(text))
    }
    case 'cidr': {
      const { network } = predicate
      return anyText(slot, true, (text) => {
        const address = addressOf(text)
        return address !== undefined && contains(network, address)
      })
    }
    case 'compare': {
      const compare = comparison(predicate.operator, predicate.number)
      return anyText(slot, true, (text) => {
        const number = parseNumber(text)
        return number !== undefined && compare(number)
      })
    }
    case 'date': {
      const { part, number, operator } = predicate
      const compare = operator === 'equals' ? (value: number) => value === number : comparison(operator, number)
      return anyText(slot, true, (text) => {
        const value = datePart(text, part)
        return value !== undefined && compare(value)
      })
    }
    case 'field':
      return compileFieldReference(slot, slotOf(predicate.field), predicate.operator, predicate.cased)
    case 'null':
      return (slots) => {
        const state = slots.state(slot)
        return state === 0 || (state & slotNull) !== 0
      }
    case 'any':
      return (slots) => (slots.state(slot) & slotValue) !== 0
    case 'exists': {
      const { expected } = predicate
      return (slots) => ((slots.state(slot) & slotPresent) !== 0) === expected
    }
  }
}

/** The texts last asked for: one address is mostly tested against several networks. */
let lastTexts: readonly [string, string] = ['', '']
let lastAddresses: readonly [Uint8Array | undefined, Uint8Array | undefined] = [undefined, undefined]

function addressOf(text: string): Uint8Array | undefined {
  if (text === lastTexts[0]) return lastAddresses[0]
  if (text === lastTexts[1]) return lastAddresses[1]
  const address = parseAddress(text)
  lastTexts = [text, lastTexts[0]]
  lastAddresses = [address, lastAddresses[0]]
  return address
}

function compileFieldReference(slot: number, other: number, operator: TextOperator, cased: boolean): Matcher {
  const holds: Record<TextOperator, (left: string, right: string) => boolean> = {
    equals: (left, right) => left === right,
    startswith: (left, right) => left.startsWith(right),
    endswith: (left, right) => left.endsWith(right),
    contains: (left, right) => left.includes(right),
  }
  const test = holds[operator]
  return (slots) => {
    const left = cased ? slots.text(slot) : slots.lower(slot)
    const right = cased ? slots.text(other) : slots.lower(other)
    if (left === undefined || right === undefined) return false
    if (typeof left === 'string' && typeof right === 'string') return test(left, right)
    const rights = typeof right === 'string' ? [right] : right
    for (const one of typeof left === 'string' ? [left] : left) {
      for (const two of rights) if (test(one, two)) return true
    }
    return false
  }
}

function comparison(operator: CompareOperator, limit: number): (value: number) => boolean {
  switch (operator) {
    case 'lt':
      return (value) => value < limit
    case 'lte':
      return (value) => value <= limit
    case 'gt':
      return (value) => value > limit
    case 'gte':
      return (value) => value >= limit
  }
}

const datePattern = /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2}))?/

/** A part of a date as it is written, without any change of time zone; `week` is the ISO week. Numbers are epoch (milli)seconds, UTC. */
function datePart(text: string, part: DatePart): number | undefined {
  const number = parseNumber(text)
  if (number !== undefined) {
    if (number < 1e8 || number > 1e14) return undefined
    return datePart(new Date(number < 1e11 ? number * 1000 : number).toISOString(), part)
  }
  const match = datePattern.exec(text)
  if (!match) return undefined
  const [, year, month, day, hour, minute] = match
  switch (part) {
    case 'year':
      return Number(year)
    case 'month':
      return Number(month)
    case 'day':
      return Number(day)
    case 'hour':
      return hour === undefined ? undefined : Number(hour)
    case 'minute':
      return minute === undefined ? undefined : Number(minute)
    case 'week':
      return isoWeek(Number(year), Number(month), Number(day))
  }
}

/** ISO 8601: the week of the year's first Thursday is week 1. */
function isoWeek(year: number, month: number, day: number): number {
  const dayMs = 86_400_000
  const date = Date.UTC(year, month - 1, day)
  const weekday = (new Date(date).getUTCDay() + 6) % 7
  const thursday = new Date(date + (3 - weekday) * dayMs)
  return 1 + Math.floor((thursday.getTime() - Date.UTC(thursday.getUTCFullYear(), 0, 1)) / dayMs / 7)
}
