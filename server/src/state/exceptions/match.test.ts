import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileException, compileUnlink, type Excepted, matchesWildcard } from './match.ts'

const detection: Excepted = {
  ruleId: 'port_scan',
  detector: 'sigma',
  severity: 'medium',
  sourceKey: 'syslog:10.0.0.1',
  unitPath: '/1/7/3/',
  entities: [
    { type: 'ip', value: '10.9.9.9', role: 'actor' },
    { type: 'host', value: 'web-01', role: 'target' },
  ],
  fields: {
    'process.name': 'Nessusd',
    'destination.port': 443,
    tags: ['a', ['b', 'Scan']],
    'source.ip': '2001:db8::5',
    empty: null,
  },
}

const covers = (part: Partial<Parameters<typeof compileException>[0]>) =>
  compileException({ ruleIds: [], conditions: [], unitPath: '/1/', ...part })(detection)

test('wildcards mean what the regular expression made from them means', () => {
  const literal = fc.constantFrom('a', 'b', '.', '\\', '中')
  const pieces = fc.array(fc.oneof(literal, fc.constantFrom('*', '?')), { maxLength: 12 })
  fc.assert(
    fc.property(pieces, fc.array(literal, { maxLength: 14 }), (pattern, value) => {
      const meanings: Record<string, string> = { '*': '.*', '?': '.', '.': '\\.', '\\': '\\\\' }
      const source = pattern.map((one) => meanings[one] ?? one)
      const expected = new RegExp(`^${source.join('')}$`, 's').test(value.join(''))
      expect(matchesWildcard(value.join(''), pattern.join(''))).toBe(expected)
    }),
    { numRuns: 2_000 },
  )
})

test('a hostile wildcard takes no longer than it should', () => {
  // Processor time of this program alone: a busy machine adds nothing to it, backtracking adds years.
  const before = process.cpuUsage()
  expect(matchesWildcard('a'.repeat(20_000), `${'a*'.repeat(400)}b`)).toBe(false)
  expect(process.cpuUsage(before).user).toBeLessThan(8_000_000)
})

describe('conditions', () => {
  test.each([
    ['process.name', 'equals', ['nessusd'], true],
    ['process.name', 'equals', ['nessus', 'NESSUSD'], true],
    ['process.name', 'equals', ['nessus'], false],
    ['process.name', 'wildcard', ['ness?s*'], true],
    ['process.name', 'contains', ['SSU'], true],
    ['process.name', 'starts_with', ['nes'], true],
    ['process.name', 'ends_with', ['nes'], false],
    ['destination.port', 'equals', ['443'], true],
    ['tags', 'equals', ['scan'], true],
    ['source.ip', 'cidr', ['2001:DB8::/32'], true],
    ['source.ip', 'cidr', ['10.0.0.0/8'], false],
    ['process.name', 'cidr', ['0.0.0.0/0', '::/0'], false],
    ['entity', 'equals', ['WEB-01'], true],
    ['entity.ip', 'cidr', ['10.9.0.0/16'], true],
    ['entity.host', 'equals', ['10.9.9.9'], false],
    ['empty', 'wildcard', ['*'], false],
    ['absent', 'wildcard', ['*'], false],
    ['detector', 'equals', ['sigma'], true],
    ['severity', 'equals', ['high'], false],
    ['source.key', 'starts_with', ['syslog:'], true],
  ] as const)('%s %s %j -> %s', (field, operator, values, expected) => {
    expect(covers({ conditions: [{ field, operator, values: [...values] }] })).toBe(expected)
  })

  test('unit, rules and every condition must hold', () => {
    expect(covers({})).toBe(true)
    expect(covers({ unitPath: '/1/7/3/' })).toBe(true)
    expect(covers({ unitPath: '/1/8/' })).toBe(false)
    expect(covers({ ruleIds: ['other'] })).toBe(false)
    expect(covers({ ruleIds: ['other', 'port_scan'] })).toBe(true)
    const right = { field: 'entity', operator: 'equals' as const, values: ['web-01'] }
    const wrong = { ...right, values: ['web-02'] }
    expect(covers({ conditions: [right, wrong] })).toBe(false)
  })

  test.each(['10.0.0.0/', '10.0.0.0/33', '10.0.0/8', 'ten', '10.0.0.0/8/8', '/8'])(
    'the range %s is refused',
    (value) => {
      expect(() => covers({ conditions: [{ field: 'source.ip', operator: 'cidr', values: [value] }] })).toThrow(
        RangeError,
      )
    },
  )

  test('unlinking names the entities its conditions name, where the rest covers', () => {
    const named = (conditions: Parameters<typeof compileUnlink>[0]['conditions']) =>
      compileUnlink({ ruleIds: [], conditions, unitPath: '/1/' })(detection).map(({ value }) => value)
    const scanner = { field: 'entity.ip', operator: 'cidr' as const, values: ['10.9.9.0/24'] }
    expect(named([scanner])).toEqual(['10.9.9.9'])
    expect(named([scanner, { field: 'entity', operator: 'equals', values: ['web-01'] }])).toEqual([
      '10.9.9.9',
      'web-01',
    ])
    expect(named([scanner, { field: 'severity', operator: 'equals', values: ['low'] }])).toEqual([])
  })
})
