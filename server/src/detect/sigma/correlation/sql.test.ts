import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { shippedContentDir } from '../../../config/content-dir.ts'
import type { Event, Fields, FieldValue } from '../../../event/event.ts'
import { systemClock } from '../../../seams/clock/clock.ts'
import { type Events, openEvents, visibleTo } from '../../../seams/events/open.ts'
import { createCorrelationStage } from '../../correlations.ts'
import { createDetector, detectionId } from '../../detect.ts'
import { readRulePaths } from '../../load.ts'
import { loadLookups } from '../logsource.ts'
import { parseSigma } from '../parse.ts'
import { compileRuleSet, type RuleSet } from '../ruleset.ts'
import { correlationSql } from './sql.ts'

const contentDir = shippedContentDir()
const lookups = loadLookups(contentDir)
const hasEngine = (() => {
  try {
    createRequire(import.meta.url).resolve('@chdb/lib-linux-x64-gnu/package.json')
    return true
  } catch {
    return false
  }
})()

const startMs = Date.UTC(2026, 0, 1)
/** Seconds apart, often equal, with a window's edge among them. */
const times = fc
  .oneof(fc.integer({ min: 0, max: 40 }), fc.constantFrom(10, 20, 30))
  .map((second) => startMs + second * 1000)
const users: fc.Arbitrary<FieldValue> = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('alice', 'Bob', '政', '😀', 'a"/\\b') },
  fc.constant(null),
  fc.constant(''),
  fc.constantFrom<FieldValue[]>(['alice'], ['alice', 'x/y'], [], [null]),
  fc.integer({ min: 0, max: 2 }),
)
const amounts: fc.Arbitrary<FieldValue> = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 9 }) },
  { weight: 4, arbitrary: fc.integer({ min: 0, max: 99 }).map((number) => number / 10) },
  fc.constantFrom('7', '0.1', '.5', '+3', '1e1', '5.', 'none', '', ' 1', '0x10'),
  fc.constant(null),
)
const histories = fc.array(
  fc
    .record(
      {
        time: times,
        unit: fc.constantFrom('/1/', '/1/2/'),
        action: fc.constantFrom('a', 'b', 'c', 'ab'),
        'user.name': users,
        'source.ip': fc.constantFrom('10.0.0.1', '2001:db8::1', '::'),
        'related.user': users,
        extra: users,
        amount: amounts,
        'source.bytes': amounts,
        windows: fc.boolean(),
      },
      { requiredKeys: ['time', 'unit', 'action', 'windows'] },
    )
    .map(({ time, unit, action, windows, ...fields }) => ({
      time,
      unit,
      fields: {
        ...fields,
        'event.action': action,
        'event.module': 'acme',
        ...(windows ? { 'winlog.channel': 'Security', 'event.code': '4688' } : {}),
        ...(windows && fields['user.name'] !== undefined
          ? { 'winlog.event_data.SubjectUserName': fields.extra ?? null }
          : {}),
      } as Fields,
    })),
  { minLength: 30, maxLength: 120 },
)

