import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseSigma } from '../parse.ts'
import { compileRuleSet } from '../ruleset.ts'
import { CorrelationEngine, type CorrelationFiring, type CorrelationOptions } from './engine.ts'
import type { CorrelationInput } from './input.ts'

interface Definition {
  type: string
  rules: string[]
  timespan: string
  'group-by': string[]
  condition?: string | (Record<string, number> & { field?: never }) | Record<string, unknown>
}

interface Match {
  id: string
  t: number
  rules: string[]
  user: string | null
  host: string
  bytes: number | string | null
  scope: string
}

type Entry = Match & { rule: string; place: number }

/**
 * The judge, from the specification alone: everything sorted by (time, id), every window looked at from scratch. Gives the
 * places at which the condition holds, and of these the firings: a group that fired is silent for the timespan.
 */
function judge(definition: Definition, matches: readonly Match[]) {
  const span = Number.parseInt(definition.timespan, 10)
  const groups = new Map<string, Entry[]>()
  for (const match of matches) {
    for (const [place, rule] of definition.rules.entries()) {
      if (!match.rules.includes(rule)) continue
      const values = definition['group-by'].map((name) => match[name as 'user'])
      if (values.includes(null) || numberOrText(definition, match) === undefined) continue
      const key = [match.scope, ...values].join('|')
      groups.set(key, [...(groups.get(key) ?? []), { ...match, rule, place }])
    }
  }
  const candidates: { group: string; t: number; id: string }[] = []
  const fired: typeof candidates = []
  for (const [group, all] of groups) {
    const seen = new Set<string>()
    const entries = all
      .sort((a, b) => a.t - b.t || (a.id < b.id ? -1 : a.id > b.id ? 1 : a.place - b.place))
      .filter((entry) => {
        const identity = definition.type.startsWith('temporal') ? `${entry.id} ${entry.place}` : entry.id
        return !seen.has(identity) && seen.add(identity)
      })
    let last = Number.NEGATIVE_INFINITY
    for (const [end, entry] of entries.entries()) {
      const window = entries.slice(0, end + 1).filter(({ t }) => entry.t - t <= span)
      const around = entries.filter(({ t }, i) => (i <= end ? entry.t - t : t - entry.t) <= span)
      if (!holds(definition, window, around)) continue
      candidates.push({ group, t: entry.t, id: entry.id })
      if (entry.t - last <= span) continue
      last = entry.t
      fired.push({ group, t: entry.t, id: entry.id })
    }
  }
  return { candidates, fired }
}

/** Number (or text) an event adds; null where the type counts none; undefined where the event has none. */
function numberOrText({ type }: Definition, { bytes }: Match): number | string | null | undefined {
  if (!type.startsWith('value_')) return null
  if (bytes === null) return undefined
  if (type === 'value_count') return String(bytes)
  return Number.isNaN(Number(bytes)) || bytes === '' ? undefined : Number(bytes)
}

function holds(definition: Definition, window: Entry[], around: Entry[]): boolean {
  const { type, rules, condition } = definition
  const has = (entries: Entry[], rule: string) => entries.some((entry) => entry.rule === rule)
  if (typeof condition === 'string') {
    const names = rules.map((rule) => rule.replace(/\W/g, ''))
    const negated = (name: string) => new RegExp(`not ${name}\\b`).test(condition)
    const test = new Function(
      ...names,
      `return ${condition.replaceAll('not ', '!').replaceAll('and', '&&').replaceAll('or', '||')}`,
    )
    if (type === 'temporal') return test(...names.map((name) => has(negated(name) ? around : window, name)))
    // Some of the rules are found in their order, and these alone fulfil the condition.
    return Array.from({ length: 2 ** names.length }, (_, bits) => names.filter((_, i) => (bits >> i) & 1)).some(
      (chosen) =>
        inOrder(
          chosen.filter((name) => !negated(name)),
          window,
        ) && test(...names.map((name) => (negated(name) ? has(around, name) : chosen.includes(name)))),
    )
  }
  const numbers = window.map((entry) => Number(entry.bytes)).sort((a, b) => a - b)
  const sum = window.reduce((total, entry) => total + Number(entry.bytes), 0)
  const middle = (numbers.length - 1) / 2
  const measured = {
    event_count: window.length,
    value_count: new Set(window.map(({ bytes }) => String(bytes))).size,
    value_sum: sum,
    value_avg: sum / window.length,
    value_median: (numbers[Math.floor(middle)]! + numbers[Math.ceil(middle)]!) / 2,
    temporal: rules.filter((rule) => has(window, rule)).length,
    temporal_ordered: rules.every((_, i) => inOrder(rules.slice(0, i + 1), window)) ? rules.length : 0,
  }[type]!
  if (type === 'temporal_ordered') return window.at(-1)!.rule === rules.at(-1) && measured === rules.length
  if (condition === undefined) return measured >= rules.length
  return Object.entries(condition as Record<string, number>).every(([operator, limit]) => {
    if (operator === 'field') return true
    return {
      gt: measured > limit,
      gte: measured >= limit,
      lt: measured < limit,
      lte: measured <= limit,
      eq: measured === limit,
      neq: measured !== limit,
    }[operator]
  })
}

