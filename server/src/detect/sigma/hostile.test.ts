import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { shippedContentDir } from '../../config/content-dir.ts'
import { SigmaEngine } from './engine.ts'
import { loadLookups } from './logsource.ts'
import { parseSigma } from './parse.ts'
import type { JsonRecord } from './reader.ts'
import { refusalTable } from './refusal.ts'
import { compileRuleSet, type RuleSet } from './ruleset.ts'

const lookups = loadLookups(shippedContentDir())
const runs = Number(process.env.WATCHFIRE_FUZZ_RUNS ?? 300)
const good = 'title: good\nid: good\nlogsource: {product: test}\ndetection: {s: {A: one}, condition: s}\n'
const seed = `title: seed
id: seed
name: seed_name
logsource: {product: test, service: s}
tags: [attack.t1110]
detection:
  selection:
    A|contains|all: [one, 'tw*o']
    B|re|i: '(a|b){2,3}c$'
    C|cidr: 10.0.0.0/8
    D|base64offset|contains: secret
    E|hour|gte: 22
    F|windash: ' -enc'
  words: [alpha, 'be?ta']
  filter_x: {G|exists: true, H: null}
  condition: (selection or words) and not 1 of filter_*
---
title: many
id: many
correlation:
  type: event_count
  rules: [seed]
  group-by: [A]
  timespan: 5m
  condition: {gte: 3}
---
title: narrow
id: narrow
logsource: {product: test}
filter: {rules: [seed], s: {User: adm}, condition: not s}
`

/** The set of a hostile file beside a good one: whatever the first holds, the second runs, and each refusal has its reason and place. */
function setBeside(text: string): RuleSet {
  const set = compileRuleSet([parseSigma(text, 'hostile.yml'), parseSigma(good, 'good.yml')])
  const engine = new SigmaEngine(set, lookups)
  const hits = engine.matchRecord({ A: 'one', B: 'abc', words: ['alpha'] }, { product: 'test' })
  expect(hits.map(({ rule }) => rule.document.id)).toContain('good')
  for (const refused of set.refused) {
    expect(refusalTable).toHaveProperty(refused.reason)
    expect(refused.line).toBeGreaterThan(0)
    expect(refused.column).toBeGreaterThan(0)
  }
  return set
}

const reasonsOf = (text: string) => setBeside(text).refused.map(({ reason }) => reason)
const ruleOf = (detection: string) => `title: h\nid: h\nlogsource: {product: test}\ndetection:\n${detection}\n`

