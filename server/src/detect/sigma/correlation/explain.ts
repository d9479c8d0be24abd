import type { Event, FieldValue } from '../../../event/event.ts'
import type { SigmaEngine } from '../engine.ts'
import type { Correlation, RuleExpression, Threshold } from './definition.ts'
import { CorrelationEngine, type CorrelationFiring } from './engine.ts'
import { countedValue, groupText, keySeparator, missing } from './group.ts'
import type { CorrelationInput } from './input.ts'
import { compareEntries, type Entry, measure } from './window.ts'

/** Why a correlation fires over some matches, or which step is missing. */
export interface CorrelationExplanation {
  ruleId: string
  title: string
  type: Correlation['type']
  timespanMs: number
  fires: boolean
  /** The rules and correlations it refers to: matches that were given, and of these how many lack a group or value field. */
  rules: { rule: string; matches: number; uncounted: number }[]
  /** Groups that fired, then those that came nearest; at most 20. */
  groups: ExplainedGroup[]
  groupsLeftOut: number
  /** Matches that were not counted, and the first field each lacks; at most 20. */
  uncounted: { rule: string; eventId: string; timeMs: number; field: string }[]
}

export interface ExplainedGroup {
  /** Unit path; groups never reach across. */
  scope: string
  group: Record<string, string>
  firedAtMs: number[]
  /** The window in which it first fired, else the one that came nearest. */
  window: { fromMs: number; toMs: number; eventIds: string[]; measured: number | undefined }
  /** Each comparison with what was measured in the window. Empty under a boolean condition. */
  thresholds: (Threshold & { holds: boolean })[]
  /** Temporal types: every rule, whether the window has it (in order, for `temporal_ordered`) and where it stands nearest. */
  steps: ExplainedStep[]
}

export interface ExplainedStep {
  rule: string
  /** `false` under a `not` of the condition: the step must stay away. */
  wanted: boolean
  seen: boolean
  /** Its match in the window, else the nearest one of the group; undefined when the group has none. */
  nearest: { eventId: string; timeMs: number } | undefined
}

const shown = 20

/**
 * Runs one correlation, and the correlations inside it, over matches in the order of their event times. `correlations` are
 * those of the set, inner ones before the outer ones.
 */
export function explainCorrelation(
  correlation: Correlation,
  correlations: readonly Correlation[],
  inputs: readonly CorrelationInput[],
): CorrelationExplanation {
  const needed = new Set([correlation.id])
  for (const outer of [...correlations].reverse())
    if (needed.has(outer.id)) for (const id of outer.rules) needed.add(id)
  const engine = new CorrelationEngine(
    correlations.filter(({ id }) => needed.has(id)),
    { latenessMs: Number.MAX_SAFE_INTEGER },
  )
  const ordered = [...inputs].sort((a, b) => a.timeMs - b.timeMs || (a.eventId < b.eventId ? -1 : 1))
  const firings = [...ordered.flatMap((input) => engine.push(input)), ...engine.flush()]
  const own = firings.filter((firing) => firing.correlation.id === correlation.id)
  const all = [...ordered, ...firings.map(asInput)]
  return { ...describeGroups(correlation, all, own), fires: own.length > 0 }
}

/** What the rules of an engine find in an event, as correlations count it. */
export function correlationInputs(engine: SigmaEngine, event: Event): CorrelationInput[] {
  return engine.matchEvent(event).map((match) => ({
    ruleId: match.rule.document.id,
    eventId: event.id,
    timeMs: event.timeMs,
    scope: event.unitPath,
    read: (field) => match.read(field) as FieldValue | undefined,
  }))
}

/** A firing as the match it is to an outer correlation. */
function asInput({ correlation, group, groupKey, triggerEventId, timeMs, scope }: CorrelationFiring): CorrelationInput {
  const eventId = [correlation.id, groupKey, triggerEventId].join(keySeparator)
  return { ruleId: correlation.id, eventId, timeMs, scope, read: (field) => group.get(field) }
}

function describeGroups(
  correlation: Correlation,
  inputs: readonly CorrelationInput[],
  firings: readonly CorrelationFiring[],
): Omit<CorrelationExplanation, 'fires'> {
  const rules = correlation.rules.map((rule) => ({ rule, matches: 0, uncounted: 0 }))
  const uncounted: CorrelationExplanation['uncounted'] = []
  const groups = new Map<string, { scope: string; values: string[]; entries: Entry[] }>()
  for (const input of inputs) {
    for (const [place, rule] of rules.entries()) {
      if (rule.rule !== input.ruleId) continue
      rule.matches++
      const found = readGroup(correlation, place, input)
      const value = countedValue(correlation, place, input)
      if (typeof found === 'string' || value === missing) {
        rule.uncounted++
        const field = typeof found === 'string' ? found : (correlation.valueFields[place]![0] ?? '')
        if (uncounted.length < shown)
          uncounted.push({ rule: rule.rule, eventId: input.eventId, timeMs: input.timeMs, field })
        continue
      }
      const key = [input.scope, ...found].join(keySeparator)
      const group = groups.get(key) ?? { scope: input.scope, values: found, entries: [] }
      const entry: Entry = { timeMs: input.timeMs, eventId: input.eventId, rule: place }
      if (value !== undefined) entry.value = value
      group.entries.push(entry)
      groups.set(key, group)
    }
  }
  const explained = [...groups].map(([key, { scope, values, entries }]) => {
    const fired = firings.filter(({ groupKey }) => groupKey === key)
    const named = Object.fromEntries(correlation.groupNames.map((name, index) => [name, values[index]!]))
    return explainGroup(correlation, { scope, group: named }, entries.sort(compareEntries), fired)
  })
  explained.sort((a, b) => b.rank - a.rank)
  return {
    ruleId: correlation.id,
    title: correlation.document.title,
    type: correlation.type,
    timespanMs: correlation.timespanMs,
    rules,
    groups: explained.slice(0, shown).map(({ group }) => group),
    groupsLeftOut: Math.max(0, explained.length - shown),
    uncounted,
  }
}

