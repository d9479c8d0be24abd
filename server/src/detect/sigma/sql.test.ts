import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { shippedContentDir } from '../../config/content-dir.ts'
import type { Event, Fields, FieldValue } from '../../event/event.ts'
import { systemClock } from '../../seams/clock/clock.ts'
import { type Events, openEvents, visibleTo } from '../../seams/events/open.ts'
import { eventsTable } from '../../seams/events/schema.ts'
import { readRulePaths } from '../load.ts'
import { SigmaEngine } from './engine.ts'
import { loadLookups } from './logsource.ts'
import { parseSigma } from './parse.ts'
import { compileRuleSet, type RuleSet } from './ruleset.ts'
import { ruleSql } from './sql.ts'

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

/** Small worlds, so that rules and events meet: a few fields of each kind of column, values that trip up either side. */
const texts = fc.constantFrom(
  'C:\\\\Windows\\\\CMD.exe', 'cmd.exe', "it's", 'a_b%c', 'x\\n y', 'ΟΔΟΣ', 'οδος', 'ſtart', 'START', 'Ä', '政府', '😀', '', ' ', '12', '5.5', 'true', 'null', '10.1.2.3', 'fe80::1', '[x]', '"q"',
) // biome-ignore format: a list
const values: fc.Arbitrary<FieldValue> = fc.oneof(
  { weight: 4, arbitrary: texts },
  fc.integer({ min: -3, max: 30 }),
  fc.boolean(),
  fc.constant(null),
  fc.array(fc.oneof(texts, fc.integer({ min: 0, max: 3 }), fc.constant(null)), { maxLength: 3 }),
)
const eventFields = fc.constantFrom(
  'process.executable',
  'process.command_line',
  'user.name',
  'destination.port',
  'source.ip',
  'process.pid',
  'winlog.event_data.X',
  'winlog.event_data.Image',
  'message',
  'related.user',
  'network.direction',
)
const bases: Fields[] = [
  { 'winlog.channel': 'Microsoft-Windows-Sysmon/Operational', 'event.code': '1', 'event.module': 'windows' },
  { 'winlog.channel': 'Security', 'event.code': '4688', 'event.module': 'windows' },
  { 'event.module': 'nginx', 'event.dataset': 'nginx.access' },
  { 'event.module': 'acme', 'event.dataset': 'acme.box' },
  {},
]
const events = fc
  .tuple(fc.constantFrom(...bases), fc.dictionary(eventFields, values, { maxKeys: 6 }))
  .map(([base, fields]) => ({ ...base, ...fields }))
const ruleFields = fc.constantFrom(
  'Image',
  'CommandLine',
  'User',
  'DestinationPort',
  'SourceIp',
  'ProcessId',
  'X',
  'message',
  'related.user',
  'Initiated',
  'c-ip',
)
const needles = fc.constantFrom(
  'cmd.exe',
  '*.exe',
  'c:\\\\w',
  "it's",
  '%',
  '?_b',
  'οδος',
  'ΔΟΣ',
  'start',
  'ä',
  '政',
  '😀',
  '1',
  '2',
  'true',
  'null',
  '\\n',
  '.',
  '*',
  'q"',
  'a*c',
)
const items = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(
      ruleFields,
      fc.constantFrom('', '|contains', '|startswith', '|endswith', '|contains|all', '|cased', '|neq'),
      fc.oneof(needles, fc.array(needles, { minLength: 2, maxLength: 3 })),
    ),
  },
  fc.tuple(
    ruleFields,
    fc.constant(''),
    fc.oneof(fc.integer({ min: 0, max: 30 }), fc.boolean(), fc.constant(null), fc.constant('')),
  ),
  fc.tuple(ruleFields, fc.constantFrom('|gt', '|lte'), fc.integer({ min: 0, max: 20 })),
  fc.tuple(ruleFields, fc.constant('|exists'), fc.boolean()),
  fc.tuple(ruleFields, fc.constant('|cidr'), fc.constantFrom('10.0.0.0/8', 'fe80::/10')),
  fc.tuple(ruleFields, fc.constantFrom('|fieldref', '|fieldref|endswith'), ruleFields),
  fc.tuple(
    ruleFields,
    fc.constantFrom('|re', '|re|i', '|re|s'),
    fc.constantFrom('cmd.e', '^C:', '.\\\\.', 'e$', '[0-9]{2}', "t's"),
  ),
)
const maps = fc
  .array(items, { minLength: 1, maxLength: 2 })
  .map((list) => Object.fromEntries(list.map(([field, modifiers, value]) => [field + modifiers, value])))
