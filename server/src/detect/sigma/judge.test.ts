import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { shippedContentDir } from '../../config/content-dir.ts'
import { SigmaEngine } from './engine.ts'
import { type Json, judgeDetection } from './judge-for-tests.ts'
import { loadLookups } from './logsource.ts'
import { parseSigma } from './parse.ts'
import type { JsonRecord } from './reader.ts'
import { compileRuleSet } from './ruleset.ts'

const lookups = loadLookups(shippedContentDir())
const placeholders = { users: ['adm', 'B*b', '政'], one: ['.exe'] }

/** Few pieces, so that needles and values meet; among them what trips up case, escapes, UTF-16 and Base64. */
const piece = fc.constantFrom(
  'a', 'B', 'ab', '.', '\\', '\\\\', '-', '/', ' ', '-a', ' /b', '–', 'EXE', 'ſ', 'K', 'Σ', 'ς', 'σ', 'İ', 'ｉ', '😀', '😁', '政', '\n', '"', "'", '%', '0', '1', '12', '_',
) // biome-ignore format: a list
const text = fc.array(piece, { maxLength: 6 }).map((parts) => parts.join(''))
const literal = fc.array(piece, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(''))
const needle = fc
  .array(fc.oneof({ weight: 3, arbitrary: piece }, fc.constantFrom('*', '?', '\\*', '\\?', '\\\\*', '\\\\\\*')), {
    minLength: 1,
    maxLength: 4,
  })
  .map((parts) => parts.join(''))
const encoded = fc
  .tuple(text, fc.constantFrom('utf8', 'utf16le'), fc.integer({ min: 0, max: 2 }))
  .map(([value, encoding, before]) =>
    Buffer.concat([
      Buffer.alloc(before, 'x'),
      Buffer.from(value, encoding as BufferEncoding),
      Buffer.from('y'),
    ]).toString('base64'),
  )
const special = fc.constantFrom<Json>(
  '10.0.0.5', '10.1.2.3', '192.168.1.1', '2001:db8::5', '2001:DB8:0:0::5', 'fe80::1', '::1', '10.0.0', '1.2.3.4.5', '2026-01-01', '2024-12-30T23:59:01Z', '2021-01-03 05:06:07', '2020-02-29T00:00:00+08:00', '1767225600', 1767225600000, 'adm', 'badm.exe', 'b-x-b', 'bxb', '5', '5.0', 5.5, -3, '+3', '1e1', 10, '0x10', ' 5', '05', 1e21, true, 'True', 'false', '', '*', 'null',
) // biome-ignore format: a list
const scalar: fc.Arbitrary<Json> = fc.oneof(
  { weight: 5, arbitrary: text },
  { weight: 3, arbitrary: special },
  encoded,
  fc.integer({ min: -2, max: 12 }),
  fc.boolean(),
  fc.constant(null),
)
const list = fc.array(scalar, { maxLength: 3 }) as fc.Arbitrary<Json>
const nested = fc.oneof(
  fc.dictionary(fc.constantFrom('b', 'c', 'b.c'), fc.oneof(scalar, list), { maxKeys: 2 }),
  fc.array(fc.oneof(scalar, fc.dictionary(fc.constantFrom('b', 'c'), scalar, { maxKeys: 2 })), { maxLength: 3 }),
) as fc.Arbitrary<Json>
const record = fc.dictionary(
  fc.constantFrom('A', 'B', 'C', 'a.b', 'a', 'a.b.c'),
  fc.oneof({ weight: 5, arbitrary: scalar }, { weight: 2, arbitrary: list }, nested),
  { maxKeys: 5 },
)

const field = fc.constantFrom('A', 'B', 'C', 'a.b', 'a.b.c', 'a.c', 'a')
const many = <T extends Json>(value: fc.Arbitrary<T>): fc.Arbitrary<Json> =>
  fc.oneof(value as fc.Arbitrary<Json>, fc.array(value, { minLength: 1, maxLength: 3 }) as fc.Arbitrary<Json>)
const item = (modifiers: readonly string[], value: fc.Arbitrary<Json>) =>
  fc
    .tuple(field, fc.constantFrom(...modifiers), value)
    .map(([name, suffix, wanted]): [string, Json] => [name + suffix, wanted])
