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

export type Insertion = { kind: 'inserted'; at: number; evicted: number } | { kind: 'duplicate' }

/**
 * Puts an entry in its place. An event counts once (once per rule in temporal types); of a distinct value a monotone
 * count keeps only the latest event; a monotone count keeps only as many as its condition needs.
 */
export function insert(correlation: Correlation, entries: Entry[], entry: Entry): Insertion {
  let at = entries.length
  while (at > 0 && compareEntries(entries[at - 1]!, entry) > 0) at--
  const temporal = correlation.type === 'temporal' || correlation.type === 'temporal_ordered'
  for (let i = at - 1; i >= 0 && entries[i]!.timeMs === entry.timeMs && entries[i]!.eventId === entry.eventId; i--) {
    if (!temporal || entries[i]!.rule === entry.rule) return { kind: 'duplicate' }
  }
  for (
    let i = at;
    i < entries.length && entries[i]!.timeMs === entry.timeMs && entries[i]!.eventId === entry.eventId;
    i++
  ) {
    if (!temporal || entries[i]!.rule === entry.rule) return { kind: 'duplicate' }
  }
  // What waits for the watermark is judged at each of its events: nothing may go before.
  if (correlation.type === 'value_count' && correlation.monotone) {
    for (let i = entries.length - 1; i >= 0; i--) {
      if (entries[i]!.value !== entry.value) continue
      if (i >= at) return { kind: 'duplicate' }
      entries.splice(i, 1)
      at--
      break
    }
  }
  if (at === entries.length) entries.push(entry)
  else entries.splice(at, 0, entry)
  const perRule = correlation.monotone ? perRuleLimits[correlation.type] : undefined
  if (perRule !== undefined && entries.length > perRule && countOf(entries, entry.rule) > perRule) {
    const oldest = entries.findIndex((other) => other.rule === entry.rule)
    entries.splice(oldest, 1)
    // Older than all that are kept: it can add nothing.
    if (oldest === at) return { kind: 'duplicate' }
    return { kind: 'inserted', at: oldest < at ? at - 1 : at, evicted: 0 }
  }
  const limit = capacity(correlation)
  if (entries.length <= limit) return { kind: 'inserted', at, evicted: 0 }
  const surplus = entries.length - limit
  entries.splice(0, surplus)
  // What a monotone count no longer needs is not lost; everything else is.
  return { kind: 'inserted', at: Math.max(0, at - surplus), evicted: limit < entryLimit ? 0 : surplus }
}

/**
 * Events of one rule that a temporal group keeps: the newest is what a trailing window asks for; the others serve events that
 * come late and orders that were begun before.
 */
const perRuleLimits: Partial<Record<Correlation['type'], number>> = { temporal: 8, temporal_ordered: 64 }

function countOf(entries: readonly Entry[], rule: number): number {
  let count = 0
  for (const entry of entries) if (entry.rule === rule) count++
  return count
}

function capacity({ type, monotone, thresholds }: Correlation): number {
  if (!monotone || (type !== 'event_count' && type !== 'value_count')) return entryLimit
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
  if (correlation.expression) {
    // A `not` looks ahead too: its rule must stay away for the timespan after the event as well.
    const last = hasNot(correlation.expression) ? windowEnd(entries, end, correlation.timespanMs) : end
    const seen = (rule: number, to: number) =>
      entries.some((entry, index) => index >= start && index <= to && entry.rule === rule)
    return holdsExpression(correlation.expression, seen, end, last) ? { start, measured: end - start + 1 } : undefined
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
      // Entries are distinct by value while the condition can only come nearer.
      return correlation.monotone ? end - start + 1 : distinctValues(entries, start, end)
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
