import { compileCondition } from './condition.ts'
import { readPairs, type Separator } from './formats/key-value.ts'
import type { ParserFile, Recogniser } from './parser-file.ts'
import { compilePattern } from './pattern.ts'
import type { FilePath } from './problem.ts'
import type { Run, SourceValues } from './run.ts'
import { valueAt } from './value.ts'

/** True when the content of the run looks like what a parser reads. */
export type CompiledRecogniser = (run: Run) => boolean

export function compileRecogniser(recogniser: Recogniser, file: ParserFile, path: FilePath): CompiledRecogniser {
  const tests: CompiledRecogniser[] = []
  const { starts, contains, pattern, keys, any, where } = recogniser
  if (starts !== undefined) {
    const list = Array.isArray(starts) ? starts : [starts]
    tests.push((run) => list.some((start) => run.text.startsWith(start)))
  }
  if (contains !== undefined) tests.push((run) => run.text.includes(contains))
  if (pattern !== undefined) {
    const { regex } = compilePattern(pattern, [...path, 'pattern'])
    tests.push((run) => regex.test(run.text.length > 4096 ? run.text.slice(0, 4096) : run.text))
  }
  const atLeast = recogniser.pairs
  if (atLeast !== undefined) {
    tests.push((run) => {
      const pairs = readPairs(run.text, (file.separator as Separator | undefined) ?? 'auto', file.assign)
      return pairs !== undefined && Object.keys(pairs).length >= atLeast
    })
  }
  if (keys !== undefined) {
    const has = keys.map(hasKey)
    tests.push((run) => {
      const record = run.json()
      return record !== undefined && has.every((test) => test(record))
    })
  }
  if (any !== undefined) {
    const has = any.map(hasKey)
    tests.push((run) => {
      const record = run.json()
      return record !== undefined && has.some((test) => test(record))
    })
  }
  if (where !== undefined) {
    const holds = compileCondition(where, [...path, 'where'])
    tests.push((run) => {
      const record = run.json()
      if (record === undefined) return false
      const before = run.source
      run.source = record
      const result = holds(run)
      run.source = before
      return result
    })
  }
  return (run) => tests.every((test) => test(run))
}

function hasKey(name: string): (record: SourceValues) => boolean {
  const parts = name.split('.')
  if (parts.length === 1) return (record) => record[name] !== undefined
  return (record) => record[name] !== undefined || valueAt(record, parts) !== undefined
}
