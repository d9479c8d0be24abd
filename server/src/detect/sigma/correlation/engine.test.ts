import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { FieldValue } from '../../../event/event.ts'
import { parseSigma } from '../parse.ts'
import { compileRuleSet } from '../ruleset.ts'
import { CorrelationEngine, type CorrelationFiring, type CorrelationOptions } from './engine.ts'
import type { CorrelationInput } from './input.ts'

const shared = resolve(
  process.env.WATCHFIRE_SHARED ?? join(import.meta.dirname, '../../../../../../shared'),
  'data/sigma',
)
const present = existsSync(join(shared, 'correlation_timelines.json'))

type TimelineEvent = Record<string, FieldValue> & { t: number; rule: string }
type Definition = Record<string, unknown> & { nested?: Record<string, Definition> }

/** One rule document for each name a definition refers to, and one correlation document for the definition. */
function documentsOf(name: string, { nested = {}, ...correlation }: Definition): string[] {
  const inner = Object.entries(nested).flatMap(([innerName, definition]) => documentsOf(innerName, definition))
  const rules = (correlation.rules as string[]).filter((rule) => !(rule in nested))
  return [
    ...inner,
    ...rules.map((rule) =>
      JSON.stringify({ title: rule, name: rule, logsource: {}, detection: { s: { rule }, condition: 's' } }),
    ),
    JSON.stringify({ title: name, name, correlation }),
  ]
}

function engineOf(definition: Definition, options?: CorrelationOptions) {
  const set = compileRuleSet([parseSigma(documentsOf('outer', definition).join('\n---\n'), 'timeline.yml')])
  expect(set.refused).toEqual([])
  return new CorrelationEngine(set.correlations, { latenessMs: 3_600_000, ...options })
}

function inputsOf(events: TimelineEvent[]): CorrelationInput[] {
  return events.flatMap((event, index) =>
    event.rule.split('+').map((ruleId) => ({
      ruleId,
      eventId: String(index).padStart(6, '0'),
      timeMs: event.t * 1000,
      scope: '/1/',
      read: (field: string) => event[field],
    })),
  )
}

function firedAt(engine: CorrelationEngine, inputs: CorrelationInput[]): CorrelationFiring[] {
  return [...inputs.flatMap((input) => engine.push(input)), ...engine.flush()].filter(
    ({ correlation }) => correlation.id === 'outer',
  )
}

describe.skipIf(!present)('correlation timelines of ../shared', () => {
  interface Timeline {
    id: string
    correlation: Definition
    events: TimelineEvent[]
    fires_at: number[]
  }
  const timelines: Timeline[] = present
    ? JSON.parse(readFileSync(join(shared, 'correlation_timelines.json'), 'utf8'))
    : []

  it.each(timelines)('$id', ({ correlation, events, fires_at }) => {
    const times = firedAt(engineOf(correlation), inputsOf(events)).map(({ timeMs }) => timeMs / 1000)
    expect(times).toEqual(fires_at)
  })
})

const failures = (times: number[], user = 'a'): TimelineEvent[] => times.map((t) => ({ t, rule: 'r1', User: user }))
const threeFailures: Definition = {
  type: 'event_count',
  rules: ['r1'],
  'group-by': ['User'],
  timespan: '5m',
  condition: { gte: 3 },
}
const timesOf = (definition: Definition, events: TimelineEvent[], options?: CorrelationOptions) =>
  firedAt(engineOf(definition, options), inputsOf(events)).map(({ timeMs }) => timeMs / 1000)