const keywords = fc.array(
  needles.filter((needle) => needle !== '*'),
  { minLength: 1, maxLength: 2 },
)
const logsources = fc.constantFrom(
  { product: 'windows', category: 'process_creation' },
  { product: 'windows' },
  { category: 'webserver' },
  { product: 'acme', service: 'box' },
  {},
)
const rules = fc.record({
  logsource: logsources,
  detection: fc.record({
    x: fc.oneof({ weight: 4, arbitrary: maps }, keywords),
    y: maps,
    condition: fc.constantFrom('x', 'not x', 'x and not y', 'x or y', 'not (x and y)'),
  }),
})

describe.skipIf(!hasEngine)('rules as SQL over the event store', () => {
  const folder = mkdtempSync(join(tmpdir(), 'watchfire-sql-'))
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

  async function differences(set: RuleSet, list: Event[], token: string): Promise<string[]> {
    await store.insertBlock(list, token)
    const engine = new SigmaEngine(set, lookups)
    const expected = new Map<string, string[]>(set.rules.map(({ document }) => [document.id, []]))
    for (const event of list)
      for (const { rule } of engine.matchEvent(event)) expected.get(rule.document.id)!.push(event.id)
    const wrong: string[] = []
    for (const rule of set.rules) {
      const sql = ruleSql(rule, lookups)
      const query = `${sql.with} SELECT event_id FROM ${eventsTable} WHERE startsWith(event_id, '${token}') AND ${sql.where} ORDER BY event_id`
      const answer = await store.query.query({
        query,
        format: 'JSONEachRow',
        clickhouse_settings: {
          ...visibleTo('/1/'),
          max_query_size: '20000000',
          max_ast_elements: '2000000',
          max_expanded_ast_elements: '4000000',
        },
      })
      const found = (await answer.json<{ event_id: string }>()).map(({ event_id }) => event_id)
      const same = JSON.stringify(found) === JSON.stringify(expected.get(rule.document.id)!.sort())
      if (!same) {
        const differing = list.find(({ id }) => found.includes(id) !== expected.get(rule.document.id)!.includes(id))
        wrong.push(
          JSON.stringify({
            rule: rule.document.id,
            detection: rule.document.custom.get('source'),
            conditions: rule.document.conditions,
            sqlSays: found.includes(differing!.id),
            fields: differing!.fields,
          }),
        )
      }
    }
    return wrong
  }

  const eventOf = (fields: Fields, id: string): Event => ({
    id,
    timeMs: Date.UTC(2026, 0, 1),
    receivedAtMs: Date.now(),
    raw: Buffer.from('raw text 12'),
    sourceKey: 's',
    unitPath: '/1/',
    fields,
  })

  it('gives the same answer as the stream on generated rules and events', async () => {
    const runs = Number(process.env.WATCHFIRE_FUZZ_RUNS ?? 1)
    for (let run = 0; run < runs; run++) {
      const seed = 20_260_101 + run
      const documents = fc
        .sample(rules, { numRuns: 40, seed })
        .map((rule, index) =>
          JSON.stringify({ title: `r${index}`, id: `r${index}`, ...rule, source: JSON.stringify(rule) }),
        )
      const set = compileRuleSet([parseSigma(documents.join('\n---\n'), 'generated.yml')])
      const list = fc
        .sample(events, { numRuns: 120, seed })
        .map((fields, index) => eventOf(fields, `run${run}-${String(index).padStart(4, '0')}`))
      expect(await differences(set, list, `run${run}-`)).toEqual([])
    }
  }, 600_000)

  it('compiles every shipped rule, and the store accepts it', async () => {
    const set = compileRuleSet(readRulePaths([join(contentDir, 'rules')]))
    expect(set.rules.length).toBeGreaterThan(40)
    expect(await differences(set, [eventOf(bases[0]!, 'shipped-1')], 'shipped-')).toEqual([])
  }, 120_000)
})