function inOrder(rules: string[], window: Entry[]): boolean {
  let wanted = 0
  for (const { rule } of window) if (rule === rules[wanted]) wanted++
  return wanted >= rules.length
}

const limits = fc.oneof(
  ...['gt', 'gte', 'lt', 'lte', 'eq', 'neq'].map((operator) =>
    fc.integer({ min: 1, max: 4 }).map((limit) => ({ [operator]: limit })),
  ),
  fc.integer({ min: 1, max: 3 }).map((gte) => ({ gte, lte: gte + 1 })),
)
const base = {
  timespan: fc.constantFrom('3s', '10s', '40s'),
  'group-by': fc.constantFrom<string[]>(['user'], ['user', 'host'], []),
}
const someRules = fc.subarray(['r1', 'r2', 'r3'], { minLength: 1 })
const field = (limit: object, name = 'bytes') => ({ ...limit, field: name })
const anyDefinitions: fc.Arbitrary<Definition> = fc.oneof(
  fc.record({ ...base, type: fc.constant('event_count'), rules: someRules, condition: limits }),
  fc.record({
    ...base,
    type: fc.constantFrom('value_count', 'value_sum', 'value_avg', 'value_median'),
    rules: someRules,
    condition: limits.map((limit) => field(limit)),
  }),
  fc.record({ ...base, type: fc.constantFrom('temporal', 'temporal_ordered'), rules: someRules }),
  fc.record({ ...base, type: fc.constant('temporal'), rules: someRules, condition: limits }),
  fc.record({
    ...base,
    type: fc.constantFrom('temporal', 'temporal_ordered'),
    rules: fc.constant(['r1', 'r2', 'r3']),
    condition: fc.constantFrom('r1 and r2', 'r1 or (r2 and r3)', 'r1 and not r2', 'not r3', '(r1 or r2) and not r3'),
  }),
) as fc.Arbitrary<Definition>

/** True when some stream can bring a count at which the condition holds; sums and means can be anything. */
function canHold({ type, rules, condition }: Definition): boolean {
  if (typeof condition !== 'object' || /^value_(sum|avg|median)$/.test(type)) return true
  const most = type === 'temporal' ? rules.length : 10
  const { gt = 0, gte = 0, lt = most + 1, lte = most, eq, neq } = condition as Record<string, number | undefined>
  return Array.from({ length: most }, (_, i) => i + 1).some(
    (n) => n > gt && n >= gte && n < lt && n <= lte && (eq === undefined || n === eq) && n !== neq,
  )
}
const definitions = anyDefinitions.filter(canHold)
const latenessMs = 20_000
/** Matches in the order of their times, and by how much each comes late. */
const streams = fc
  .array(
    fc.record({
      t: fc.oneof(fc.integer({ min: 0, max: 120 }), fc.constantFrom(10, 20, 50)),
      rules: fc.subarray(['r1', 'r2', 'r3'], { minLength: 1 }),
      user: fc.constantFrom('a', 'b', null),
      host: fc.constantFrom('h', 'i'),
      bytes: fc.constantFrom<Match['bytes'][]>(0, 1, 2, 3.5, '2', 'x', null),
      scope: fc.constantFrom('/1/', '/1/2/'),
      lateMs: fc.integer({ min: 0, max: latenessMs - 1 }),
      again: fc.boolean(),
    }),
    { maxLength: 60 },
  )
  .map((list) => list.map((match, i) => ({ ...match, id: String(i).padStart(4, '0') })))
type Stream = (Match & { lateMs: number; again: boolean })[]

function setOf(definition: Definition) {
  const rules = ['r1', 'r2', 'r3'].map((id) =>
    JSON.stringify({ title: id, id, logsource: {}, detection: { s: { id }, condition: 's' } }),
  )
  const text = [...rules, JSON.stringify({ title: 'c', id: 'c', correlation: definition })].join('\n---\n')
  return compileRuleSet([parseSigma(text, 'c.yml')])
}

function engineOf(definition: Definition, options: CorrelationOptions = {}): CorrelationEngine {
  const set = setOf(definition)
  expect(set.refused).toEqual([])
  return new CorrelationEngine(set.correlations, { latenessMs, ...options })
}

function inputsOf(matches: readonly Match[]): CorrelationInput[] {
  return matches.flatMap((match) =>
    match.rules.map((ruleId) => ({
      ruleId,
      eventId: match.id,
      timeMs: match.t * 1000,
      scope: match.scope,
      read: (name: string) => match[name as 'user'],
    })),
  )
}

/** In the order of arrival; some come twice. */
function arrivals(stream: Stream): Match[] {
  const late = stream.flatMap((match) => {
    const at = match.t * 1000 + match.lateMs
    return match.again
      ? [
          { match, at },
          { match, at: Math.min(at + 7, match.t * 1000 + latenessMs - 1) },
        ]
      : [{ match, at }]
  })
  return late.sort((a, b) => a.at - b.at).map(({ match }) => match)
}