const rules = [
  {
    title: 'a',
    id: 'a',
    logsource: { product: 'acme' },
    detection: { s: { 'event.action|contains': 'a' }, condition: 's' },
  },
  {
    title: 'b',
    id: 'b',
    logsource: { product: 'acme' },
    detection: { s: { 'event.action|contains': 'b' }, condition: 's' },
  },
  { title: 'c', id: 'c', logsource: { product: 'acme' }, detection: { s: { 'event.action': 'c' }, condition: 's' } },
  {
    title: 'w',
    id: 'w',
    logsource: { product: 'windows', category: 'process_creation' },
    detection: { s: { 'event.action|re': '[abc]' }, condition: 's' },
  },
]
const someRules = fc.subarray(['a', 'b', 'c'], { minLength: 1 })
const groups = fc.subarray(['user.name', 'source.ip', 'related.user', 'extra'], { maxLength: 2 })
const spans = fc.constantFrom('5s', '10s', '1m')
const small = fc.integer({ min: 0, max: 6 })
const limits = fc.oneof(
  fc.record({ gte: small }),
  fc.record({ gt: small }),
  fc.record({ lt: small }),
  fc.record({ lte: small }),
  fc.record({ eq: small }),
  fc.record({ neq: small }),
  fc.record({ gte: fc.integer({ min: 0, max: 2 }), lte: small }),
)
const head = { 'group-by': groups, timespan: spans, generate: fc.boolean() }
const correlations: fc.Arbitrary<Record<string, unknown>> = fc.oneof(
  fc.record({ ...head, type: fc.constant('event_count'), rules: someRules, condition: limits }),
  fc.record({
    ...head,
    type: fc.constant('value_count'),
    rules: someRules,
    condition: fc
      .tuple(limits, fc.constantFrom('amount', 'user.name', ['user.name', 'source.ip']))
      .map(([limit, field]) => ({ ...limit, field })),
  }),
  fc.record({
    ...head,
    type: fc.constantFrom('value_sum', 'value_avg', 'value_median'),
    rules: someRules,
    condition: fc
      .tuple(limits, fc.constantFrom('amount', 'source.bytes'))
      .map(([limit, field]) => ({ ...limit, field })),
  }),
  fc.record({
    ...head,
    type: fc.constant('value_percentile'),
    rules: someRules,
    condition: fc
      .tuple(limits, fc.constantFrom(0, 33, 90, 100))
      .map(([limit, percentile]) => ({ ...limit, percentile, field: 'amount' })),
  }),
  fc.record({ ...head, type: fc.constantFrom('temporal', 'temporal_ordered'), rules: someRules }),
  fc.record({ ...head, type: fc.constantFrom('temporal', 'temporal_ordered'), rules: someRules, condition: limits }),
  fc.record({
    ...head,
    type: fc.constantFrom('temporal', 'temporal_ordered'),
    rules: fc.constant(['a', 'b', 'c']),
    condition: fc.constantFrom(
      'a and b',
      'a or (b and c)',
      'a and not c',
      'not c',
      'not (a and not b)',
      'a and not (b or not c)',
      'a and b and c',
      '(a or b) and c',
    ),
  }),
  fc.record({
    timespan: spans,
    type: fc.constantFrom('temporal', 'event_count'),
    rules: fc.constant(['a', 'w']),
    'group-by': fc.constant(['who']),
    aliases: fc.constant({ who: { a: 'user.name', w: 'User' } }),
    condition: fc.constant({ gte: 2 }),
  }),
)
/** A correlation over correlations: inner ones grouped alike, an outer one over their firings. */
const nested = fc
  .tuple(
    fc.constantFrom('event_count', 'temporal', 'temporal_ordered', 'value_count'),
    spans,
    fc.integer({ min: 1, max: 3 }),
    correlations,
  )
  .map(([type, timespan, gte, inner]) => [
    inner,
    { type: 'event_count', rules: ['a'], 'group-by': ['user.name'], timespan: '5s', condition: { gte: 2 } },
    {
      type,
      timespan,
      rules: ['inner0', 'inner1', 'b'],
      'group-by': ['user.name'],
      condition: type === 'value_count' ? { gte, field: 'user.name' } : { gte },
    },
  ])

