import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { gunzipSync } from 'node:zlib'
import { shippedContentDir } from '../../server/src/config/content-dir.ts'
import { readRulePaths } from '../../server/src/detect/load.ts'
import { CorrelationEngine } from '../../server/src/detect/sigma/correlation/engine.ts'
import type { CorrelationInput } from '../../server/src/detect/sigma/correlation/input.ts'
import { SigmaEngine } from '../../server/src/detect/sigma/engine.ts'
import { loadLookups } from '../../server/src/detect/sigma/logsource.ts'
import { parseSigma } from '../../server/src/detect/sigma/parse.ts'
import type { JsonRecord } from '../../server/src/detect/sigma/reader.ts'
import { compileRuleSet, type RuleSet } from '../../server/src/detect/sigma/ruleset.ts'

export const name = 'detect'

type Row = Record<string, number | string>

const shared = resolve(process.env.WATCHFIRE_SHARED ?? join(import.meta.dirname, '../../../shared'), 'data/sigma')
const lanes = ['structured_windows', 'sysmon_file_event', 'raw_windows', 'cisco_syslog']
const rounds = 15
const uniqueRounds = 5

/**
 * JSON in, matches out, in one thread: 20,000 events of each lane against all rules under `rules/` of SigmaHQ. Each round parses the lane alone
 * and then parses and matches it, so that what else the machine does falls on both; the medians of all rounds are told. A
 * lane of its own has the records of the first with a number at every text, a new one each time: nothing that was seen
 * before helps there.
 */
export async function run(): Promise<Row[]> {
  const rows: Row[] = correlationRows()
  if (!existsSync(join(shared, 'rules.tar.gz'))) return [{ lane: 'skipped: ../shared/data/sigma is absent' }, ...rows]
  const folder = mkdtempSync(join(tmpdir(), 'watchfire-bench-rules-'))
  try {
    execFileSync('tar', ['xzf', join(shared, 'rules.tar.gz'), '-C', folder])
    const startedAt = performance.now()
    const ruleSet = compileRuleSet(readRulePaths([join(folder, 'rules')]))
    rows.unshift({
      lane: 'load',
      rules: ruleSet.rules.length,
      refused: ruleSet.refused.length,
      loadMs: Math.round(performance.now() - startedAt),
    })
    rows.push(...lanes.map((lane) => laneRow(lane, ruleSet)))
    rows.push(uniqueRow(lanes[0]!, ruleSet))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return rows
}

function laneRow(lane: string, ruleSet: RuleSet): Row {
  const engine = new SigmaEngine(ruleSet, loadLookups(shippedContentDir()))
  collect()
  const lines = linesOf(lane)
  const parseUs: number[] = []
  const wholeUs: number[] = []
  let matches = 0
  for (let round = 0; round < rounds; round++) {
    let startedAt = performance.now()
    for (const line of lines) JSON.parse(line)
    parseUs.push(((performance.now() - startedAt) * 1000) / lines.length)
    startedAt = performance.now()
    matches = 0
    for (const line of lines) {
      const record = JSON.parse(line) as JsonRecord & { product: string; category?: string; service?: string }
      matches += engine.matchRecord(record, record).length
    }
    wholeUs.push(((performance.now() - startedAt) * 1000) / lines.length)
  }
  return {
    lane,
    eventsPerSecond: Math.round(1e6 / median(wholeUs)),
    bestEventsPerSecond: Math.round(1e6 / Math.min(...wholeUs)),
    parseUs: median(parseUs).toFixed(2),
    matchUs: (median(wholeUs) - median(parseUs)).toFixed(2),
    rulesEvaluatedPerEvent: engine.evaluatedPerRecord().toFixed(1),
    matches,
    heapMB: Math.round(process.memoryUsage().heapUsed / 1e6),
  }
}

function linesOf(lane: string): string[] {
  return gunzipSync(readFileSync(join(shared, 'lanes', `${lane}.ndjson.gz`)))
    .toString('utf8')
    .trim()
    .split('\n')
}

const routing = new Set(['product', 'category', 'service'])

/** The lane with no text twice: what remembering values gives is what this row lacks. */
function uniqueRow(lane: string, ruleSet: RuleSet): Row {
  const engine = new SigmaEngine(ruleSet, loadLookups(shippedContentDir()))
  const records = linesOf(lane).map((line) => JSON.parse(line) as Record<string, unknown>)
  const wholeUs: number[] = []
  let number = 0
  let matches = 0
  for (let round = 0; round < uniqueRounds; round++) {
    const lines = records.map((record) =>
      JSON.stringify(record, (key, value: unknown) =>
        typeof value === 'string' && !routing.has(key) ? `${value} ${number++}` : value,
      ),
    )
    const startedAt = performance.now()
    matches = 0
    for (const line of lines) {
      const record = JSON.parse(line) as JsonRecord & { product: string; category?: string; service?: string }
      matches += engine.matchRecord(record, record).length
    }
    wholeUs.push(((performance.now() - startedAt) * 1000) / lines.length)
  }
  return {
    lane: `${lane}, no text twice`,
    eventsPerSecond: Math.round(1e6 / median(wholeUs)),
    bestEventsPerSecond: Math.round(1e6 / Math.min(...wholeUs)),
    rulesEvaluatedPerEvent: engine.evaluatedPerRecord().toFixed(1),
    matches,
  }
}

const correlated = `title: rule
name: rule
logsource: {product: bench}
detection: {s: {A: 1}, condition: s}
---
title: brute
correlation: {type: event_count, rules: [rule], group-by: [user], timespan: 10m, condition: {gte: 10}}
---
title: spray
correlation: {type: value_count, rules: [rule], group-by: [ip], timespan: 10m, condition: {field: user, gte: 10}}
`

/** Matches into two correlations, many of few groups, then a million groups alive at once. */
function correlationRows(): Row[] {
  const set = compileRuleSet([parseSigma(correlated, 'bench.yml')])
  const one = { correlations: set.correlations.slice(0, 1), events: 1_000_000, users: 1_000_000 }
  const two = { correlations: set.correlations, events: 500_000, users: 5000 }
  return [two, one].map(({ correlations, events, users }) => {
    const engine = new CorrelationEngine(correlations, { groupLimit: 1_000_000, latenessMs: 1000 })
    collect()
    const before = process.memoryUsage().heapUsed
    let firings = 0
    const startedAt = performance.now()
    for (let i = 0; i < events; i++) {
      const user = `user${(i * 7919) % users}`
      const ip = `10.0.${i % 256}.${(i >> 8) % 8}`
      const input: CorrelationInput = {
        ruleId: 'rule',
        eventId: `0:${i}:0`,
        timeMs: i,
        scope: '/1/',
        read: (field) => (field === 'user' ? user : ip),
      }
      firings += engine.push(input).length
    }
    const seconds = (performance.now() - startedAt) / 1000
    collect()
    const bytes = process.memoryUsage().heapUsed - before
    return {
      lane: `correlation, ${users} users`,
      eventsPerSecond: Math.round(events / seconds),
      firings,
      groups: engine.liveGroups,
      bytesPerGroup: Math.round(bytes / engine.liveGroups),
    }
  })
}

setFlagsFromString('--expose-gc')
/** Frees what nobody holds, so that what is measured is what is kept. */
const collect = runInNewContext('gc') as () => void

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!
}
