import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { shippedContentDir } from '../../config/content-dir.ts'
import type { Event, Fields, FieldValue } from '../../event/event.ts'
import { explainCorrelation } from './correlation/explain.ts'
import type { CorrelationInput } from './correlation/input.ts'
import { SigmaEngine } from './engine.ts'
import { type ExplainedNode, type ExplainedTest, explainRule } from './explain.ts'
import { detections, records } from './generated-for-tests.ts'
import { loadLookups } from './logsource.ts'
import { parseSigma } from './parse.ts'
import type { JsonRecord } from './reader.ts'
import { compileRuleSet } from './ruleset.ts'

const lookups = loadLookups(shippedContentDir())

function ruleOf(detection: unknown, logsource: object = {}) {
  const set = compileRuleSet([parseSigma(JSON.stringify({ title: 't', id: 'r', logsource, detection }), 'r.yml')])
  expect(set.refused).toEqual([])
  return set.rules[0]!
}

const explain = (detection: unknown, record: JsonRecord) =>
  explainRule(ruleOf(detection), { record, logsource: {} }, lookups)

function testsOf(node: ExplainedNode): ExplainedTest[] {
  if (node.kind === 'test') return [node]
  return node.kind === 'part' || node.kind === 'not' ? testsOf(node.child) : node.children.flatMap(testsOf)
}

const event = (fields: Fields): Event => ({
  id: '1',
  timeMs: 0,
  receivedAtMs: 0,
  raw: Buffer.alloc(0),
  sourceKey: 's',
  unitPath: '/1/',
  fields,
})

