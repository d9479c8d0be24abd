import fc from 'fast-check'
import { RE2JS } from 're2js'
import { describe, expect, it } from 'vitest'
import type { RegexFlags } from './predicate.ts'
import { compileRegex } from './regex.ts'
import { RegexAutomaton } from './regex-automaton.ts'
import { requiredLiterals } from './regex-literals.ts'

const none: RegexFlags = { ignoreCase: false, multiline: false, dotAll: false }

function reference(pattern: string, { ignoreCase, multiline, dotAll }: RegexFlags): RE2JS {
  const bits =
    (ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) | (multiline ? RE2JS.MULTILINE : 0) | (dotAll ? RE2JS.DOTALL : 0)
  return RE2JS.compile(pattern, bits)
}

const atoms = fc.constantFrom(
  'a',
  'b',
  'K',
  's',
  '_',
  '.',
  '\\.',
  '\\d',
  '\\w',
  '\\S',
  '[ab]',
  '[^a]',
  '[a-c_-]',
  '[^\\s]',
  '\\n',
  '-',
  '政',
  '😀',
  '\\b',
  '\\B',
  '^',
  '$',
  '(?:ab|b)',
  '(a|)',
  '\\x41',
  '{',
  'é',
)
const repeats = fc.constantFrom('', '', '', '*', '+', '?', '{2}', '{1,2}', '{0,1}', '+?', '{2,}')
const pieces = fc.tuple(atoms, repeats).map(([atom, repeat]) => (/^(\\[bB]|\^|\$)$/.test(atom) ? atom : atom + repeat))
const sequences = fc.array(pieces, { minLength: 1, maxLength: 5 }).map((list) => list.join(''))
const patterns = fc.oneof(
  { weight: 4, arbitrary: sequences },
  fc.tuple(sequences, sequences).map(([a, b]) => `${a}|${b}`),
  fc.tuple(sequences, repeats, sequences).map(([a, r, b]) => `(${a})${r}${b}`),
  sequences.map((a) => `(?i)${a}`),
  fc.tuple(sequences, sequences).map(([a, b]) => `${a}(?s-m:${b})`),
)
const texts = fc
  .array(fc.constantFrom('a', 'b', 'A', 'k', 'K', 'ſ', 's', '_', '.', '1', ' ', '\n', '-', '政', '😀', 'é', '{'), {
    maxLength: 10,
  })
  .map((list) => list.join(''))
const flags = fc.record({ ignoreCase: fc.boolean(), multiline: fc.boolean(), dotAll: fc.boolean() })

describe('regular expressions', () => {
  it('agrees with re2js on generated patterns and texts', () => {
    let own = 0
    let inBits = 0
    fc.assert(
      fc.property(patterns, flags, fc.array(texts, { minLength: 1, maxLength: 6 }), (pattern, given, list) => {
        const automaton = RegexAutomaton.compile(pattern, given)
        if (!automaton) return
        own++
        const judge = reference(pattern, given)
        for (const text of list) expect([text, automaton.test(text)]).toEqual([text, judge.test(text)])
        // The same expression beside one that is too large for states runs in bits.
        const large = RegexAutomaton.compile(`(?:${pattern})|z{399}`, given)
        if (!large) return
        inBits++
        for (const text of list) expect(['bits', text, large.test(text)]).toEqual(['bits', text, judge.test(text)])
      }),
      { numRuns: Number(process.env.WATCHFIRE_FUZZ_RUNS ?? 1500) },
    )
    expect(own).toBeGreaterThan(500)
    expect(inBits).toBeGreaterThan(500)
  }, 600_000)

  it('finds in every match one of the literals it requires', () => {
    fc.assert(
      fc.property(patterns, flags, texts, (pattern, given, text) => {
        const literals = requiredLiterals(pattern, given)
        if (!literals || !reference(pattern, given).test(text)) return
        expect(literals.some((literal) => text.toLowerCase().includes(literal))).toBe(true)
      }),
      { numRuns: Number(process.env.WATCHFIRE_FUZZ_RUNS ?? 1500) },
    )
  }, 600_000)

  it('refuses what is not RE2', () => {
    for (const pattern of ['(?=a)', '(a)\\1', 'a{2000}', '(', 'a**b)', '[z-a]'])
      expect(() => compileRegex(pattern, none)).toThrow()
  })

  it('leaves what it does not know to the general engine', () => {
    expect(RegexAutomaton.compile('\\p{L}+', none)).toBeUndefined()
    expect(compileRegex('^\\p{L}+$', none).test('Привет')).toBe(true)
    expect(RegexAutomaton.compile('(a?){900}x', none)).toBeUndefined()
    expect(compileRegex('[[:alpha:]]', none).test('1a')).toBe(true)
  })

  it('stays linear where backtracking explodes, and bounded where states do', () => {
    for (const pattern of ['(a+)+$', '(a|aa)+c', '(.*)(.*)(.*)(.*)x', '[ab]*a[ab]{12}c', 'echo.*clip.*&&.*(Clip|x)']) {
      const automaton = RegexAutomaton.compile(pattern, none)!
      const text = `${'ab'.repeat(4000)}${'a'.repeat(8000)}!`
      expect(automaton.test(text)).toBe(false)
    }
  })

  it('runs large repeats and texts that need ever new states in bits, and refuses what only the general engine could run', () => {
    const texts = [
      ['ab'.repeat(5e5), false],
      [`${'ab'.repeat(5e5)}abbabaac`, true],
    ] as const
    for (const pattern of ['[ab]*a[ab]{16}[c]', 'a[ab]{900}c', '(a|b)*a(?:a|b){200}c', '\\B[ab]{300}c$'])
      for (const [text, expected] of texts)
        expect([pattern, compileRegex(pattern, none).test(text)]).toEqual([pattern, expected])
    expect(() => compileRegex('\\p{L}{900}', none)).toThrow(RangeError)
  })
})
