import type { Condition } from './parser-file.ts'
import { requireLinear } from './pattern.ts'
import { type FilePath, ParserProblem } from './problem.ts'
import type { Run } from './run.ts'
import { createReader } from './value.ts'

type Test = (value: unknown) => boolean

/** A condition of a parser file as a function: every named value must pass its test. */
export function compileCondition(condition: Condition, path: FilePath): (run: Run) => boolean {
  const tests = Object.entries(condition).map(([name, test]) => ({
    read: createReader(name),
    passes: compileTest(test, [...path, name]),
  }))
  return (run) => {
    for (const { read, passes } of tests) if (!passes(read(run))) return false
    return true
  }
}

/** Texts and numbers compare by their text; a list of values passes when one member does. */
function compileTest(test: Condition[string], path: FilePath): Test {
  if (Array.isArray(test)) {
    const values = new Set(test.map(String))
    return any((text) => values.has(text))
  }
  if (typeof test !== 'object') {
    const expected = String(test)
    return any((text) => text === expected)
  }
  const tests: Test[] = []
  if (test.exists !== undefined)
    tests.push((value) => (value !== undefined && value !== null && value !== '') === test.exists)
  if (test.starts !== undefined) tests.push(anyOf(test.starts, (text, part) => text.startsWith(part)))
  if (test.ends !== undefined) tests.push(anyOf(test.ends, (text, part) => text.endsWith(part)))
  if (test.contains !== undefined) tests.push(anyOf(test.contains, (text, part) => text.includes(part)))
  if (test.not !== undefined) {
    const passes = compileTest(test.not, path)
    tests.push((value) => !passes(value))
  }
  if (test.matches !== undefined) {
    requireLinear(test.matches, path)
    let regex: RegExp
    try {
      regex = new RegExp(test.matches)
    } catch (error) {
      throw new ParserProblem(path, `${test.matches} is no regular expression: ${(error as Error).message}`)
    }
    tests.push(any((text) => regex.test(text)))
  }
  const { gte, lt } = test
  if (gte !== undefined) tests.push((value) => Number(value) >= gte)
  if (lt !== undefined) tests.push((value) => Number(value) < lt)
  return (value) => tests.every((passes) => passes(value))
}

function any(passes: (text: string) => boolean): Test {
  return (value) => {
    if (typeof value === 'string') return passes(value)
    if (value === undefined || value === null) return false
    return Array.isArray(value) ? value.some((item) => passes(String(item))) : passes(String(value))
  }
}

function anyOf(parts: string | string[], passes: (text: string, part: string) => boolean): Test {
  const list = Array.isArray(parts) ? parts : [parts]
  return any((text) => list.some((part) => passes(text, part)))
}
