import { fieldType, isArrayField } from '../event/catalogue.ts'
import { compileCondition } from './condition.ts'
import { readPairs, type Separator } from './formats/key-value.ts'
import { stepFunctions } from './functions/step-functions.ts'
import type { Assignments, Mapping, PatternEntry, StepFile, Target } from './parser-file.ts'
import { type CompiledPattern, compilePattern, patternTextLimit } from './pattern.ts'
import { type FilePath, ParserProblem } from './problem.ts'
import { NotUnderstood, type Step } from './run.ts'
import { createSetter, requireField, type Setter } from './setter.ts'
import { runStoreFor } from './store-field.ts'
import { parseTime } from './time.ts'
import { compileTemplate, createReader, type Reader } from './value.ts'

/** Named tables of content/lookups: key -> value, or key -> fields. */
export type LookupTables = ReadonlyMap<string, ReadonlyMap<string, unknown>>

/** Compiles steps into one function; throws a ParserProblem at the first that cannot be. */
export function compileSteps(steps: StepFile[], tables: LookupTables, path: FilePath): Step {
  return inSequence(steps.map((step, index) => compileStep(step, tables, [...path, index]))) ?? (() => {})
}

function inSequence(steps: Step[]): Step | undefined {
  if (steps.length <= 1) return steps[0]
  return (run) => {
    for (const step of steps) step(run)
  }
}

function compileStep(step: StepFile, tables: LookupTables, path: FilePath): Step {
  if ('set' in step) return compileSet(step.set, [...path, 'set'])
  if ('map' in step) return compileMapStep(step.map, tables, [...path, 'map'])
  if ('patterns' in step) {
    return compilePatterns(step.patterns, tables, [...path, 'patterns'], step.from ?? 'message', step.required ?? false)
  }
  if ('when' in step) {
    const holds = compileCondition(step.when, [...path, 'when'])
    const then = compileSteps(step.steps, tables, [...path, 'steps'])
    const otherwise = step.else ? compileSteps(step.else, tables, [...path, 'else']) : undefined
    return (run) => {
      if (holds(run)) then(run)
      else otherwise?.(run)
    }
  }
  if ('switch' in step) return compileSwitch(step, tables, path)
  if ('lookup' in step) return compileLookup(step, tables, path)
  if ('pairs' in step) {
    const read = createReader(step.pairs)
    return (run) => {
      const text = read(run)
      const pairs =
        typeof text === 'string' ? readPairs(text, (step.separator as Separator) ?? 'auto', step.assign) : undefined
      if (pairs) for (const key in pairs) run.source[key] ??= pairs[key]
    }
  }
  if ('split' in step) return compileSplit(step, path)
  if ('time' in step) return compileTime(step.time)
  if ('apply' in step) {
    const create = stepFunctions[step.apply]
    if (!create)
      throw new ParserProblem(
        [...path, 'apply'],
        `there is no function ${step.apply}; there are ${Object.keys(stepFunctions).join(', ')}`,
      )
    return create(step.from ?? 'message', step.to, path)
  }
  if ('inner' in step) {
    const texts = step.inner.map(createReader)
    const programs = (step.program ?? []).map(createReader)
    return (run) => {
      for (const read of texts) {
        const text = read(run)
        if (typeof text !== 'string' || text === '') continue
        const program = programs.map((reader) => reader(run)).find((value) => typeof value === 'string' && value !== '')
        run.inner(text, (program as string | undefined) ?? '')
        return
      }
    }
  }
  if ('tag' in step) return (run) => void run.tags.push(step.tag)
  if ('remove' in step) {
    for (const name of step.remove) requireField(name, [...path, 'remove'])
    return (run) => {
      for (const name of step.remove) delete run.fields[name]
    }
  }
  return () => {
    throw new NotUnderstood(step.reject)
  }
}

/** Constants and templates into fields. */
export function compileSet(assignments: Assignments, path: FilePath): Step {
  const steps = Object.entries(assignments).map(([name, value]): Step => {
    requireField(name, [...path, name])
    const store = runStoreFor(name)
    if (Array.isArray(value) || (isArrayField(name) && !String(value).includes('{'))) {
      // Shared by all events: no stage changes an array in place.
      const list = Object.freeze(Array.isArray(value) ? [...value] : [value]) as unknown as string[]
      return (run) => store(run, list)
    }
    if (typeof value === 'string' && value.includes('{')) {
      const render = compileTemplate(value, [...path, name])
      const setter = createSetter(name, [...path, name])
      return (run) => {
        const text = render(run)
        if (text !== undefined) setter(run, text)
      }
    }
    if (typeof value !== 'number' && fieldType(name) === 'long')
      throw new ParserProblem([...path, name], `${name} holds a number`)
    return (run) => store(run, value)
  })
  return (run) => {
    for (const step of steps) step(run)
  }
}

