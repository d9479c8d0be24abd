import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CodedError } from './errors.ts'
import { type Pattern, type PatternPart, type Query, queryFields, queryLimits } from './query.ts'
import { parseQuery } from './query-parse.ts'
import { printQuery } from './query-print.ts'
import { queryProblemCodes } from './query-problem.ts'
import { queryFieldType } from './query-value.ts'

const literal = (text: string): Pattern => (text === '' ? [] : [{ kind: 'literal', text }])
const match = (field: string, text: string): Query => ({ kind: 'match', field, pattern: literal(text) })
const word = (text: string): Query => ({ kind: 'text', pattern: literal(text) })

describe('what a query text means', () => {
  const cases: [string, Query][] = [
    ['', { kind: 'all' }],
    ['  * ', { kind: 'all' }],
    ['user.name:root', match('user.name', 'root')],
    ['user.name : root', match('user.name', 'root')],
    ['user.name：root', match('user.name', 'root')],
    ['user.name:"a b"', match('user.name', 'a b')],
    ['user.name:“张 三”', match('user.name', '张 三')],
    ['user.name:""', match('user.name', '')],
    ['user.name:*', { kind: 'exists', field: 'user.name' }],
    ['_exists_:user.name', { kind: 'exists', field: 'user.name' }],
    ['process.executable:C:\\Windows\\cmd.exe', match('process.executable', 'C:\\Windows\\cmd.exe')],
    ['process.executable:"C:\\\\a\\b"', match('process.executable', 'C:\\a\\b')],
    ['source.ip:FE80::0001', match('source.ip', 'fe80::1')],
    ['source.ip:10.0.0.0/8', { kind: 'cidr', field: 'source.ip', network: '10.0.0.0', prefixBits: 8 }],
    ['source.port >= 1024', { kind: 'range', field: 'source.port', low: { value: '1024', inclusive: true } }],
    ['source.port:<0080', { kind: 'range', field: 'source.port', high: { value: '80', inclusive: false } }],
    [
      'source.port:[1 TO 80}',
      {
        kind: 'range',
        field: 'source.port',
        low: { value: '1', inclusive: true },
        high: { value: '80', inclusive: false },
      },
    ],
    ['source.port:[* to *]', { kind: 'exists', field: 'source.port' }],
    [
      '@timestamp:>2026-01-31T08:00:00+08:00',
      { kind: 'range', field: '@timestamp', low: { value: '2026-01-31T00:00:00.000Z', inclusive: false } },
    ],
    ['failed password', { kind: 'and', items: [word('failed'), word('password')] }],
    ['"failed password"', word('failed password')],
    ['a AND b Or c', { kind: 'or', items: [{ kind: 'and', items: [word('a'), word('b')] }, word('c')] }],
    ['a && (b || c)', { kind: 'and', items: [word('a'), { kind: 'or', items: [word('b'), word('c')] }] }],
    [
      'not a -b !c +d',
      { kind: 'and', items: [...['a', 'b', 'c'].map((text): Query => ({ kind: 'not', item: word(text) })), word('d')] },
    ],
    [
      'user.name:(a or not b)',
      { kind: 'or', items: [match('user.name', 'a'), { kind: 'not', item: match('user.name', 'b') }] },
    ],
    ['登录失败（root）', { kind: 'and', items: [word('登录失败'), word('root')] }],
    ['uid=0', word('uid=0')],
    ['12:30:01', word('12:30:01')],
    ['order android', { kind: 'and', items: [word('order'), word('android')] }],
    ['fail*ed\\*', { kind: 'text', pattern: [...literal('fail'), { kind: 'any' }, ...literal('ed*')] }],
    [
      'user.name:adm?n**',
      {
        kind: 'match',
        field: 'user.name',
        pattern: [...literal('adm'), { kind: 'one' }, ...literal('n'), { kind: 'any' }],
      },
    ],
    ['winlog.event_data.Any:x', match('winlog.event_data.Any', 'x')],
  ]
  test.each(cases)('%s', (text, expected) => {
    expect(parseQuery(text)).toEqual(expected)
  })
})