const named = ({ groupKey, timeMs, triggerEventId }: CorrelationFiring) => ({
  group: groupKey.split('\u0001').join('|'),
  t: timeMs / 1000,
  id: triggerEventId,
})
const text = (list: readonly { group: string; t: number; id: string }[]) =>
  list.map(({ group, t, id }) => `${group} ${t} ${id}`).sort()
const run = (engine: CorrelationEngine, matches: readonly Match[]) =>
  [...inputsOf(matches).flatMap((input) => engine.push(input)), ...engine.flush()].map(named)
const firesAtOnce = ({ type, condition }: Definition) =>
  typeof condition === 'string'
    ? !condition.includes('not')
    : type === 'temporal_ordered' ||
      !(
        type === 'value_avg' ||
        type === 'value_median' ||
        Object.keys(condition ?? {}).some((key) => /^(lt|lte|eq|neq)$/.test(key))
      )
const runs = Number(process.env.WATCHFIRE_FUZZ_RUNS ?? 400)

describe('the correlation engine against a judge of whole streams', () => {
  const ordered = (stream: Stream) => [...stream].sort((a, b) => a.t - b.t || (a.id < b.id ? -1 : 1))

  it('refuses as impossible what no number of events fulfils, and nothing else', () => {
    fc.assert(
      fc.property(anyDefinitions, (definition) => {
        const reasons = setOf(definition).refused.map(({ reason }) => reason)
        expect(reasons).toEqual(canHold(definition) ? [] : ['impossible'])
      }),
      { numRuns: runs },
    )
  })

  it('fires exactly as the judge when events come in order', () => {
    fc.assert(
      fc.property(definitions, streams, (definition, stream) => {
        const matches = ordered(stream)
        expect(text(run(engineOf(definition), matches))).toEqual(text(judge(definition, matches).fired))
      }),
      { numRuns: runs },
    )
  }, 300_000)

  it('fires as the judge whatever the order of arrival, within the lateness', () => {
    fc.assert(
      fc.property(definitions, streams, (definition, stream) => {
        const engine = engineOf(definition)
        const found = run(engine, arrivals(stream))
        const { candidates, fired } = judge(definition, stream)
        expect([engine.counters.late, engine.counters.entriesEvicted]).toEqual([0, 0])
        if (!firesAtOnce(definition)) {
          expect(text(found)).toEqual(text(fired))
          return
        }
        // What fires at once may fire at another event of the window, but nothing fires that does not hold, nothing that holds
        // is left out, and no group fires twice in a timespan.
        const span = Number.parseInt(definition.timespan, 10)
        const near = (a: { group: string; t: number }, b: { group: string; t: number }) =>
          a.group === b.group && Math.abs(a.t - b.t) <= span
        expect(text(found).filter((firing) => !text(candidates).includes(firing))).toEqual([])
        expect(candidates.filter((candidate) => !found.some((firing) => near(firing, candidate)))).toEqual([])
        expect(found.filter((firing, i) => found.some((other, j) => i < j && near(firing, other)))).toEqual([])
      }),
      { numRuns: runs },
    )
  }, 300_000)

  it('gives the same firings over any number of workers, and over restarts at any point', () => {
    fc.assert(
      fc.property(
        definitions,
        streams,
        fc.integer({ min: 2, max: 5 }),
        fc.array(fc.nat(120), { maxLength: 4 }),
        (definition, stream, workers, cuts) => {
          const matches = arrivals(stream)
          const whole = text(run(engineOf(definition), matches))
          const keyOf = (match: Match) =>
            [match.scope, ...definition['group-by'].map((name) => match[name as 'user'])].join('|')
          const shards = Array.from({ length: workers }, (_, worker) =>
            matches.filter(
              (match) => [...keyOf(match)].reduce((sum, char) => sum + char.charCodeAt(0), 0) % workers === worker,
            ),
          )
          expect(text(shards.flatMap((shard) => run(engineOf(definition), shard)))).toEqual(whole)
          let engine = engineOf(definition)
          const found: CorrelationFiring[] = []
          for (const [i, input] of inputsOf(matches).entries()) {
            if (cuts.includes(i)) {
              const state = JSON.parse(JSON.stringify(engine.snapshot()))
              engine = engineOf(definition)
              engine.restore(state)
            }
            found.push(...engine.push(input))
          }
          found.push(...engine.flush())
          expect(text(found.map(named))).toEqual(whole)
        },
      ),
      { numRuns: runs },
    )
  }, 300_000)

  it('counts everything it gives up: without evictions nothing is missing', () => {
    fc.assert(
      fc.property(definitions, streams, fc.integer({ min: 1, max: 4 }), (definition, stream, groupLimit) => {
        const matches = ordered(stream)
        const engine = engineOf(definition, { groupLimit })
        const found = text(run(engine, matches))
        expect(engine.liveGroups).toBeLessThanOrEqual(groupLimit)
        if (engine.counters.groupsEvicted + engine.counters.entriesEvicted === 0)
          expect(found).toEqual(text(judge(definition, matches).fired))
      }),
      { numRuns: runs },
    )
  }, 300_000)
})