describe('rules that are hostile or broken', () => {
  const pieces = fc.constantFrom(
    ': ', '- ', '\n', '\n---\n', '  ', '\t', '{', '}', '[', ']', '&a ', '*a', '!!binary ', '!!set ', '? ', '|', '>', '"', "'", '#', '%YAML 1.1\n', '\u0000', '\ufeff', '\u2028',
    'null', '~', '.nan', '.inf', '1e999', '0x', '-', '<<: *a', '__proto__: 1\n', 'constructor', 'condition: ', 'not ', '1 of ', '((((', '|re|', '|expand', '|all', '\\', '*', '%x%', '😀', '\ud800',
  ) // biome-ignore format: a list
  const edits = fc.array(
    fc.tuple(fc.nat(seed.length), fc.integer({ min: 0, max: 12 }), fc.oneof(pieces, fc.constant(''))),
    { minLength: 1, maxLength: 6 },
  )

  it('cost the set nothing, however the text is changed', () => {
    fc.assert(
      fc.property(edits, (list) => {
        let text = seed
        for (const [at, cut, piece] of list) text = text.slice(0, at) + piece + text.slice(at + cut)
        setBeside(text)
      }),
      { numRuns: runs },
    )
  }, 120_000)

  const json = fc.jsonValue({ maxDepth: 4 })
  it('cost the set nothing, whatever types stand where', () => {
    const keys = fc.constantFrom(
      'title',
      'id',
      'name',
      'logsource',
      'tags',
      'detection',
      'correlation',
      'filter',
      'level',
    )
    const inner = fc.constantFrom(
      'condition',
      'selection',
      'type',
      'rules',
      'timespan',
      'group-by',
      'aliases',
      'A|re',
      'A|gt',
      'A|fieldref',
      'A|cidr',
      'A|hour',
      '|all',
    )
    const document = fc.dictionary(keys, fc.oneof(json, fc.dictionary(inner, json)))
    fc.assert(
      fc.property(document, (value) => {
        setBeside(JSON.stringify({ title: 't', logsource: {}, ...value }))
      }),
      { numRuns: runs },
    )
  }, 120_000)

  it('nest deeper than any rule', () => {
    for (const depth of [100, 1000, 20_000]) {
      expect(reasonsOf(ruleOf(`  s: ${'['.repeat(depth)}x${']'.repeat(depth)}\n  condition: s`))).toHaveLength(1)
      expect(reasonsOf(ruleOf(`  s: ${'{a: '.repeat(depth)}x${'}'.repeat(depth)}\n  condition: s`))).toHaveLength(1)
      const condition = `${'('.repeat(depth)}s${')'.repeat(depth)}`
      const nots = `${'not '.repeat(depth)}s`
      for (const text of [condition, nots]) setBeside(ruleOf(`  s: {A: x}\n  condition: ${text}`))
    }
  }, 60_000)

  it('expand aliases without end', () => {
    const levels = Array.from(
      { length: 12 },
      (_, i) =>
        `x${i}: &x${i} [${Array(10)
          .fill(i === 0 ? 'lol' : `*x${i - 1}`)
          .join(', ')}]`,
    )
    expect(reasonsOf(`${levels.join('\n')}\n${ruleOf('  s: {A: *x11}\n  condition: s')}`)).toEqual(['yaml'])
    expect(reasonsOf(ruleOf('  s: &s {A: *s}\n  condition: s'))).toEqual(['yaml'])
    expect(reasonsOf(ruleOf('  s: {A: *gone}\n  condition: s'))).toEqual(['yaml'])
  })

  it('are huge', () => {
    const list = Array.from({ length: 30_000 }, (_, i) => `v${i}`).join(', ')
    setBeside(ruleOf(`  s: {A|contains: [${list}]}\n  condition: s`))
    const names = Array.from({ length: 3000 }, (_, i) => `  s${i}: {F${i}: x}`).join('\n')
    expect(reasonsOf(ruleOf(`${names}\n  condition: 1 of s* or all of s*`))).toEqual([])
    setBeside(ruleOf(`  s: {A: ${'x'.repeat(2 ** 20)}}\n  condition: s`))
    setBeside(ruleOf(`  s: {A: '${'*a?'.repeat(20_000)}'}\n  condition: s`))
    setBeside(ruleOf(`  s: {A: x}\n  condition: s${' or s'.repeat(20_000)}`))
  }, 60_000)

  it.each([
    '(a?){300}a{300}',
    '((a{100}){100})',
    '(((a?){30}){30}){30}',
    '(a|aa)+{9}',
    '(x+x+)+y',
    '(.*a){900}',
    '[^\\x00-\\x{10FFFF}]{500}',
    '(é?){300}(é){300}',
    '\\pL{800}',
    '(\\p{Greek}{100}){10}',
    `${'('.repeat(2000)}a${')'.repeat(2000)}`,
    `(${'a|'.repeat(4000)}b){50}`,
    '(?i)(ſ?K?){400}',
  ])(
    'carry the expression %j: it is refused, or reads a text of 200,000 characters',
    (pattern) => {
      const set = setBeside(ruleOf(`  s:\n    A|re: ${JSON.stringify(pattern)}\n  condition: s`))
      expect(['limit', 'regex', undefined]).toContain(set.refused[0]?.reason)
      const engine = new SigmaEngine(set, lookups)
      for (const text of ['a'.repeat(200_000), 'x'.repeat(200_000), 'é'.repeat(200_000)])
        engine.matchRecord({ A: text }, { product: 'test' })
    },
    60_000,
  )
})

describe('events that are hostile', () => {
  const words = ruleOf(
    "  k: [needle, 'ne*dle', 'n?edle']\n  s: {A|contains: needle}\n  r: {A|re: '(n|e)+dle$'}\n  w: {A: '*n*e*e*d*l*e*z'}\n  f: {A|fieldref|contains: B}\n  condition: 1 of them",
  )
  const engine = new SigmaEngine(compileRuleSet([parseSigma(`${seed}\n---\n${words}`, 'x.yml')]), lookups)
  const ids = (record: JsonRecord) =>
    engine.matchRecord(record, { product: 'test', service: 's' }).map(({ rule }) => rule.document.id)

  it('hold values of a megabyte', () => {
    const filler = 'need'.repeat(2 ** 18)
    expect(ids({ A: filler })).toEqual([])
    expect(ids({ A: `${filler}le` })).toEqual(['h'])
    expect(ids({ A: `${filler} needle` })).toEqual(['h'])
    expect(ids({ A: '0', B: `${filler}needle` })).toEqual(['h'])
    expect(ids({ A: filler, B: filler })).toEqual(['h'])
  }, 60_000)

  it('hold 10,000 fields, or lists of 100,000 values', () => {
    const fields = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`f${i}`, `v${i}`]))
    expect(ids(fields)).toEqual([])
    expect(ids({ ...fields, last: 'needle' })).toEqual(['h'])
    const list = Array.from({ length: 100_000 }, (_, i) => `v${i}`)
    expect(ids({ A: list })).toEqual([])
    expect(ids({ A: [...list, 'a needle'] })).toEqual(['h'])
  }, 60_000)

  it('nest 100,000 levels, in maps and in lists', () => {
    let map: JsonRecord = { A: 'needle' }
    let list: unknown = ['needle']
    for (let depth = 0; depth < 100_000; depth++) {
      map = { a: map } as JsonRecord
      list = [list]
    }
    expect(() => ids(map)).not.toThrow()
    expect(() => ids({ A: list } as JsonRecord)).not.toThrow()
    expect(ids({ a: { b: ['needle'] } })).toEqual(['h'])
  })

  it('name what objects have from birth', () => {
    const record = JSON.parse(
      '{"__proto__": {"A": "needle"}, "constructor": "x", "toString": null, "hasOwnProperty": 1}',
    )
    expect(ids(record)).toEqual(['h'])
    expect(ids({})).toEqual([])
  })
})