describe('what is refused, and where', () => {
  const cases: [string, number, string[]?][] = [
    ['user.nmae:root', 0, ['user.name']],
    ['a and usr.name:root', 6, ['user.name']],
    ['(a or b', 0],
    ['a)', 1],
    ['a and', 2],
    ['and a', 0],
    ['user.name:', 10],
    ['user.name:"open', 10],
    ['source.port:http', 12],
    ['source.port:4*', 12],
    ['source.ip:10.0.0.0/33', 10],
    ['source.ip:300.1.1.1', 10],
    ['source.port:[1 80]', 12],
    ['source.port:[1 TO 80', 12],
    ['@timestamp:>yesterday', 12],
    ['http://example.org/', 0],
    ['()', 1],
    [`${'('.repeat(60)}a${')'.repeat(60)}`, queryLimits.depth],
  ]
  test.each(cases)('%s', (text, position, suggestions) => {
    const error = failure(text)
    expect(error.code).toBe('QUERY_INVALID')
    expect(error.detail.position).toBe(position)
    if (suggestions) expect(error.detail.suggestions).toEqual(expect.arrayContaining(suggestions))
  })

  test('every problem comes with its parameters, so that a client can say it in another language', () => {
    const others = ['zzqx.yyqx:1', 'user.name:(a or', '"open', 'a or )', 'source.port:[1 TO 8*]', 'x:=']
    const texts = [
      ...cases.map(([text]) => text),
      ...others,
      ...['process.pid:>*', 'event.created:2026-13-01', 'dns.answers:>', 'tls.established:>true'],
      'a '.repeat(queryLimits.terms + 1),
      'a'.repeat(queryLimits.characters + 1),
    ]
    const seen = new Set<unknown>()
    for (const text of texts) {
      const { message, detail } = failure(text)
      expect(message, text).not.toMatch(/[{}]|undefined/)
      expect(Object.values(detail.parameters as object).every((value) => typeof value === 'string')).toBe(true)
      seen.add(detail.problem)
    }
    expect([...seen].sort()).toEqual([...queryProblemCodes].sort())
  })

  test('more terms than the bound', () => {
    expect(failure('a '.repeat(queryLimits.terms + 1)).code).toBe('QUERY_INVALID')
    expect(failure('a'.repeat(queryLimits.characters + 1)).code).toBe('QUERY_INVALID')
  })
})

test('names the fields it reads', () => {
  expect(queryFields(parseQuery('user.name:a and (source.ip:1.2.3.4 or not user.name:b) x'))).toEqual([
    'user.name',
    'source.ip',
  ])
})

test('whatever is written, it parses or is refused with a code', () => {
  const alphabet = [
    'user.name',
    'source.port',
    'source.ip',
    ':',
    '(',
    ')',
    '"',
    '\\',
    '*',
    '?',
    ' ',
    'and',
    'or',
    'not',
    '-',
    '[',
    ']',
    'TO',
    '{',
    '}',
    '>=',
    '<',
    '1',
    'a',
    '登',
    '：',
    '（',
    '“',
    '/',
    '10.0.0.0',
    '\u0000',
    '\ud800',
  ]
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fc.constantFrom(...alphabet), { maxLength: 30 }).map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(texts, (text) => {
      let query: Query
      try {
        query = parseQuery(text)
      } catch (error) {
        expect(error).toBeInstanceOf(CodedError)
        expect((error as CodedError).code).toBe('QUERY_INVALID')
        return
      }
      expect(parseQuery(printQuery(query))).toEqual(query)
    }),
    { numRuns: 3000 },
  )
})

test('a query printed and read again is the same query', () => {
  fc.assert(
    fc.property(queries, (query) => {
      expect(parseQuery(printQuery(query))).toEqual(query)
    }),
    { numRuns: 2000 },
  )
})