const positions = ['', '|contains', '|startswith', '|endswith']
const items = fc.oneof(
  {
    weight: 6,
    arbitrary: item(
      positions.flatMap((position) => [
        position,
        `${position}|cased`,
        `|cased${position}`,
        `${position}|neq`,
        `${position}|all`,
      ]),
      many(needle),
    ),
  },
  item(
    positions.flatMap((position) => [`|windash${position}`, `${position}|windash`, `${position}|all|windash`]),
    many(needle),
  ),
  item(
    [''],
    many(
      fc.oneof(
        fc.integer({ min: -2, max: 12 }) as fc.Arbitrary<Json>,
        fc.constantFrom<Json>(5.5, 1e21, true, false, '', '*', '**', '10', '5.0'),
      ),
    ),
  ),
  item(['', '|neq'], fc.constantFrom<Json>(null, [])),
  item(['|lt', '|lte', '|gt', '|gte', '|gt|neq'], many(fc.constantFrom<Json>(5, 0, -1, 5.5, '5', '1e1', 10))),
  item(['|exists'], fc.boolean()),
  item(
    ['|cidr', '|cidr|neq'],
    many(
      fc.constantFrom<Json>(
        '10.0.0.0/8',
        '10.0.0.5',
        '0.0.0.0/0',
        '2001:db8::/32',
        '::/0',
        'fe80::/10',
        '192.168.1.0/31',
      ),
    ),
  ),
  item(
    [
      '|fieldref',
      '|fieldref|contains',
      '|fieldref|startswith',
      '|fieldref|endswith',
      '|fieldref|neq',
      '|fieldref|cased',
      '|contains|fieldref',
    ],
    field,
  ),
  item(
    ['|re', '|re|i', '|re|s', '|re|m', '|re|i|m|s', '|re|multiline'],
    many(
      fc.constantFrom<Json>(
        'a+b',
        '^a',
        'b$',
        'a.b',
        '(ab|EXE).*',
        '[^a]B{1,2}',
        '\\.exe$',
        'x??a',
        '(?:a|b)+$',
        '\\d+',
        '\\bEXE\\b',
        '政|😀',
        '^.$',
        '^\\s',
        '[\\w.]+$',
        'a{0}b',
      ),
    ),
  ),
  item(['|re|expand'], fc.constantFrom<Json>('^%users%', 'b%one%$', '\\%')),
  item(
    positions.map((position) => `|expand${position}`),
    many(fc.constantFrom<Json>('%users%', 'b%users%%one%', '\\%', '%one%*', 'a%b')),
  ),
  item(
    ['|base64|contains', '|base64', '|base64offset|contains', '|base64offset|contains|all'],
    many(literal.filter((value) => !/[*?]/.test(value))),
  ),
  item(
    ['wide', 'utf16le', 'utf16be', 'utf16'].flatMap((encoding) => [
      `|${encoding}|base64|contains`,
      `|${encoding}|base64offset|contains`,
    ]),
    many(literal),
  ),
  item(
    ['minute', 'hour', 'day', 'week', 'month', 'year'].flatMap((part) => [`|${part}`, `|${part}|gte`, `|${part}|lt`]),
    many(fc.constantFrom<Json>(0, 1, 5, 23, 52, 53, 2020, 2026, '12')),
  ),
)
const maps = fc.array(items, { minLength: 1, maxLength: 3 }).map((entries) => Object.fromEntries(entries) as Json)
const keyword = needle.filter((value) => !/^\*+$/.test(value)) as fc.Arbitrary<Json>
const keywords = fc.oneof(
  keyword,
  fc.integer({ min: 0, max: 12 }) as fc.Arbitrary<Json>,
  fc.array(keyword, { minLength: 1, maxLength: 3 }) as fc.Arbitrary<Json>,
  fc.array(keyword, { minLength: 1, maxLength: 3 }).map((all): Json => ({ '|all': all })),
  fc.constantFrom<Json>('a+b', 'EXE$').map((re): Json => ({ '|re': re })),
)
const identifier = fc.oneof(
  { weight: 6, arbitrary: maps },
  keywords,
  fc.array(fc.oneof(maps, keyword), { minLength: 1, maxLength: 3 }) as fc.Arbitrary<Json>,
)
const names = ['x', 'x_2', '_hidden', 'notepad', 'order.1']
const condition = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom(
      'x',
      'x_2',
      'notepad',
      '_hidden',
      'not x',
      '1 of them',
      'all of them',
      'any of x*',
      'all of x*',
      'not 1 of _*',
      '1 of *d*',
      'all of order*',
    ),
    fc
      .tuple(tie('node'), fc.constantFrom(' and ', ' or ', ' and not ', ' AND ', '  or\n '), tie('node'))
      .map((parts) => parts.join('')),
    tie('node').map((inner) => `not (${inner})`),
    tie('node').map((inner) => `(${inner})`),
  ),
})).node
const detection = fc.tuple(fc.tuple(identifier, identifier, identifier, identifier, identifier), many(condition)).map(
  ([list_, wanted]): Json => ({
    ...Object.fromEntries(names.map((name, i) => [name, list_[i]!])),
    condition: wanted,
  }),
)

describe('the engine against an evaluator written from the specification', () => {
  it('gives its answer on generated rules of every modifier and records of every shape', () => {
    fc.assert(
      fc.property(
        fc.array(detection, { minLength: 1, maxLength: 8 }),
        fc.array(record, { minLength: 1, maxLength: 6 }),
        (rules, records) => {
          const documents = rules.map((body, i) =>
            JSON.stringify({ title: `r${i}`, id: `r${i}`, logsource: {}, detection: body }),
          )
          const set = compileRuleSet([parseSigma(documents.join('\n---\n'), 'generated.yml')], {
            placeholders: new Map(Object.entries(placeholders)),
          })
          // What is said to be impossible must never match.
          expect(set.refused.filter(({ reason }) => reason !== 'impossible')).toEqual([])
          const engine = new SigmaEngine(set, lookups)
          for (const event of [...records, ...records]) {
            const expected = rules.flatMap((body, i) => (judgeDetection(body, event, placeholders) ? [`r${i}`] : []))
            expect(engine.matchRecord(event as JsonRecord, {}).map(({ rule }) => rule.document.id)).toEqual(expected)
          }
        },
      ),
      { numRuns: Number(process.env.WATCHFIRE_FUZZ_RUNS ?? 300) },
    )
  }, 600_000)
})
