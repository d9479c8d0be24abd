import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { shippedContentDir } from '../../config/content-dir.ts'
import type { CompiledRule } from './compile.ts'
import { SigmaEngine } from './engine.ts'
import { detections, records } from './generated-for-tests.ts'
import { loadLookups } from './logsource.ts'
import { parseSigma } from './parse.ts'
import { anyText, type Pattern } from './pattern.ts'
import type { Expression, FieldTest, Predicate } from './predicate.ts'
import type { JsonRecord } from './reader.ts'
import { compileRuleSet } from './ruleset.ts'

/**
 * The judge of the fast engine: no index, no memo, no shared slots, no cache, patterns as regular expressions of V8. It walks the
 * condition for one record and asks each predicate of each value.
 */
function judge(rule: CompiledRule, record: JsonRecord): boolean {
  const walk = (expression: Expression): boolean => {
    switch (expression.kind) {
      case 'part':
        return walk(expression.child)
      case 'not':
        return !walk(expression.child)
      case 'and':
        return expression.children.every(walk)
      case 'or':
        return expression.children.some(walk)
      case 'test':
        return judgeTest(expression.test, record)
    }
  }
  return walk(rule.expression)
}

function judgeTest({ field, predicates }: FieldTest, record: JsonRecord): boolean {
  const members = field === undefined ? leaves(record) : valuesAt(record, field)
  return predicates.some((predicate) => judgePredicate(predicate, members, field, record))
}

function judgePredicate(
  predicate: Predicate,
  members: unknown[],
  field: string | undefined,
  record: JsonRecord,
): boolean {
  const texts = textsOf(members)
  const level = (text: string, cased: boolean) => (cased ? text : text.toLowerCase().replaceAll('ς', 'σ'))
  switch (predicate.kind) {
    case 'text': {
      const { operator, text: needle, cased } = predicate
      return texts.some((text) => compare(operator, level(text, cased), needle))
    }
    case 'pattern':
      return texts.some((text) => regexOf(predicate.pattern).test(level(text, predicate.cased)))
    case 'regex': {
      const { ignoreCase, multiline, dotAll } = predicate.flags
      const regex = new RegExp(
        predicate.pattern,
        `u${ignoreCase ? 'i' : ''}${multiline ? 'm' : ''}${dotAll ? 's' : ''}`,
      )
      return texts.some((text) => regex.test(text))
    }
    case 'compare': {
      const { operator, number } = predicate
      const holds = {
        lt: (n: number) => n < number,
        lte: (n: number) => n <= number,
        gt: (n: number) => n > number,
        gte: (n: number) => n >= number,
      }
      return texts.some((text) => /^-?\d+(\.\d+)?$/.test(text) && holds[operator](Number(text)))
    }
    case 'field': {
      const others = textsOf(valuesAt(record, predicate.field))
      return texts.some((text) =>
        others.some((other) => compare(predicate.operator, text.toLowerCase(), other.toLowerCase())),
      )
    }
    case 'null':
      return members.every((member) => member === null)
    case 'any':
      return members.some((member) => member !== null)
    case 'exists':
      return (field !== undefined && record[field] !== undefined) === predicate.expected
    default:
      throw new TypeError(`the judge does not know ${predicate.kind}`)
  }
}

function compare(operator: string, text: string, needle: string): boolean {
  if (operator === 'equals') return text === needle
  if (operator === 'startswith') return text.slice(0, needle.length) === needle
  if (operator === 'endswith') return needle === '' || text.slice(-needle.length) === needle
  return text.indexOf(needle) >= 0
}

function regexOf(pattern: Pattern): RegExp {
  const source = pattern.map((part) =>
    typeof part === 'string' ? part.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&') : part === anyText ? '.*' : '.',
  )
  return new RegExp(`^${source.join('')}$`, 'su')
}

function valuesAt(record: JsonRecord, field: string): unknown[] {
  const value = record[field]
  if (value === undefined) return []
  return Array.isArray(value) ? value : [value]
}

function leaves(value: unknown): unknown[] {
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [value]
}

function textsOf(members: unknown[]): string[] {
  return members.filter((member) => member !== null && typeof member !== 'object').map(String)
}

const lookups = loadLookups(shippedContentDir())

describe('the fast engine', () => {
  it('agrees with the naive judge on generated rules and records', () => {
    fc.assert(
      fc.property(
        fc.array(detections, { minLength: 1, maxLength: 12 }),
        fc.array(records, { minLength: 1, maxLength: 8 }),
        (list, events) => {
          const documents = list.map((detection, index) =>
            JSON.stringify({ title: `rule ${index}`, id: `r${index}`, logsource: {}, detection }),
          )
          const set = compileRuleSet([parseSigma(documents.join('\n---\n'), 'generated.yml')])
          const engine = new SigmaEngine(set, lookups)
          // Each record twice: the second time its values are remembered.
          for (const event of [...events, ...events]) {
            const expected = set.rules.filter((rule) => judge(rule, event)).map(({ document }) => document.id)
            expect(engine.matchRecord(event, {}).map(({ rule }) => rule.document.id)).toEqual(expected)
          }
        },
      ),
      { numRuns: Number(process.env.WATCHFIRE_FUZZ_RUNS ?? 400) },
    )
  }, 600_000)
})