describe('an explained rule', () => {
  it('names field, value, modifier, pattern and place of what matched and of what did not', () => {
    const { fires, condition, obstacles } = explain(
      { sel: { 'CommandLine|contains': ['nothing', 'WHOAMI'], 'Image|endswith': '\\\\cmd.exe' }, condition: 'sel' },
      { CommandLine: 'run WhoAmI /all', Image: 'C:\\x\\powershell.exe' },
    )
    expect(fires).toBe(false)
    const [line, image] = testsOf(condition)
    expect(line).toMatchObject({
      matches: true,
      field: 'CommandLine',
      places: ['CommandLine'],
      modifiers: ['contains'],
      state: 'present',
      values: ['run WhoAmI /all'],
      patterns: [
        { matches: true, operator: 'contains', text: 'whoami', hit: { value: 0, from: 4, to: 10, text: 'WhoAmI' } },
        { matches: false, text: 'nothing' },
      ],
    })
    expect(obstacles).toEqual([{ part: 'sel', negated: false, test: image }])
    expect(image).toMatchObject({ matches: false, patterns: [{ operator: 'endswith', text: '\\cmd.exe' }] })
  })

  it.each<[string, unknown, FieldValue, [number, number] | undefined]>([
    ['A', 'b', 'B', [0, 1]],
    ['A|startswith', 'ab', 'ABc', [0, 2]],
    ['A|endswith', 'bc', 'xBC', [1, 3]],
    ['A|contains', 'b?d*f', 'aBxDeeF-', [1, 7]],
    ['A', '*b?d', 'bbd b-D', [4, 7]],
    ['A', 'a*b*c', 'a-b-b-c', [0, 7]],
    ['A|endswith', '?b', '😀b', [0, 3]],
    ['A|contains', 'x', 'İx', [1, 2]],
    ['A|contains', 'δος', 'ΟΔΟΣ', [1, 4]],
    ['A|re', 'b+', 'abbc', [1, 3]],
    ['A|cidr', '10.0.0.0/8', '10.1.2.3', [0, 8]],
    ['A|gt', 5, '12', [0, 2]],
    ['A|hour', 3, '2026-01-01T03:00:00Z', [0, 20]],
    ['A|fieldref|contains', 'B', 'xONEx', [1, 4]],
    ['A|exists', true, 'x', undefined],
  ])('finds the place of %s: %j in %j', (key, value, seen, place) => {
    const { fires, condition } = explain({ sel: { [key]: value }, condition: 'sel' }, { A: seen, B: 'one' })
    expect(fires).toBe(true)
    const hit = testsOf(condition)[0]!.patterns[0]!.hit
    expect(hit && [hit.from, hit.to]).toEqual(place)
  })

  it('tells absent from null, and which member of a list matched', () => {
    const { condition } = explain(
      { sel: { A: 'x', B: 'x', C: 'x' }, condition: 'sel' },
      { A: null, C: ['y', 'x', 'z'] },
    )
    const [a, b, c] = testsOf(condition)
    expect([a!.state, b!.state, c!.state]).toEqual(['null', 'absent', 'present'])
    expect(c!.values[c!.patterns[0]!.hit!.value]).toBe('x')
  })

  it('says that a filter, a negation or the log source is in the way', () => {
    const { obstacles } = explain({ a: { A: 1 }, b: { B: 1 }, condition: 'a and not b' }, { A: 1, B: 1 })
    expect(obstacles).toMatchObject([{ part: 'b', negated: true, test: { field: 'B' } }])
    const rule = ruleOf({ s: { Image: 'x' }, condition: 's' }, { product: 'windows', category: 'process_creation' })
    const other = explainRule(rule, event({ 'event.module': 'nginx', 'process.executable': 'x' }), lookups)
    expect(other).toMatchObject({ fires: false, condition: { matches: true }, logsource: { applies: false } })
    expect(other.logsource.event.some(({ product }) => product === 'nginx')).toBe(true)
  })

  it('reads events through the view of their log source', () => {
    const rule = ruleOf({ s: { Image: 'x' }, condition: 's' }, { product: 'windows', category: 'process_creation' })
    const audit = {
      'winlog.channel': 'Security',
      'event.code': '4688',
      'winlog.event_data.NewProcessName': 'X',
    }
    const { fires, logsource, condition } = explainRule(rule, event(audit), lookups)
    expect(fires).toBe(true)
    expect(logsource.view).toBe('windows_4688')
    expect(testsOf(condition)[0]!.places).toContain('winlog.event_data.NewProcessName')
  })

  it('stays small and quick for huge values and lists', () => {
    const needles = Array.from({ length: 5000 }, (_, index) => `needle${index};`)
    const { condition } = explain(
      { s: { 'A|contains': needles, 'B|re': '(a|b)*c' }, condition: 's' },
      { A: `${'x'.repeat(1e6)}needle4999;`, B: `${'ab'.repeat(5e5)}c` },
    )
    expect(JSON.stringify(condition).length).toBeLessThan(20_000)
    expect(testsOf(condition)[0]!.patterns[0]).toMatchObject({ matches: true, text: 'needle4999;' })
  })

  it('agrees with the engine on generated rules and records', () => {
    fc.assert(
      fc.property(detections, records, (detection, record) => {
        const text = JSON.stringify({ title: 't', id: 'r', logsource: {}, detection })
        const set = compileRuleSet([parseSigma(text, 'r.yml')])
        for (const rule of set.rules) {
          const fires = new SigmaEngine(set, lookups).matchRecord(record, {}).length > 0
          const explained = explainRule(rule, { record, logsource: {} }, lookups)
          expect(explained.fires).toBe(fires)
          expect(explained.obstacles.length > 0).toBe(!fires)
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('an explained correlation', () => {
  const setOf = (correlation: object) =>
    compileRuleSet([
      parseSigma(
        ['r1', 'r2', 'r3']
          .map((name) =>
            JSON.stringify({ title: name, id: name, logsource: {}, detection: { s: { A: name }, condition: 's' } }),
          )
          .concat(JSON.stringify({ title: 'c', id: 'c', correlation }))
          .join('\n---\n'),
        'c.yml',
      ),
    ])
  const input = (ruleId: string, second: number, fields: Fields): CorrelationInput => ({
    ruleId,
    eventId: `e${second}`,
    timeMs: second * 1000,
    scope: '/1/',
    read: (field) => fields[field],
  })
  const explained = (correlation: object, inputs: CorrelationInput[]) => {
    const { correlations, refused } = setOf(correlation)
    expect(refused).toEqual([])
    return explainCorrelation(correlations.at(-1)!, correlations, inputs)
  }

  it('says how near a count came', () => {
    const count = { type: 'event_count', rules: ['r1'], 'group-by': ['user'], timespan: '1m', condition: { gte: 3 } }
    const inputs = [0, 50, 100].map((second) => input('r1', second, { user: 'a' }))
    expect(explained(count, [...inputs, input('r1', 5, { user: 'b' }), input('r1', 6, {})])).toMatchObject({
      fires: false,
      rules: [{ rule: 'r1', matches: 5, uncounted: 1 }],
      groups: [
        { group: { user: 'a' }, firedAtMs: [], window: { measured: 2, toMs: 50_000 }, thresholds: [{ holds: false }] },
        { group: { user: 'b' }, window: { measured: 1 } },
      ],
      uncounted: [{ eventId: 'e6', field: 'user' }],
    })
    expect(explained(count, [...inputs, input('r1', 60, { user: 'a' })])).toMatchObject({
      fires: true,
      groups: [{ firedAtMs: [60_000], window: { fromMs: 0, measured: 3 } }],
    })
  })

  it('names the step of an order that is missing, and where it stands otherwise', () => {
    const order = { type: 'temporal_ordered', rules: ['r1', 'r2', 'r3'], 'group-by': ['user'], timespan: '1m' }
    const user = { user: 'a' }
    const { fires, groups } = explained(order, [input('r2', 1, user), input('r1', 2, user), input('r3', 3, user)])
    expect(fires).toBe(false)
    expect(groups[0]!.steps).toMatchObject([
      { rule: 'r1', seen: true },
      { rule: 'r2', seen: false, nearest: { eventId: 'e1' } },
      { rule: 'r3', seen: false, nearest: { eventId: 'e3' } },
    ])
  })

  it('names the step that had to stay away', () => {
    const condition = { type: 'temporal', rules: ['r1', 'r2'], timespan: '1m', condition: 'r1 and not r2' }
    const { fires, groups } = explained(condition, [input('r1', 1, {}), input('r2', 30, {})])
    expect(fires).toBe(false)
    expect(groups[0]!.steps).toMatchObject([
      { rule: 'r1', wanted: true },
      { rule: 'r2', wanted: false, nearest: { timeMs: 30_000 } },
    ])
  })
})
