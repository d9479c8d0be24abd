import type { Alternative } from './alternatives.ts'
import { type Correlation, entryLimit, hasNot, type RuleExpression } from './definition.ts'

/** One event in the window of a group. */
export interface Entry {
  timeMs: number
  eventId: string
  /** Place of the rule in the correlation. */
  rule: number
  /** Distinct value of `value_count`, number of the other `value_*` types. */
  value?: string | number
}

/** The order of everything: event time, then event id, then the rule's place. Never arrival. */
export function compareEntries(a: Entry, b: Entry): number {
  if (a.timeMs !== b.timeMs) return a.timeMs - b.timeMs
  if (a.eventId !== b.eventId) return a.eventId < b.eventId ? -1 : 1
  return a.rule - b.rule
}

/**
 * Puts an entry in its place and gives that back; undefined when it is there already. An event counts once (once per rule in
 * temporal types). Where only the presence of a value or rule counts, an entry between two of its kind that lie within one
 * timespan is in no window alone, and goes.
 */
export function insert(correlation: Correlation, entries: Entry[], entry: Entry): number | undefined {
  let at = entries.length
  while (at > 0 && compareEntries(entries[at - 1]!, entry) > 0) at--
  const temporal = correlation.type === 'temporal' || correlation.type === 'temporal_ordered'
  const isSame = (other: Entry | undefined) => other?.timeMs === entry.timeMs && other.eventId === entry.eventId
  for (let i = at - 1; isSame(entries[i]); i--) if (!temporal || entries[i]!.rule === entry.rule) return undefined
  for (let i = at; isSame(entries[i]); i++) if (!temporal || entries[i]!.rule === entry.rule) return undefined
  if (at === entries.length) entries.push(entry)
  else entries.splice(at, 0, entry)
  if (!correlation.monotone) return at
  return correlation.type === 'value_count' || correlation.type === 'temporal' ? thin(correlation, entries, at) : at
}

/** Drops the entry before or behind the one at `at` that stands needlessly between two of its kind: of its value, or of its rule. */
function thin({ type, timespanMs }: Correlation, entries: Entry[], at: number): number {
  const next = type === 'value_count' ? nextOfValue : nextOfRule
  const entry = entries[at]!
  const after = next(entries, entry, at, 1)
  const beyond = after < entries.length ? next(entries, entry, after, 1) : entries.length
  if (beyond < entries.length && entries[beyond]!.timeMs - entry.timeMs <= timespanMs) entries.splice(after, 1)
  const before = next(entries, entry, at, -1)
  const first = before >= 0 ? next(entries, entry, before, -1) : -1
  if (first < 0 || entry.timeMs - entries[first]!.timeMs > timespanMs) return at
  entries.splice(before, 1)
  return at - 1
}

function nextOfValue(entries: readonly Entry[], { value }: Entry, from: number, step: 1 | -1): number {
  let i = from + step
  while (i >= 0 && i < entries.length && entries[i]!.value !== value) i += step
  return i
}

function nextOfRule(entries: readonly Entry[], { rule }: Entry, from: number, step: 1 | -1): number {
  let i = from + step
  while (i >= 0 && i < entries.length && entries[i]!.rule !== rule) i += step
  return i
}

/** Events of one rule that an order keeps: the newest is what a trailing window asks for; the others serve orders that were begun before. */
const orderLimit = 64

/**
 * Drops what no window can need any more; gives back how many entries were dropped that one might have needed. `fired` are
 * the times at which the group fired and is silent around, `rule` that of the newest entry. For correlations that fire at once.
 */
export function prune(
  correlation: Correlation,
  entries: Entry[],
  rule: number,
  fired: readonly number[] | undefined,
  watermarkMs: number,
): number {
  const { type, timespanMs } = correlation
  const needed = capacity(correlation)
  // Now and then: looking costs more than keeping a few.
  if (entries.length <= 2 * needed) return 0
  dropDead(entries, watermarkMs - timespanMs, entries.length - needed)
  if (type === 'temporal_ordered') return pruneOrder(entries, rule, watermarkMs, timespanMs)
  const silentMs = fired?.at(-1)
  if (silentMs !== undefined && (type === 'event_count' || type === 'value_count')) {
    // Behind a firing a window that ends in the silence matters to nobody, and one that ends behind it has the newest.
    const first = entries.findIndex(({ timeMs }) => timeMs >= silentMs - timespanMs)
    const keep = type === 'event_count' ? entries.length - needed : newestValues(entries, needed)
    let until = first
    while (until >= 0 && until < keep && entries[until]!.timeMs <= silentMs + timespanMs) until++
    if (until > first && first >= 0) entries.splice(first, until - first)
  }
  if (entries.length <= entryLimit) return 0
  return entries.splice(0, entries.length - entryLimit).length
}