describe.skipIf(!hasEngine)('correlations as SQL over the event store', () => {
  const folder = mkdtempSync(join(tmpdir(), 'watchfire-correlation-sql-'))
  let store: Events
  beforeAll(async () => {
    store = await openEvents(
      { events: 'embedded', dataDir: folder, retentionDays: 190 },
      { logger: pino({ level: 'silent' }), clock: systemClock },
    )
  }, 60_000)
  afterAll(async () => {
    await store?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  /** Detections of the stream, fed in the order of event times, by correlation: `id time measured`. */
  function streamed(set: RuleSet, events: readonly Event[]): Map<string, string[]> {
    const detector = createDetector(set, { lookups })
    const stage = createCorrelationStage(set, {})
    const ordered = [...events].sort((a, b) => a.timeMs - b.timeMs || (a.id < b.id ? -1 : 1))
    const found = [...stage.push(detector.detect(ordered)), ...stage.advance(Number.MAX_SAFE_INTEGER)]
    const byRule = new Map<string, string[]>()
    for (const { ruleId, id, timeMs, matched, detector: kind } of found) {
      if (kind !== 'correlation') continue
      byRule.set(ruleId, [...(byRule.get(ruleId) ?? []), `${id} ${timeMs - startMs} ${matched.at(-1)!.value}`])
    }
    return byRule
  }

  async function stored(set: RuleSet, index: number, token: string): Promise<string[]> {
    const correlation = set.correlations[index]!
    const { query } = correlationSql(correlation, set, lookups, `startsWith(event_id, '${token}')`)
    const answer = await store.query.query({
      query,
      format: 'JSONEachRow',
      clickhouse_settings: {
        ...visibleTo('/1/'),
        max_query_size: '20000000',
        max_ast_elements: '2000000',
        max_expanded_ast_elements: '4000000',
        output_format_json_quote_64bit_integers: 0,
      },
    })
    const rows = await answer.json<{
      time_ms: number
      event_id: string
      scope: string
      group: string[]
      measured: number
    }>()
    return rows.map(({ time_ms, event_id, scope, group, measured }) => {
      const id = detectionId(correlation.id, event_id, [scope, ...group].join('\u0001'))
      return `${id} ${time_ms - startMs} ${measured}`
    })
  }

  function eventsOf(history: { time: number; unit: string; fields: Fields }[], token: string): Event[] {
    return history.map(({ time, unit, fields }, index) => ({
      id: `${token}${String(index).padStart(4, '0')}`,
      timeMs: time,
      receivedAtMs: Date.now(),
      raw: Buffer.from('x'),
      sourceKey: 's',
      unitPath: unit,
      fields,
    }))
  }

  async function expectSame(definitions: readonly object[], events: readonly Event[], token: string): Promise<number> {
    const documents = [
      ...rules,
      ...definitions.map((correlation, index) => ({ title: `c${index}`, id: `inner${index}`, correlation })),
    ]
    const text = documents.map((document) => JSON.stringify(document)).join('\n---\n')
    const set = compileRuleSet([parseSigma(text, 'generated.yml')])
    const expected = streamed(set, events)
    let firings = 0
    for (const [index, { id, document }] of set.correlations.entries()) {
      // Inner ones raise nothing alone.
      if (!expected.has(id) && set.correlations.some(({ rules }) => rules.includes(id))) continue
      const found = await stored(set, index, token)
      firings += found.length
      expect({ document: Object.fromEntries(document.correlation), found: found.sort() }).toEqual({
        document: Object.fromEntries(document.correlation),
        found: (expected.get(id) ?? []).sort(),
      })
    }
    return firings
  }

  it('gives the firings of the stream on generated correlations and events', async () => {
    const runs = Number(process.env.WATCHFIRE_FUZZ_RUNS ?? 1)
    for (let run = 0; run < runs; run++) {
      const seed = 20_260_201 + run
      const token = `run${run}-`
      const events = eventsOf(fc.sample(histories, { numRuns: 1, seed })[0]!, token)
      await store.insertBlock(events, token)
      const definitions = fc.sample(correlations, { numRuns: 25, seed })
      expect(await expectSame(definitions, events, token)).toBeGreaterThan(20)
      for (const list of fc.sample(nested, { numRuns: 5, seed })) await expectSame(list, events, token)
    }
  }, 600_000)

  it('compiles every shipped correlation, and the store accepts it', async () => {
    const set = compileRuleSet(readRulePaths([join(contentDir, 'rules')]))
    expect(set.correlations.length).toBeGreaterThan(5)
    for (const index of set.correlations.keys()) expect(await stored(set, index, 'nothing')).toEqual([])
  }, 300_000)
})
