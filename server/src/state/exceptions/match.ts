import type { Entity, Fields, Severity } from '../../event/event.ts'
import { CidrTable } from '../../lib/cidr-table.ts'
import { canonicalIp } from '../../lib/ip-address.ts'
import type { ExceptionCondition } from '../../seams/store/schema/incidents.ts'

/** What an exception can look at. */
export interface Excepted {
  ruleId: string
  detector: string
  severity: Severity
  sourceKey: string
  unitPath: string
  entities: Entity[]
  fields: Fields
}

/** The part of an exception that decides. */
export interface ExceptionScope {
  ruleIds: string[]
  conditions: ExceptionCondition[]
  unitPath: string
}

export type ExceptionMatcher = (detection: Excepted) => boolean

/**
 * Compiles an exception to a function that says whether it covers a detection: its unit or one below, one of its
 * rules (or any, when it names none), and every condition. Text is compared without regard to case, as Sigma does.
 * Expiry is not looked at here. Throws RangeError on an address range that is none.
 */
export function compileException({ ruleIds, conditions, unitPath }: ExceptionScope): ExceptionMatcher {
  const rules = ruleIds.length > 0 ? new Set(ruleIds) : undefined
  const tests = conditions.map(compileCondition)
  return (detection) => {
    if (!detection.unitPath.startsWith(unitPath)) return false
    if (rules && !rules.has(detection.ruleId)) return false
    for (const test of tests) if (!test(valuesOf(test.field, detection))) return false
    return true
  }
}

/**
 * Compiles an exception that unlinks: which of a detection's entities it names. Its entity conditions are read as
 * "is one of these", everything else decides whether it covers the detection at all.
 */
export function compileUnlink(scope: ExceptionScope): (detection: Excepted) => Entity[] {
  const isOnEntity = (condition: ExceptionCondition) => entityType(condition.field) !== undefined
  const covers = compileException({ ...scope, conditions: scope.conditions.filter((one) => !isOnEntity(one)) })
  const tests = scope.conditions.filter(isOnEntity).map(compileCondition)
  return (detection) => {
    if (!covers(detection)) return []
    return detection.entities.filter((entity) =>
      tests.some((test) => {
        const type = entityType(test.field)
        return (type === '*' || type === entity.type) && test([entity.value])
      }),
    )
  }
}

interface ConditionTest {
  (values: string[]): boolean
  field: string
}

function compileCondition({ field, operator, values }: ExceptionCondition): ConditionTest {
  return Object.assign(anyOf(operator, values), { field })
}

function anyOf(operator: ExceptionCondition['operator'], values: string[]): (found: string[]) => boolean {
  if (operator === 'cidr') {
    const ranges = new CidrTable<true>()
    for (const value of values) {
      if (!/^[^/]+(\/\d{1,3})?$/.test(value) || !ranges.add(value, true)) {
        throw new RangeError(`${value} is no address range`)
      }
    }
    return (found) =>
      found.some((value) => {
        const address = canonicalIp(value)
        return address !== undefined && ranges.find(address) === true
      })
  }
  const wanted = values.map((value) => value.toLowerCase())
  if (operator === 'equals') {
    const set = new Set(wanted)
    return (found) => found.some((value) => set.has(value.toLowerCase()))
  }
  const test = textTests[operator]
  return (found) => found.some((value) => wanted.some((pattern) => test(value.toLowerCase(), pattern)))
}

const textTests = {
  contains: (value: string, part: string) => value.includes(part),
  starts_with: (value: string, part: string) => value.startsWith(part),
  ends_with: (value: string, part: string) => value.endsWith(part),
  wildcard: matchesWildcard,
} satisfies Record<string, (value: string, pattern: string) => boolean>

/** `*` any text, `?` one character. Greedy with one point of return: never worse than length times length. */
export function matchesWildcard(value: string, pattern: string): boolean {
  let at = 0
  let inPattern = 0
  let star = -1
  let starAt = 0
  while (at < value.length) {
    const character = pattern[inPattern]
    if (character === '*') {
      star = inPattern++
      starAt = at
    } else if (character === '?' || character === value[at]) {
      inPattern++
      at++
    } else if (star >= 0) {
      inPattern = star + 1
      at = ++starAt
    } else return false
  }
  while (pattern[inPattern] === '*') inPattern++
  return inPattern === pattern.length
}

/** `entity` -> `*`, `entity.host` -> `host`, anything else -> undefined. */
export function entityType(field: string): string | undefined {
  if (field === 'entity') return '*'
  return field.startsWith('entity.') ? field.slice('entity.'.length) : undefined
}

function valuesOf(field: string, detection: Excepted): string[] {
  const type = entityType(field)
  if (type !== undefined) {
    const named = type === '*' ? detection.entities : detection.entities.filter((entity) => entity.type === type)
    return named.map(({ value }) => value)
  }
  if (field === 'detector') return [detection.detector]
  if (field === 'severity') return [detection.severity]
  if (field === 'source.key') return [detection.sourceKey]
  const value = detection.fields[field]
  if (value === undefined || value === null) return []
  return [value].flat(8).map(String)
}
