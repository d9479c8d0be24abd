import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { shippedContentDir } from '../../config/content-dir.ts'
import type { Event, Fields, FieldValue } from '../../event/event.ts'
import { systemClock } from '../../seams/clock/clock.ts'
import { type Events, openEvents } from '../../seams/events/open.ts'
import { SigmaEngine } from './engine.ts'
import { loadLookups } from './logsource.ts'
import { parseSigma } from './parse.ts'
import { compileRuleSet } from './ruleset.ts'
import { differences, hasEngine } from './sql-for-tests.ts'

const contentDir = shippedContentDir()
const lookups = loadLookups(contentDir)

/** Small worlds, so that rules and events meet: a few fields of each kind of column, values that trip up either side. */
const texts = fc.constantFrom(
  'C:\\\\Windows\\\\CMD.exe', 'cmd.exe', "it's", 'a_b%c', 'x\\n y', 'ΟΔΟΣ', 'οδος', 'ſtart', 'START', 'Ä', '政府', '😀', '', ' ', '12', '5.5', 'true', 'null', '10.1.2.3', 'fe80::1', '[x]', '"q"',
) // biome-ignore format: a list
/** What the encoding modifiers look for, whole, cut, and as it stands in a longer text. */
const secrets = ['foo', 'cmd', '政府', 'é']
const encoded = secrets.flatMap((secret) =>
  (['utf8', 'utf16le'] as const).flatMap((encoding) => [
    Buffer.from(secret, encoding).toString('base64'),
    Buffer.from(`x${secret}bar`, encoding).toString('base64'),
    `powershell -enc ${Buffer.from(`xx${secret}`, encoding).toString('base64')} -w`,
    Buffer.from(secret, encoding).toString('latin1'),
  ]),
)
const times = [
  '2026-01-04T23:59:59Z', '2026-01-05T00:00:00.000Z', '2024-02-29T12:30:15+08:00', '2026-12-31T23:59:60Z', '2026-13-01T00:00:00Z',
  '2026-01-05', '2026-01-05 10:00:00', '1767571200', '1767571200000', '0', '-1', '2020-12-28T00:00:00Z', '2021-01-03T01:02:03.456-11:30', 'today', 1767571200, 1767571200000, 1.5,
] // biome-ignore format: a list
const values: fc.Arbitrary<FieldValue> = fc.oneof(
  { weight: 4, arbitrary: texts },
  fc.integer({ min: -3, max: 30 }),
  fc.boolean(),
  fc.constant(null),
  fc.array(fc.oneof(texts, fc.integer({ min: 0, max: 3 }), fc.constant(null)), { maxLength: 3 }),
  { weight: 2, arbitrary: fc.constantFrom(...encoded) },
  { weight: 2, arbitrary: fc.constantFrom(...times) },
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
  {
    weight: 2,
    arbitrary: fc.tuple(
      ruleFields,
      fc.constantFrom(
        '|base64|contains', '|base64', '|base64offset|contains', '|utf16le|base64offset|contains', '|wide|base64offset|contains',
        '|utf16be|base64|contains', '|utf16|base64offset|contains', '|wide|contains',
      ), // biome-ignore format: a list
      fc.constantFrom(...secrets),
    ),
  },
  fc.tuple(
    ruleFields,
    fc.constantFrom('|windash|contains', '|contains|all|windash', '|windash'),
    fc.constantFrom(' -enc ', '-w', ' /w', 'a -b', 'x-y', '–w'),
  ),
  {
    weight: 2,
    arbitrary: fc.tuple(
      ruleFields,
      fc.constantFrom('|minute', '|hour', '|day', '|week', '|month', '|year'),
      fc.constantFrom(0, 1, 2, 4, 5, 12, 23, 29, 30, 31, 53, 59, 2021, 2026),
    ),
  },
  fc.tuple(
    ruleFields,
    fc.constantFrom('|hour|gte', '|day|lt', '|year|gt', '|week|lte'),
    fc.constantFrom(1, 4, 12, 2023),
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
    const met = new Set<string>()
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
      const engine = new SigmaEngine(set, lookups)
      for (const event of list)
        for (const { rule } of engine.matchEvent(event))
          for (const [modifier] of String(rule.document.custom.get('source')).matchAll(/\|[a-z0-9]+/g))
            met.add(modifier)
      expect(await differences(store, lookups, set, list, `run${run}-`)).toEqual([])
    }
    // Rules of these kinds match something, so that the comparison is of more than silence.
    expect([...met]).toEqual(
      expect.arrayContaining(['|base64', '|base64offset', '|windash', '|utf16le', '|hour', '|day', '|year', '|week']),
    )
  }, 600_000)
})