test('hostile texts end well before the time a test may take', () => {
  const hostile = [
    '('.repeat(4000),
    'not '.repeat(1000),
    `${'a*'.repeat(2000)}`,
    `"${'\\'.repeat(4000)}`,
    `${'x'.repeat(4000)}:1`,
    `${'a.'.repeat(2000)}b:1`,
    ' '.repeat(4096),
  ]
  for (const text of hostile) {
    try {
      parseQuery(text)
    } catch (error) {
      expect(error).toBeInstanceOf(CodedError)
    }
  }
})

const text = fc.string({ unit: 'grapheme', maxLength: 12 })
const patterns: fc.Arbitrary<Pattern> = fc
  .array(
    fc.oneof(
      text.map((value): PatternPart => ({ kind: 'literal', text: value })),
      fc.constantFrom<PatternPart>({ kind: 'any' }, { kind: 'one' }),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map(merged)
  .filter((pattern) => !(pattern.length === 1 && pattern[0]?.kind === 'any'))

function merged(parts: PatternPart[]): Pattern {
  const result: PatternPart[] = []
  for (const part of parts) {
    const last = result.at(-1)
    if (part.kind === 'literal' && part.text === '') continue
    if (part.kind === 'literal' && last?.kind === 'literal') result.splice(-1, 1, literal(last.text + part.text)[0]!)
    else if (part.kind !== 'any' || last?.kind !== 'any') result.push(part)
  }
  return result
}

const fields = fc.constantFrom(
  'user.name',
  'source.port',
  'source.ip',
  'message',
  'winlog.event_data.X',
  '@timestamp',
  'process.exit_code',
)
const valuesOfType: Record<string, fc.Arbitrary<string>> = {
  long: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
  ip: fc.ipV4(),
  date: fc
    .date({ min: new Date('1970-01-01T00:00:00Z'), max: new Date('2100-01-01T00:00:00Z'), noInvalidDate: true })
    .map((date) => date.toISOString()),
  keyword: text.filter((value) => value !== ''),
  text: text.filter((value) => value !== ''),
}
const bounds = (field: string) => fc.record({ value: valuesOfType[queryFieldType(field)]!, inclusive: fc.boolean() })
const leaves: fc.Arbitrary<Query> = fc.oneof(
  patterns.map((pattern): Query => ({ kind: 'text', pattern })),
  fields.map((field): Query => ({ kind: 'exists', field })),
  fc
    .constantFrom('user.name', 'message', 'winlog.event_data.X')
    .chain((field) => patterns.map((pattern): Query => ({ kind: 'match', field, pattern }))),
  fields.chain((field) => valuesOfType[queryFieldType(field)]!.map((value) => match(field, value))),
  fields.chain((field) => bounds(field).map((low): Query => ({ kind: 'range', field, low }))),
  fields.chain((field) =>
    fc.tuple(bounds(field), bounds(field)).map(([low, high]): Query => ({ kind: 'range', field, low, high })),
  ),
  fc
    .tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }))
    .map(([network, prefixBits]): Query => ({ kind: 'cidr', field: 'source.ip', network, prefixBits })),
)
const queries: fc.Arbitrary<Query> = fc.letrec<{ query: Query }>((tie) => ({
  query: fc.oneof(
    { maxDepth: 4 },
    leaves,
    tie('query').map((item): Query => ({ kind: 'not', item })),
    fc.tuple(fc.constantFrom<'and' | 'or'>('and', 'or'), fc.array(tie('query'), { minLength: 2, maxLength: 3 })).map(
      ([kind, items]): Query => ({
        kind,
        items: items.flatMap((item) => (item.kind === kind ? item.items : [item])),
      }),
    ),
  ),
})).query

function failure(text: string): CodedError {
  try {
    parseQuery(text)
  } catch (error) {
    if (error instanceof CodedError) return error
    throw error
  }
  throw new Error(`${text} was accepted`)
}