describe('correlations', () => {
  it('counts the event on the edge of the window and not the one beyond it', () => {
    expect(timesOf(threeFailures, failures([0, 100, 300]))).toEqual([300])
    expect(timesOf(threeFailures, failures([0, 100, 301]))).toEqual([])
  })

  it('fires once, is silent for the timespan, then fires again while it goes on', () => {
    const steady = failures(Array.from({ length: 100 }, (_, index) => index * 10))
    expect(timesOf(threeFailures, steady)).toEqual([20, 330, 640, 950])
    expect(timesOf(threeFailures, steady.slice(0, 6), { refire: 'always' })).toEqual([20, 30, 40, 50])
  })

  it('keeps of a flood of one rule what orders need, and calls that no loss', () => {
    const order: Definition = { type: 'temporal_ordered', rules: ['r1', 'r2'], 'group-by': ['User'], timespan: '1h' }
    const flood = [
      ...failures(Array.from({ length: 200 }, (_, index) => index)),
      ...failures(Array.from({ length: 200 }, () => 300)),
    ]
    const engine = engineOf(order, { latenessMs: 30_000 })
    const found = firedAt(engine, inputsOf([...flood, { t: 301, rule: 'r2', User: 'a' }]))
    expect(found.map(({ timeMs }) => timeMs / 1000)).toEqual([301])
    expect(engine.counters.entriesEvicted).toBe(0)
    // Two hundred events of two rules by turns: what goes might have been needed, and is counted.
    const turns = Array.from({ length: 400 }, (_, t) => ({ t, rule: t % 2 === 0 ? 'r2' : 'r3', User: 'a' }))
    const three = engineOf({ ...order, rules: ['r1', 'r2', 'r3'] }, { latenessMs: 30_000 })
    expect(firedAt(three, inputsOf(turns))).toEqual([])
    expect(three.counters.entriesEvicted).toBeGreaterThan(0)
  })

  it('names group, count and evidence', () => {
    const [firing] = firedAt(engineOf(threeFailures), inputsOf(failures([1, 2, 3])))
    expect(firing).toMatchObject({
      measured: 3,
      triggerEventId: '000002',
      eventIds: ['000000', '000001', '000002'],
      scope: '/1/',
    })
    expect([...firing!.group]).toEqual([['User', 'a']])
  })

  it('takes a range', () => {
    const range = { ...threeFailures, condition: { gte: 2, lte: 3 } }
    expect(timesOf(range, failures([0, 1, 2, 3, 4]))).toEqual([1])
  })

  it('compares numbers of a field: sum, average, median, percentile', () => {
    const of = (type: string, condition: object, values: FieldValue[]) =>
      timesOf(
        {
          type,
          rules: ['r1'],
          'group-by': ['User'],
          timespan: '1h',
          condition: { field: 'bytes', ...condition },
        } as Definition,
        values.map((bytes, t) => ({ t, rule: 'r1', User: 'a', bytes })),
      )
    expect(of('value_sum', { gt: 100 }, [60, '40', 'none', 1])).toEqual([3])
    expect(of('value_avg', { gte: 5 }, [1, 2, 12])).toEqual([2])
    expect(of('value_median', { gt: 4 }, [1, 5, 9, 9])).toEqual([2])
    expect(of('value_percentile', { gte: 90, percentile: 90 }, [10, 20, 100, 100])).toEqual([3])
  })

  it('holds a rule that must stay away to both sides of the event', () => {
    const without: Definition = {
      type: 'temporal',
      rules: ['r1', 'r2'],
      'group-by': ['User'],
      timespan: '1m',
      condition: 'r1 and not r2',
    }
    const at = (t: number, rule: string): TimelineEvent => ({ t, rule, User: 'a' })
    expect(timesOf(without, [at(0, 'r1')])).toEqual([0])
    expect(timesOf(without, [at(0, 'r1'), at(30, 'r2')])).toEqual([])
    expect(timesOf(without, [at(0, 'r2'), at(30, 'r1')])).toEqual([])
    expect(timesOf(without, [at(0, 'r1'), at(61, 'r2')])).toEqual([0])
  })

  it('keeps units apart', () => {
    const inputs = inputsOf(failures([0, 1, 2])).map((input, index) => ({
      ...input,
      scope: index === 2 ? '/1/2/' : '/1/3/',
    }))
    expect(firedAt(engineOf(threeFailures), inputs)).toEqual([])
  })

  it('counts a redelivered event once', () => {
    const engine = engineOf(threeFailures)
    const [one, two] = inputsOf(failures([0, 1]))
    expect([one!, two!, one!, two!].flatMap((input) => engine.push(input))).toEqual([])
    expect(engine.counters.duplicates).toBe(2)
  })

  it('drops and counts what comes too late, and expires silent groups', () => {
    const engine = engineOf(threeFailures, { latenessMs: 10_000 })
    for (const input of inputsOf(failures([0, 1, 5000]))) engine.push(input)
    for (const input of inputsOf([...failures([4000], 'b')])) engine.push(input)
    expect(engine.counters.late).toBe(1)
    for (let i = 0; i < 50; i++) {
      for (const input of inputsOf(failures([9000 + i * 1000], `c${i}`))) engine.push({ ...input, eventId: `c${i}` })
    }
    expect(engine.counters.groupsExpired).toBeGreaterThan(40)
    expect(engine.liveGroups).toBeLessThan(10)
  })

  it('bounds the number of groups and counts what it drops', () => {
    const engine = engineOf(threeFailures, { groupLimit: 100 })
    for (let i = 0; i < 1000; i++) engine.push({ ...inputsOf(failures([1], `user${i}`))[0]!, eventId: String(i) })
    expect(engine.liveGroups).toBe(100)
    expect(engine.counters.groupsEvicted).toBe(900)
  })

  it('refuses what it cannot run, with the reason', () => {
    const reasonOf = (correlation: Definition) => {
      const text = [...documentsOf('outer', { rules: ['r1'], timespan: '5m', ...correlation })].join('\n---\n')
      return compileRuleSet([parseSigma(text, 'x.yml')]).refused.map(({ reason }) => reason)
    }
    expect(reasonOf({ type: 'count', condition: { gte: 1 } })).toEqual(['structure'])
    expect(reasonOf({ type: 'event_count' })).toEqual(['structure'])
    expect(reasonOf({ type: 'value_count', condition: { gte: 2 } })).toEqual(['structure'])
    expect(reasonOf({ type: 'event_count', condition: { gte: 2 }, timespan: '5x' })).toEqual(['structure'])
    expect(reasonOf({ type: 'event_count', condition: { gte: 1e6 } })).toEqual(['limit'])
    expect(reasonOf({ type: 'event_count', condition: { gte: 2 }, timespan: '0s' })).toEqual(['structure'])
    for (const condition of [{ gt: 5, lt: 3 }, { gt: 5, lt: 6 }, { lt: 1 }, { eq: 2.5 }, { eq: 2, neq: 2 }])
      expect(reasonOf({ type: 'event_count', condition })).toEqual(['impossible'])
    expect(reasonOf({ type: 'value_sum', condition: { field: 'b', gt: 5, lt: 6 } })).toEqual([])
    expect(reasonOf({ type: 'value_sum', condition: { field: 'b', gte: 5, lt: 5 } })).toEqual(['impossible'])
    expect(reasonOf({ type: 'temporal', condition: { gte: 2 } })).toEqual(['impossible'])
    expect(reasonOf({ type: 'temporal', condition: 'not r1' })).toEqual(['impossible'])
    expect(reasonOf({ type: 'temporal', rules: ['r1', 'r2'], condition: 'r1 and not r1' })).toEqual(['impossible'])
    expect(reasonOf({ type: 'temporal', rules: ['r1', 'r2'], condition: 'not r1' })).toEqual([])
    expect(reasonOf({ type: 'event_count', condition: { gte: 2 }, aliases: { ip: { r9: 'x' } } })).toEqual([
      'structure',
    ])
    const circle = ['a', 'b'].map((name) =>
      JSON.stringify({
        title: name,
        name,
        correlation: { type: 'temporal', rules: [name === 'a' ? 'b' : 'a'], timespan: '1m' },
      }),
    )
    expect(
      compileRuleSet([parseSigma(circle.join('\n---\n'), 'x.yml')])
        .refused.map(({ reason }) => reason)
        .sort(),
    ).toEqual(['cycle', 'reference'])
  })
})