/** Drops at most `most` entries before the time, once they are a quarter of all: dropping from the front moves the rest. */
export function dropDead(entries: Entry[], beforeMs: number, most: number): number {
  let dead = 0
  while (dead < most && entries[dead]!.timeMs < beforeMs) dead++
  if (dead * 4 < entries.length) return 0
  entries.splice(0, dead)
  return dead
}

/** Where the entries begin that hold the newest `count` distinct values; 0 when there are fewer. */
function newestValues(entries: readonly Entry[], count: number): number {
  const seen = new Set<Entry['value']>()
  for (let i = entries.length - 1; i >= 0; i--) if (seen.add(entries[i]!.value).size >= count) return i
  return 0
}

/**
 * One event of a rule goes when the rule has too many: one that the next event of the same rule stands in for in every order,
 * because nothing lies between them and nothing can come between them any more. Where there is none, the oldest; that is
 * counted when a late event could still have followed it.
 */
function pruneOrder(entries: Entry[], rule: number, watermarkMs: number, timespanMs: number): number {
  if (entries.length <= orderLimit) return 0
  let count = 0
  let oldest = -1
  let spare = -1
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i]!
    if (entry.rule !== rule) continue
    count++
    if (oldest < 0) oldest = i
    const next = entries[i + 1]
    if (spare < 0 && next?.rule === rule && (next.timeMs < watermarkMs || next.timeMs === entry.timeMs)) spare = i
  }
  if (count <= orderLimit) return 0
  const [dropped] = entries.splice(spare < 0 ? oldest : spare, 1)
  return spare >= 0 || dropped!.timeMs < watermarkMs - timespanMs ? 0 : 1
}

/** True when a correlation that fires at once cannot fire with the only event of a group. */
export function needsMoreThanOne(correlation: Correlation): boolean {
  const { type, monotone, expression } = correlation
  const counts = type === 'event_count' || type === 'value_count'
  return monotone && counts && expression === undefined && capacity(correlation) > 1
}

/** How many entries a condition that is counted up to asks for; others are kept while they are in reach. */
function capacity({ type, thresholds, rules }: Correlation): number {
  if (type === 'temporal' || type === 'temporal_ordered') return rules.length
  if (type !== 'event_count' && type !== 'value_count') return 1
  return Math.max(1, ...thresholds.map(({ operator, number }) => Math.floor(number) + (operator === 'gt' ? 1 : 0)))
}

/** Index of the first entry of the window that ends at `end` (inclusive edge: `t_end - t <= timespan`). */
function windowStart(entries: readonly Entry[], end: number, timespanMs: number): number {
  const from = entries[end]!.timeMs - timespanMs
  if (entries[0]!.timeMs >= from) return 0
  let low = 0
  let high = end
  while (low < high) {
    const middle = (low + high) >> 1
    if (entries[middle]!.timeMs < from) low = middle + 1
    else high = middle
  }
  return low
}

/** What the condition compares, for the window that ends at entry `end`; undefined when the condition does not hold. */
export function evaluate(
  correlation: Correlation,
  entries: readonly Entry[],
  end: number,
): { start: number; measured: number } | undefined {
  const start = windowStart(entries, end, correlation.timespanMs)
  if (correlation.monotone && correlation.type === 'value_count' && end - start + 1 < capacity(correlation))
    return undefined
  if (correlation.alternatives) {
    const last = hasNot(correlation.expression!) ? windowEnd(entries, end, correlation.timespanMs) : end
    const holds = correlation.alternatives.some((way) => holdsInOrder(way, entries, start, end, last))
    return holds ? { start, measured: distinctRules(entries, start, end) } : undefined
  }
  if (correlation.expression) {
    // A `not` looks ahead too: its rule must stay away for the timespan after the event as well.
    const last = hasNot(correlation.expression) ? windowEnd(entries, end, correlation.timespanMs) : end
    const seen = (rule: number, to: number) =>
      entries.some((entry, index) => index >= start && index <= to && entry.rule === rule)
    return holdsExpression(correlation.expression, seen, end, last)
      ? { start, measured: distinctRules(entries, start, end) }
      : undefined
  }
  const measured = measure(correlation, entries, start, end)
  if (measured === undefined || !holds(correlation, measured)) return undefined
  return { start, measured }
}

