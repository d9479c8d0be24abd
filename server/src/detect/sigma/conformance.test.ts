import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { shippedContentDir } from '../../config/content-dir.ts'
import { SigmaEngine } from './engine.ts'
import { loadLookups } from './logsource.ts'
import { type ParsedFile, parseSigma } from './parse.ts'
import type { JsonRecord } from './reader.ts'
import { compileRuleSet, type RuleSet } from './ruleset.ts'
import { flattenWindowsEvent } from './windows.ts'

/** Real rules and events that are not part of the project; without them these tests are skipped and say so. */
const shared = resolve(process.env.WATCHFIRE_SHARED ?? join(import.meta.dirname, '../../../../../shared'), 'data/sigma')
const present = existsSync(join(shared, 'rules.tar.gz'))
const lookups = loadLookups(shippedContentDir())

interface Vector {
  id: string
  detection: Record<string, unknown>
  detection_yaml: string | null
  event: JsonRecord | null
  expect: boolean | 'compile-error'
}

function vectorRule(vector: Vector): ParsedFile {
  const detection = structuredClone(vector.detection)
  let text = `detection: ${JSON.stringify(detection)}`
  if (vector.detection_yaml !== null) {
    const yaml = vector.detection_yaml.trim()
    if (yaml.startsWith('{')) text = `detection: ${yaml}`
    else text = `detection:\n${yaml.replace(/^/gm, '  ')}\n${/^condition:/m.test(yaml) ? '' : '  condition: sel\n'}`
  }
  return parseSigma(`title: ${JSON.stringify(vector.id)}\nlogsource: {product: test}\n${text}\n`, 'vector.yml')
}

describe.skipIf(!present)('Sigma vectors of ../shared', () => {
  const vectors: Vector[] = present ? JSON.parse(readFileSync(join(shared, 'vectors.json'), 'utf8')) : []

  it.each(vectors)('$id', (vector) => {
    const set = compileRuleSet([vectorRule(vector)])
    if (vector.expect === 'compile-error') {
      expect(set.refused).toHaveLength(1)
      return
    }
    expect(set.refused).toEqual([])
    const engine = new SigmaEngine(set, lookups)
    expect(engine.matchRecord(vector.event!, { product: 'test' }).length > 0).toBe(vector.expect)
  })
})

describe.skipIf(!present)('SigmaHQ corpus of ../shared', () => {
  let folder: string
  let set: RuleSet
  let engine: SigmaEngine
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'watchfire-sigma-'))
    execFileSync('tar', ['xzf', join(shared, 'rules.tar.gz'), '-C', folder])
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
      (name) => name.startsWith('rules') && name.endsWith('.yml'),
    )
    set = compileRuleSet(files.map((name) => parseSigma(readFileSync(join(folder, name), 'utf8'), name)))
    engine = new SigmaEngine(set, lookups)
  }, 60_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it('loads every rule but those with unresolved placeholders', () => {
    expect(set.rules).toHaveLength(3755)
    expect(set.refused.map(({ reason }) => reason)).toEqual(new Array(25).fill('placeholder'))
    for (const refused of set.refused) expect(refused.line).toBeGreaterThan(10)
  })

  it('matches the real events of every regression pair', () => {
    const pairs: { rule_id: string; logsource: JsonRecord; min_matches: number; events_file: string }[] = JSON.parse(
      readFileSync(join(shared, 'regression/index.json'), 'utf8'),
    )
    expect(pairs).toHaveLength(108)
    const missed = pairs.filter(({ rule_id, logsource, min_matches, events_file }) => {
      const lines = readFileSync(join(shared, 'regression', events_file), 'utf8')
        .trim()
        .split('\n')
      const records = lines.map((line) => flattenWindowsEvent(JSON.parse(line) as JsonRecord))
      const matching = records.filter((record) =>
        engine.matchRecord(record, logsource).some(({ rule }) => rule.document.id === rule_id),
      )
      return matching.length < min_matches
    })
    expect(missed).toEqual([])
  })

  it('agrees with every generated case', () => {
    const cases = gunzipSync(readFileSync(join(shared, 'synthetic.ndjson.gz')))
      .toString('utf8')
      .trim()
      .split('\n')
    expect(cases.length).toBe(7954)
    const wrong = cases.filter((line) => {
      const { rule_id, logsource, event, expect: expected } = JSON.parse(line)
      return engine.matchRecord(event, logsource).some(({ rule }) => rule.document.id === rule_id) !== expected
    })
    expect(wrong).toEqual([])
  }, 60_000)
})