/** Random streams of two users and three rules, times within a few windows. */
const streams = fc.array(
  fc.record({
    t: fc.integer({ min: 0, max: 400 }),
    rule: fc.constantFrom('r1', 'r2', 'r1+r2'),
    User: fc.constantFrom('a', 'b'),
    bytes: fc.integer({ min: 0, max: 9 }),
  }),
  { maxLength: 40 },
)
const anyOf: Definition[] = [
  { type: 'event_count', rules: ['r1', 'r2'], 'group-by': ['User'], timespan: '1m', condition: { gte: 4 } },
  { type: 'event_count', rules: ['r1'], 'group-by': ['User'], timespan: '1m', condition: { lt: 3 } },
  { type: 'value_count', rules: ['r1'], 'group-by': ['User'], timespan: '1m', condition: { field: 'bytes', gt: 2 } },
  { type: 'temporal', rules: ['r1', 'r2'], 'group-by': ['User'], timespan: '10s' },
  { type: 'temporal_ordered', rules: ['r1', 'r2'], 'group-by': ['User'], timespan: '20s' },
  { type: 'value_avg', rules: ['r1'], 'group-by': ['User'], timespan: '1m', condition: { field: 'bytes', gt: 5 } },
  { type: 'temporal', rules: ['r1', 'r2'], 'group-by': ['User'], timespan: '10s', condition: 'r1 and not r2' },
]