/** The setters of one target of a map. */
export function compileTarget(target: Target, tables: LookupTables, path: FilePath): Setter[] {
  if (typeof target === 'string') return [compileDestination(target, path, false)]
  if (Array.isArray(target)) return target.map((name) => compileDestination(name, path, false))
  const names = Array.isArray(target.to) ? target.to : [target.to]
  const setters = names.map((name) => compileDestination(name, path, target.append ?? false))
  const skip = target.skip ? new Set(target.skip.map(String)) : undefined
  const table = target.lookup === undefined ? undefined : findTable(target.lookup, tables, [...path, 'lookup'])
  const { text, scale, split } = target
  return [
    (run, given) => {
      let value = given
      if (skip && (typeof value === 'string' || typeof value === 'number') && skip.has(String(value))) return true
      if (table) {
        value = table.get(String(value).toLowerCase())
        if (value === undefined) return false
      }
      if (text !== undefined && typeof value === 'string') value = changeText(value, text)
      if (split !== undefined && typeof value === 'string') value = value.split(split).map((part) => part.trim())
      if (scale !== undefined) value = Number(value) * scale
      let taken = false
      for (const setter of setters) if (setter(run, value)) taken = true
      return taken
    },
  ]
}

function changeText(value: string, how: 'lower' | 'upper' | 'trim'): string {
  return how === 'lower' ? value.toLowerCase() : how === 'upper' ? value.toUpperCase() : value.trim()
}

/** `~name` is a value for later steps, anything else a field. */
function compileDestination(name: string, path: FilePath, append: boolean): Setter {
  if (name.startsWith('~')) {
    const key = name.slice(1)
    return (run, value) => {
      run.source[key] = value
      return true
    }
  }
  return createSetter(name, path, { append })
}

function compileMapStep(mapping: Mapping, tables: LookupTables, path: FilePath): Step {
  const moves = Object.entries(mapping).map(([name, target]): [Reader, Setter[]] => [
    createReader(name),
    compileTarget(target, tables, [...path, name]),
  ])
  return (run) => {
    for (const [read, setters] of moves) {
      const value = read(run)
      if (value === undefined || value === null) continue
      for (const setter of setters) setter(run, value)
    }
  }
}

interface ReadyPattern extends CompiledPattern {
  setters: { group: number; setter: Setter }[]
  onMatch: Step | undefined
}

function compilePatterns(
  entries: PatternEntry[],
  tables: LookupTables,
  path: FilePath,
  from: string,
  required: boolean,
): Step {
  const patterns = entries.map((entry, index): ReadyPattern => {
    const at = [...path, index]
    const compiled = compilePattern(entry.pattern, [...at, 'pattern'])
    const steps: Step[] = []
    if (entry.set) steps.push(compileSet(entry.set, [...at, 'set']))
    if (entry.steps) steps.push(compileSteps(entry.steps, tables, [...at, 'steps']))
    return {
      ...compiled,
      setters: compiled.captures.map(({ name, group }) => ({
        group,
        setter: compileDestination(name, [...at, 'pattern'], false),
      })),
      onMatch: inSequence(steps),
    }
  })
  // Patterns by the first character they can begin with, in the order of the file; those without one are tried always.
  const byFirst = new Map<number, ReadyPattern[]>()
  const openOnes = patterns.filter((pattern) => pattern.literal === '')
  for (const first of new Set(
    patterns.filter((pattern) => pattern.literal !== '').map((pattern) => pattern.literal.charCodeAt(0)),
  )) {
    byFirst.set(
      first,
      patterns.filter((pattern) => pattern.literal === '' || pattern.literal.charCodeAt(0) === first),
    )
  }
  const read = createReader(from)
  return (run) => {
    const value = read(run)
    if (typeof value === 'string') {
      const text = value.length > patternTextLimit ? value.slice(0, patternTextLimit) : value
      for (const pattern of byFirst.get(text.charCodeAt(0)) ?? openOnes) {
        if (!text.startsWith(pattern.literal)) continue
        const match = pattern.regex.exec(text)
        if (!match) continue
        for (const { group, setter } of pattern.setters) {
          const captured = match[group]
          if (captured !== undefined) setter(run, captured)
        }
        pattern.onMatch?.(run)
        return
      }
    }
    if (required) throw new NotUnderstood('no pattern matches')
  }
}

