import { beforeEach, describe, expect, it, vi } from 'vitest'

const counted = vi.hoisted(() => ({ parsed: 0 }))
vi.mock('yaml', async (importOriginal) => {
  const yaml = await importOriginal<typeof import('yaml')>()
  return {
    ...yaml,
    parseAllDocuments: (...parameters: Parameters<typeof yaml.parseAllDocuments>) => {
      counted.parsed += parameters[0].length
      return yaml.parseAllDocuments(...parameters)
    },
  }
})

import { parseSigma } from './parse.ts'
import { compileRuleSet } from './ruleset.ts'
import { locate } from './yaml.ts'

const rule = (id: number, field: string) =>
  `title: r${id}\nid: r${id}\nlogsource: {product: test}\ndetection:\n  s:\n    ${field}: one\n  condition: s\n`
const fileOf = (length: number, field: string) => Array.from({ length }, (_, id) => rule(id, field)).join('---\n')

describe('places in a rule file', () => {
  beforeEach(() => {
    counted.parsed = 0
  })

  it.each([
    ['refused documents', 'A|foo', 6],
    ['warnings', 'A|contains|all', 6],
  ])('reads a file of 300 %s once, whatever it finds in it', (_, field, line) => {
    const text = fileOf(300, field)
    const set = compileRuleSet([parseSigma(text, 'a.yml')])
    const places = [...set.refused, ...set.rules.flatMap(({ warnings }) => warnings)]
    expect(places.map((place) => place.line)).toEqual(Array.from({ length: 300 }, (_, id) => line + 8 * id))
    expect(counted.parsed).toBe(text.length)
  })

  it('reads again when another text came between, and finds the same place', () => {
    const [one, other] = [fileOf(3, 'A'), fileOf(2, 'B')]
    const path = ['detection', 's', 'A']
    const first = locate(one, 2, path)
    expect(locate(other, 1, path)).toEqual({ line: 13, column: 3 })
    expect(locate(one, 2, path)).toEqual(first)
    expect(first).toEqual({ line: 22, column: 5 })
    expect(counted.parsed).toBe(2 * one.length + other.length)
  })

  it('tells the nearest part that is there', () => {
    expect(locate('a:\n  b: [1, {c: 2}]\n', 0, ['a', 'b', 1, 'c'])).toEqual({ line: 2, column: 11 })
    expect(locate('a:\n  b: 1\n', 0, ['a', 'x'])).toEqual({ line: 1, column: 1 })
    expect(locate('', 0, ['a'])).toEqual({ line: 1, column: 1 })
  })
})
