import { describe, expect, it } from 'vitest'
import { guessIndicatorType, parseCsv, parseRecords } from './lines.ts'

describe('pasted lines', () => {
  it('reads CSV with quotes, line breaks inside cells and Windows line ends', () => {
    expect(parseCsv('a,b\r\n"x, ""y""","two\nlines"\r\n\r\n')).toEqual([
      ['a', 'b'],
      ['x, "y"', 'two\nlines'],
    ])
    expect(parseCsv('')).toEqual([])
  })

  it('reads records with a header or as JSON lines, and names the broken line', () => {
    expect(parseRecords('\uFEFFname,owner\n门户,张三')).toEqual([{ name: '门户', owner: '张三' }])
    expect(parseRecords('{"a":1}\n\n{"a":2}\n')).toEqual([{ a: 1 }, { a: 2 }])
    expect(() => parseRecords('{"a":1}\n{broken')).toThrow('2: {broken')
  })

  it('tells indicators apart', () => {
    const cases = {
      '10.0.0.1': 'ip',
      '2001:db8::1': 'ip',
      '10.0.0.0/8': 'cidr',
      '2001:db8::/32': 'cidr',
      'evil.example': 'domain',
      'http://evil.example/a': 'url',
      'a@b.cn': 'email',
    }
    for (const [value, type] of Object.entries(cases)) expect(guessIndicatorType(value), value).toBe(type)
    expect(guessIndicatorType('d'.repeat(64))).toBe('sha256')
    expect(guessIndicatorType('d'.repeat(32))).toBe('md5')
    expect(guessIndicatorType('not an indicator')).toBeUndefined()
  })
})