/** The values of the group fields, or the name of the first one the match lacks. */
function readGroup(correlation: Correlation, rule: number, input: CorrelationInput): string[] | string {
  const values: string[] = []
  for (const [index, field] of correlation.groupBy[rule]!.entries()) {
    const text = field === undefined ? undefined : groupText(input.read(field))
    if (text === undefined) return field ?? correlation.groupNames[index]!
    values.push(text)
  }
  return values
}

function explainGroup(
  correlation: Correlation,
  head: Pick<ExplainedGroup, 'scope' | 'group'>,
  entries: readonly Entry[],
  fired: readonly CorrelationFiring[],
): { group: ExplainedGroup; rank: number } {
  const [first] = fired
  let best: { start: number; end: number; rank: number; measured: number | undefined } | undefined
  let start = 0
  for (let end = 0; end < entries.length; end++) {
    while (entries[end]!.timeMs - entries[start]!.timeMs > correlation.timespanMs) start++
    if (first && entries[end]!.eventId !== first.triggerEventId) continue
    const window = entries.slice(start, end + 1)
    const measured = first?.measured ?? measureOf(correlation, window)
    const rank = first ? Number.POSITIVE_INFINITY : nearness(correlation, window, measured)
    if (!best || rank > best.rank) best = { start, end, rank, measured }
  }
  const { start: from, end, rank, measured } = best ?? { start: 0, end: 0, rank: 0, measured: undefined }
  const window = entries.slice(from, end + 1)
  const group: ExplainedGroup = {
    ...head,
    firedAtMs: fired.map(({ timeMs }) => timeMs),
    window: {
      fromMs: window[0]!.timeMs,
      toMs: window.at(-1)!.timeMs,
      eventIds: [...new Set(window.map(({ eventId }) => eventId))].slice(-shown),
      measured,
    },
    thresholds: correlation.thresholds.map((threshold) => ({
      ...threshold,
      holds: measured !== undefined && holdsFor(threshold, measured),
    })),
    steps: correlation.type.startsWith('temporal') ? stepsOf(correlation, entries, window) : [],
  }
  return { group, rank }
}

/** What the condition compares, also where it falls short: of an order that was begun, how many steps are made. */
function measureOf(correlation: Correlation, window: readonly Entry[]): number | undefined {
  switch (correlation.type) {
    case 'value_count':
      return new Set(window.map(({ value }) => value)).size
    case 'event_count':
      return new Set(window.map(({ eventId }) => eventId)).size
    case 'temporal_ordered':
      return stepsMade(correlation, window).length
    default:
      return measure(correlation, window, 0, window.length - 1)
  }
}

/** The matches that make the first steps of the order, one for each. */
function stepsMade({ rules }: Correlation, window: readonly Entry[]): Entry[] {
  const made: Entry[] = []
  for (const entry of window) if (made.length < rules.length && entry.rule === made.length) made.push(entry)
  return made
}

/** The larger, the less is missing. */
function nearness(correlation: Correlation, window: readonly Entry[], measured: number | undefined): number {
  if (correlation.expression)
    return stepsOf(correlation, window, window).filter(({ wanted, seen }) => wanted === seen).length
  if (measured === undefined) return Number.NEGATIVE_INFINITY
  const short = correlation.thresholds.map((threshold) =>
    holdsFor(threshold, measured) ? 0 : Math.abs(threshold.number - measured),
  )
  return -Math.max(...short)
}

function holdsFor({ operator, number }: Threshold, measured: number): boolean {
  switch (operator) {
    case 'gt':
      return measured > number
    case 'gte':
      return measured >= number
    case 'lt':
      return measured < number
    case 'lte':
      return measured <= number
    case 'eq':
      return measured === number
    case 'neq':
      return measured !== number
  }
}

function stepsOf(correlation: Correlation, entries: readonly Entry[], window: readonly Entry[]): ExplainedStep[] {
  const isOrder = correlation.type === 'temporal_ordered' && !correlation.expression
  const made = isOrder ? stepsMade(correlation, window) : undefined
  const unwanted = correlation.expression ? negatedRules(correlation.expression, false) : new Set<number>()
  const endMs = window.at(-1)!.timeMs
  return correlation.rules.map((rule, place) => {
    const inWindow = made ? made[place] : window.findLast((entry) => entry.rule === place)
    const others = entries.filter((entry) => entry.rule === place)
    const distance = (entry: Entry) => Math.abs(entry.timeMs - endMs)
    const nearest = inWindow ?? others.sort((a, b) => distance(a) - distance(b))[0]
    return {
      rule,
      wanted: !unwanted.has(place),
      seen: inWindow !== undefined,
      nearest: nearest && { eventId: nearest.eventId, timeMs: nearest.timeMs },
    }
  })
}

function negatedRules(expression: RuleExpression, negated: boolean): Set<number> {
  if (expression.kind === 'rule') return new Set(negated ? [expression.rule] : [])
  if (expression.kind === 'not') return negatedRules(expression.child, !negated)
  return new Set(expression.children.flatMap((child) => [...negatedRules(child, negated)]))
}