function compileSwitch(step: Extract<StepFile, { switch: unknown }>, tables: LookupTables, path: FilePath): Step {
  const readers = (Array.isArray(step.switch) ? step.switch : [step.switch]).map(createReader)
  const cases = new Map<string, Step>()
  for (const [keys, steps] of Object.entries(step.cases)) {
    const compiled = compileSteps(steps, tables, [...path, 'cases', keys])
    for (const key of keys.split(',')) cases.set(key.trim(), compiled)
  }
  const otherwise = step.default ? compileSteps(step.default, tables, [...path, 'default']) : undefined
  if (readers.length === 1) {
    const read = readers[0]!
    return (run) => {
      const value = read(run)
      const chosen = cases.get(typeof value === 'string' ? value : String(value)) ?? otherwise
      chosen?.(run)
    }
  }
  return (run) => {
    const key = readers.map((read) => String(read(run) ?? '')).join(':')
    const chosen = cases.get(key) ?? otherwise
    chosen?.(run)
  }
}

function compileLookup(step: Extract<StepFile, { lookup: string }>, tables: LookupTables, path: FilePath): Step {
  const read = createReader(step.lookup)
  const table = findTable(step.table, tables, [...path, 'table'])
  if (step.to !== undefined) {
    const setter = compileDestination(step.to, [...path, 'to'], false)
    return (run) => {
      const value = findFirst(table, read(run))
      if (value !== undefined) setter(run, value)
    }
  }
  const steps = new Map<string, Step>()
  for (const [key, fields] of table) {
    if (typeof fields !== 'object' || fields === null)
      throw new ParserProblem(path, `the table has plain values: say with \`to\` where they go`)
    steps.set(key, compileSet(fields as Assignments, [...path, 'table']))
  }
  return (run) => findFirst(steps, read(run))?.(run)
}

/** What a table holds for a value; of a list, for the first member it knows. */
function findFirst<Found>(table: ReadonlyMap<string, Found>, value: unknown): Found | undefined {
  if (!Array.isArray(value)) return table.get(String(value).toLowerCase())
  for (const item of value) {
    const found = table.get(String(item).toLowerCase())
    if (found !== undefined) return found
  }
  return undefined
}

function findTable(
  table: string | Record<string, unknown>,
  tables: LookupTables,
  path: FilePath,
): ReadonlyMap<string, unknown> {
  if (typeof table !== 'string') return new Map(Object.entries(table).map(([key, value]) => [key.toLowerCase(), value]))
  const found = tables.get(table)
  if (!found)
    throw new ParserProblem(
      path,
      `there is no lookup table ${table}; there are ${[...tables.keys()].join(', ') || 'none'}`,
    )
  return found
}

function compileSplit(step: Extract<StepFile, { split: string }>, path: FilePath): Step {
  const read = createReader(step.split)
  const setters = step.to.map((name) => (name === '' ? undefined : compileDestination(name, [...path, 'to'], false)))
  return (run) => {
    const value = read(run)
    if (typeof value !== 'string') return
    const parts = value.split(step.by)
    setters.forEach((setter, index) => {
      const part = parts[index]?.trim()
      if (part !== undefined && part !== '') setter?.(run, part)
    })
  }
}

/** The first of the names that holds a time gives the event time. `a + b` joins a date and a clock. */
export function compileTime(names: string[]): Step {
  const readers = names.map((name) => name.split('+').map((part) => createReader(part.trim())))
  return (run) => {
    for (const parts of readers) {
      const values = parts.map((read) => read(run))
      if (values.some((value) => value === undefined || value === null || value === '')) continue
      const timeMs = parseTime(values.length === 1 ? values[0] : values.join(' '), run.zone, run.receivedAtMs)
      if (!Number.isNaN(timeMs)) {
        run.timeMs = timeMs
        return
      }
    }
  }
}
