import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { shippedContentDir } from '../config/content-dir.ts'
import { detectOffline, type OfflineMatch } from './offline.ts'
import { createScanner, type ScanOptions } from './offline-scan.ts'
import { loadLookups } from './sigma/logsource.ts'
import { parseSigma } from './sigma/parse.ts'
import { compileRuleSet } from './sigma/ruleset.ts'

const folder = mkdtempSync(join(tmpdir(), 'watchfire-offline-'))
afterAll(() => rmSync(folder, { recursive: true }))
const lookups = loadLookups(shippedContentDir())
const rule = (id: string, detection: string) =>
  `title: ${id}\nid: ${id}\nlogsource: {product: windows}\ndetection: {s: ${detection}, condition: s}\n`
const correlation =
  'title: many\nid: many\ncorrelation: {type: event_count, rules: [failed], group-by: [User], timespan: 5m, condition: {gte: 3}}\n'

async function run(
  files: Record<string, string>,
  rules: string[],
  options: Partial<ScanOptions & { heldBytes: number; continues(fileIndex: number): boolean }> = {},
) {
  const counters = { files: 0, records: 0, matches: 0, unreadable: 0 }
  const paths = Object.entries(files).map(([name, content]) => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  })
  const ruleSet = compileRuleSet([parseSigma(rules.join('---\n'), 'r.yml')])
  expect(ruleSet.refused).toEqual([])
  const found: OfflineMatch[] = []
  const warnings: string[] = []
  const scan = createScanner({
    ruleSet,
    lookups,
    logsource: { product: 'windows' },
    readRecords: async function* (file) {
      yield readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
    },
    ...options,
  })
  const onWarning = (text: string) => warnings.push(text)
  for await (const match of detectOffline({ ruleSet, files: paths, scan, counters, onWarning, ...options }))
    found.push(match)
  return {
    counters,
    warnings,
    found,
    short: found.map(({ rule: { id }, event, file }) => `${file.slice(folder.length + 1)} ${event.index} ${id}`),
  }
}

describe('offline detection', () => {
  const a = rule('a', '{A: 1}')

  it('counts on in a part that continues the file before it', async () => {
    const line = (minute: number) => `${JSON.stringify({ User: 'u', '@timestamp': `2026-01-01T00:0${minute}:00Z` })}\n`
    const files = { p0: line(0) + line(1), p1: line(2), q: line(3) }
    const rules = [rule('failed', '{User: u}'), correlation.replace('condition: {', 'generate: true, condition: {')]
    const { short, counters, found } = await run(files, rules, { continues: (index) => index === 1 })
    expect(short).toEqual(['p0 0 failed', 'p0 1 failed', 'p1 2 failed', 'q 0 failed', 'p1 2 many'])
    expect(counters).toMatchObject({ files: 2, records: 4 })
    expect(found.at(-1)!.counted!.map(({ index }) => index)).toEqual([0, 1, 2])
  })

  it('matches flat records and Windows event shapes, within the given times', async () => {
    const at = '2026-01-01T00:00:00Z'
    const records = [
      { A: 1 },
      { A: 2 },
      { Event: { System: { EventID: 1 }, EventData: { A: '1' } } },
      { A: 1, time: at },
    ]
    const lines = records.map((record) => JSON.stringify(record)).join('\n')
    expect((await run({ lines }, [a])).short).toEqual(['lines 0 a', 'lines 2 a', 'lines 3 a'])
    const after = await run({ lines }, [a], { fromMs: Date.parse(at) + 1 })
    expect(after.short).toEqual(['lines 0 a', 'lines 2 a'])
    expect((await run({ lines }, [a], { isShown: () => false })).short).toEqual([])
  })

  it('goes on after lines that are no JSON and counts them', async () => {
    const { counters, short } = await run({ 'x.ndjson': '{"A":1}\n{"A":\nhello\n[1]\n\n{"A":1}' }, [a])
    expect(short).toEqual(['x.ndjson 0 a', 'x.ndjson 1 a'])
    expect(counters).toMatchObject({ records: 2, matches: 2, unreadable: 3 })
  })

  it('runs correlations over the event times of all files, whatever their order', async () => {
    const failed = rule('failed', '{EventID: 4625}')
    const at = (minute: number, User: string) =>
      JSON.stringify({ EventID: 4625, User, UtcTime: `2026-01-01 10:0${minute}:00.000` })
    const { found, short } = await run(
      { late: `${at(4, 'x')}\n${at(3, 'y')}`, early: `${at(0, 'x')}\n${at(2, 'x')}` },
      [failed, correlation],
    )
    expect(short).toEqual(['late 0 many'])
    expect(found[0]).toMatchObject({
      event: { timestamp: '2026-01-01T10:04:00.000Z' },
      matched: [
        { field: 'User', value: 'x' },
        { field: 'event_count', value: '3' },
      ],
    })
    expect(found[0]!.counted!.map(({ index }) => index)).toEqual([0, 1, 0])
  })

  it('holds no more for correlations than it may, and tells how many were left', async () => {
    const failed = rule('failed', '{EventID: 4625}')
    const line = (second: number) =>
      JSON.stringify({ EventID: 4625, User: 'x', UtcTime: `2026-01-01 10:00:0${second}.000` })
    const lines = [0, 1, 2, 3, 4, 5].map(line).join('\n')
    const whole = await run({ lines }, [failed, correlation])
    expect([whole.short.length > 0, whole.warnings]).toEqual([true, []])
    const bounded = await run({ lines }, [failed, correlation], { heldBytes: 700 })
    expect(bounded.short).toEqual([])
    expect(bounded.warnings).toEqual([expect.stringMatching(/^correlations count the first 2 matches .* 4 more/)])
  })
})