function windowEnd(entries: readonly Entry[], from: number, timespanMs: number): number {
  let end = from
  while (end + 1 < entries.length && entries[end + 1]!.timeMs - entries[from]!.timeMs <= timespanMs) end++
  return end
}

/** The rules that must be seen one before the other from `start` to `end`, and none of the others up to `last`. */
function holdsInOrder(
  { ordered, absent }: Alternative,
  entries: readonly Entry[],
  start: number,
  end: number,
  last: number,
): boolean {
  let made = 0
  for (let i = start; i <= last; i++) {
    const { rule } = entries[i]!
    if (absent.includes(rule)) return false
    if (i <= end && rule === ordered[made]) made++
  }
  return made === ordered.length
}

/** Positive parts look back from the event, negated parts look to both sides. */
function holdsExpression(
  expression: RuleExpression,
  seen: (rule: number, to: number) => boolean,
  end: number,
  last: number,
): boolean {
  switch (expression.kind) {
    case 'rule':
      return seen(expression.rule, end)
    case 'not':
      return !holdsExpression(expression.child, seen, last, end)
    case 'and':
      return expression.children.every((child) => holdsExpression(child, seen, end, last))
    case 'or':
      return expression.children.some((child) => holdsExpression(child, seen, end, last))
  }
}

function holds({ thresholds }: Correlation, measured: number): boolean {
  for (const { operator, number } of thresholds) {
    if (operator === 'gt' && !(measured > number)) return false
    if (operator === 'gte' && !(measured >= number)) return false
    if (operator === 'lt' && !(measured < number)) return false
    if (operator === 'lte' && !(measured <= number)) return false
    if (operator === 'eq' && measured !== number) return false
    if (operator === 'neq' && measured === number) return false
  }
  return true
}

export function measure(
  correlation: Correlation,
  entries: readonly Entry[],
  start: number,
  end: number,
): number | undefined {
  switch (correlation.type) {
    case 'event_count':
      return end - start + 1
    case 'value_count':
      return distinctValues(entries, start, end)
    case 'temporal':
      return distinctRules(entries, start, end)
    case 'temporal_ordered':
      return inOrder(correlation.rules.length, entries, start, end)
    case 'value_sum':
      return sum(entries, start, end)
    case 'value_avg':
      return sum(entries, start, end) / (end - start + 1)
    case 'value_median':
      return percentileOf(entries, start, end, 50)
    case 'value_percentile':
      return percentileOf(entries, start, end, correlation.percentile)
  }
}

function sum(entries: readonly Entry[], start: number, end: number): number {
  let total = 0
  for (let i = start; i <= end; i++) total += entries[i]!.value as number
  return total
}

function distinctValues(entries: readonly Entry[], start: number, end: number): number {
  const seen = new Set<string | number | undefined>()
  for (let i = start; i <= end; i++) seen.add(entries[i]!.value)
  return seen.size
}

function distinctRules(entries: readonly Entry[], start: number, end: number): number {
  const seen = new Set<number>()
  for (let i = start; i <= end; i++) seen.add(entries[i]!.rule)
  return seen.size
}

/** How many of the rules, from the last one back, are found one before the other: all of them when the order is complete. */
function inOrder(ruleCount: number, entries: readonly Entry[], start: number, end: number): number {
  let longest = 0
  // The chain must end with the last event of the window; try each rule it may stand for.
  for (let last = ruleCount - 1; last >= 0; last--) {
    if (entries[end]!.rule !== last) continue
    let wanted = last
    for (let i = end; i >= start && wanted >= 0; i--) if (entries[i]!.rule === wanted) wanted--
    if (wanted < 0) longest = Math.max(longest, last + 1)
  }
  return longest
}

/** Linear interpolation between the two nearest ranks, so that the median of an even number is their mean. */
function percentileOf(entries: readonly Entry[], start: number, end: number, percentile: number): number {
  const values: number[] = []
  for (let i = start; i <= end; i++) values.push(entries[i]!.value as number)
  values.sort((a, b) => a - b)
  const rank = (percentile / 100) * (values.length - 1)
  const low = Math.floor(rank)
  const high = Math.ceil(rank)
  return values[low]! + (values[high]! - values[low]!) * (rank - low)
}