describe('correlation properties', () => {
  const short = (firing: CorrelationFiring) =>
    `${firing.groupKey} ${firing.timeMs} ${firing.triggerEventId} ${firing.measured} ${firing.eventIds}`

  it.each(anyOf)('$type $condition: a snapshot at any point changes nothing', (definition) => {
    fc.assert(
      fc.property(streams, fc.nat(40), (events, cut) => {
        const inputs = inputsOf(events)
        const whole = firedAt(engineOf(definition), inputs).map(short)
        const first = engineOf(definition)
        const before = inputs.slice(0, cut).flatMap((input) => first.push(input))
        const second = engineOf(definition)
        const text = [...first.snapshotText()].join('')
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(first.snapshot())))
        second.restore(JSON.parse(text))
        const after = [...inputs.slice(cut).flatMap((input) => second.push(input)), ...second.flush()]
        expect([...before, ...after].map(short)).toEqual(whole)
      }),
      { numRuns: 100 },
    )
  })

  it.each(anyOf)('$type $condition: sharding by group changes nothing', (definition) => {
    fc.assert(
      fc.property(streams, (events) => {
        const inputs = inputsOf(events).sort((a, b) => a.timeMs - b.timeMs || (a.eventId < b.eventId ? -1 : 1))
        const one = firedAt(engineOf(definition), inputs).map(short).sort()
        const many = ['a', 'b'].flatMap((user) =>
          firedAt(
            engineOf(definition),
            inputs.filter((input) => input.read('User') === user),
          ).map(short),
        )
        expect(many.sort()).toEqual(one)
      }),
      { numRuns: 100 },
    )
  })

  it.each(anyOf)('$type $condition: agrees with a naive judge over the ordered stream', (definition) => {
    fc.assert(
      fc.property(streams, (events) => {
        const inputs = inputsOf(events).sort((a, b) => a.timeMs - b.timeMs || (a.eventId < b.eventId ? -1 : 1))
        const fired = firedAt(engineOf(definition), inputs).map((firing) => `${firing.groupKey} ${firing.timeMs}`)
        expect(fired.sort()).toEqual(naive(definition, inputs).sort())
      }),
      { numRuns: 200 },
    )
  })
})

/** Every window looked at from scratch, without any state but the last firing. */
function naive(definition: Definition, inputs: CorrelationInput[]): string[] {
  const spanMs =
    Number.parseInt(definition.timespan as string, 10) * ((definition.timespan as string).endsWith('m') ? 60_000 : 1000)
  const rules = definition.rules as string[]
  const fired: string[] = []
  for (const user of ['a', 'b']) {
    const own = inputs.filter((input) => input.read('User') === user && rules.includes(input.ruleId))
    let last = Number.NEGATIVE_INFINITY
    for (const [index, input] of own.entries()) {
      const following = own[index + 1]
      if (!(definition.type as string).startsWith('temporal') && following?.eventId === input.eventId) continue
      const window = own.slice(0, index + 1).filter(({ timeMs }) => input.timeMs - timeMs <= spanMs)
      const around = own.filter(({ timeMs }) => Math.abs(input.timeMs - timeMs) <= spanMs)
      if (input.timeMs - last > spanMs && naiveHolds(definition, window, around)) {
        last = input.timeMs
        fired.push(`/1/\u0001${user} ${input.timeMs}`)
      }
    }
  }
  return fired
}

function naiveHolds(
  { type, condition, rules }: Definition,
  window: CorrelationInput[],
  around: CorrelationInput[],
): boolean {
  const ids = new Set(window.map(({ eventId }) => eventId))
  const numbers = window.map((input) => Number(input.read('bytes')))
  const limits = condition as Record<string, number>
  switch (type) {
    case 'event_count':
      return limits.gte === undefined ? ids.size < limits.lt! : ids.size >= limits.gte
    case 'value_count':
      return new Set(numbers).size > limits.gt!
    case 'value_avg':
      return numbers.reduce((a, b) => a + b, 0) / numbers.length > limits.gt!
    case 'temporal_ordered':
      return window.at(-1)!.ruleId === 'r2' && window.some(({ ruleId }) => ruleId === 'r1')
    default:
      if (typeof condition === 'string')
        return window.some(({ ruleId }) => ruleId === 'r1') && !around.some(({ ruleId }) => ruleId === 'r2')
      return (rules as string[]).every((rule) => window.some(({ ruleId }) => ruleId === rule))
  }
}
