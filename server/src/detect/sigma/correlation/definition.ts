import { type Condition, parseCondition } from '../condition.ts'
import type { CorrelationDocument } from '../document.ts'
import { textList } from '../parse.ts'
import { RuleRefused } from '../refusal.ts'
import { NumericScalar, scalarText, type YamlMap, type YamlPath, type YamlValue } from '../yaml.ts'
import { type Alternative, alternativeLimit, alternativesOf } from './alternatives.ts'

export type CorrelationType =
  | 'event_count'
  | 'value_count'
  | 'temporal'
  | 'temporal_ordered'
  | 'value_sum'
  | 'value_avg'
  | 'value_percentile'
  | 'value_median'

export type CountOperator = 'gt' | 'gte' | 'lt' | 'lte' | 'eq' | 'neq'

export interface Threshold {
  operator: CountOperator
  number: number
}

/** A correlation ready to run. Rules are named by their place in `rules`. */
export interface Correlation {
  document: CorrelationDocument
  id: string
  type: CorrelationType
  /** Ids of the rules and correlations it counts. */
  rules: readonly string[]
  /** Fields whose values make a group; one list per rule, since aliases name another field in each. */
  groupBy: readonly (readonly (string | undefined)[])[]
  groupNames: readonly string[]
  timespanMs: number
  /** All must hold. Empty for temporal types with a boolean condition. */
  thresholds: readonly Threshold[]
  /** Boolean condition over the rules' places, temporal types only; `temporal_ordered` asks for its seen rules in their order. */
  expression: RuleExpression | undefined
  /** `temporal_ordered` with a boolean condition: the ways it can hold, each an order of its own. */
  alternatives: readonly Alternative[] | undefined
  /** Fields of `value_*` types, one list per rule. */
  valueFields: readonly (readonly (string | undefined)[])[]
  percentile: number
  /** The rules it refers to raise detections of their own too. */
  generate: boolean
  /** True when one more event can only bring the condition nearer: then it fires at once. */
  monotone: boolean
  /** Distinguishes a changed definition, whose old state must not be used. */
  fingerprint: string
}

export type RuleExpression =
  | { kind: 'and' | 'or'; children: RuleExpression[] }
  | { kind: 'not'; child: RuleExpression }
  | { kind: 'rule'; rule: number }

const types: readonly string[] = [
  'event_count', 'value_count', 'temporal', 'temporal_ordered', 'value_sum', 'value_avg', 'value_percentile', 'value_median',
] // biome-ignore format: a list
const operators: readonly string[] = ['gt', 'gte', 'lt', 'lte', 'eq', 'neq']
const unitsMs: Record<string, number> = {
  s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000, M: 30 * 86_400_000, y: 365 * 86_400_000,
} // biome-ignore format: a table
/** Most events (or distinct values) a group keeps; a condition that needs more could never fire. */
export const entryLimit = 10_000

/**
 * Reads one correlation document (specification 2.1.0, with `value_median`, ranges and the boolean condition approved for 2.2.0).
 * `resolveId` gives the id of a rule or correlation by its id or name. Throws RuleRefused.
 */
export function compileCorrelation(
  document: CorrelationDocument,
  resolveId: (name: string) => string | undefined,
): Correlation {
  const map = document.correlation
  const refuse = (message: string, ...path: YamlPath): never => {
    throw new RuleRefused('structure', message, ['correlation', ...path])
  }
  const type = scalarText(map.get('type')) as CorrelationType
  if (!types.includes(type)) refuse(`The correlation type \`${type}\` is not known`, 'type')
  const names = textList(map.get('rules'))
  if (names.length === 0) refuse('The correlation names no rules', 'rules')
  const rules = names.map((name) => {
    const id = resolveId(name)
    if (id === undefined)
      throw new RuleRefused('reference', `The correlation names \`${name}\`, which is not loaded`, [
        'correlation',
        'rules',
      ])
    return id
  })
  const timespanMs = readTimespan(scalarText(map.get('timespan')))
  if (timespanMs === undefined) refuse('`timespan` must be a number and one of s m h d w M y', 'timespan')
  const aliases = readAliases(map.get('aliases'), names, refuse)
  const groupNames = textList(map.get('group-by'))
  const perRule = (fields: string[]) =>
    names.map((_, rule) => fields.map((field) => (aliases.has(field) ? aliases.get(field)![rule] : field)))
  const condition = readCondition(map.get('condition'), type, names, refuse)
  if (!canHold(type, names.length, condition)) {
    throw new RuleRefused('impossible', 'No count or value can fulfil the condition', ['correlation', 'condition'])
  }
  const valueFields = condition.fields.length > 0 ? condition.fields : textList(map.get('field'))
  const needsField = type.startsWith('value_')
  if (needsField && valueFields.length === 0) refuse(`\`${type}\` needs \`condition.field\``, 'condition')
  if (type !== 'value_count' && valueFields.length > 1) refuse(`\`${type}\` takes one field`, 'condition')
  const number =
    map.get('percentile') ??
    (map.get('condition') instanceof Map ? (map.get('condition') as YamlMap).get('percentile') : undefined)
  const percentile = number instanceof NumericScalar ? number.value : 50
  if (!(percentile >= 0 && percentile <= 100)) refuse('`percentile` must lie between 0 and 100', 'percentile')
  const alternatives =
    type === 'temporal_ordered' && condition.expression ? orderedAlternatives(condition.expression) : undefined
  const monotone = isMonotone(type, condition.thresholds, condition.expression)
  for (const { operator, number: limit } of condition.thresholds) {
    if (
      (type === 'event_count' || type === 'value_count') &&
      monotone &&
      limit + (operator === 'gt' ? 1 : 0) > entryLimit
    ) {
      throw new RuleRefused('limit', `The condition counts beyond ${entryLimit}`, ['correlation', 'condition'])
    }
  }
  const generate = map.get('generate') === true || document.custom.get('generate') === true
  const parts = [type, rules, perRule(groupNames), timespanMs, condition, perRule(valueFields), percentile]
  return {
    document,
    id: document.id,
    type,
    rules,
    groupBy: perRule(groupNames),
    groupNames,
    timespanMs: timespanMs!,
    thresholds: condition.thresholds,
    expression: condition.expression,
    alternatives,
    valueFields: perRule(valueFields),
    percentile,
    generate,
    monotone,
    fingerprint: JSON.stringify(parts),
  }
}

/** Throws RULE_INVALID for a condition that nothing can fulfil, and for one with too many ways. */
function orderedAlternatives(expression: RuleExpression): Alternative[] {
  const path = ['correlation', 'condition']
  const ways = alternativesOf(expression)
  if (!ways) throw new RuleRefused('limit', `The condition can hold in more than ${alternativeLimit} ways`, path)
  if (ways.length === 0) throw new RuleRefused('impossible', 'The parts of the condition exclude each other', path)
  return ways
}

function readTimespan(text: string): number | undefined {
  const match = /^(\d+)\s*([smhdwMy])$/.exec(text)
  const span = match ? Number(match[1]) * unitsMs[match[2]!]! : 0
  return span > 0 && Number.isSafeInteger(span) ? span : undefined
}

/** Alias -> its field in each rule; undefined where the alias says nothing of a rule: such an event has no value. */
function readAliases(
  value: YamlValue | undefined,
  names: string[],
  refuse: (message: string, ...path: YamlPath) => never,
) {
  const aliases = new Map<string, (string | undefined)[]>()
  if (value === undefined || value === null) return aliases
  if (!(value instanceof Map)) return refuse('`aliases` must be a map', 'aliases')
  for (const [alias, fields] of value) {
    if (!(fields instanceof Map)) return refuse(`The alias \`${alias}\` must map rules to fields`, 'aliases', alias)
    for (const name of fields.keys()) {
      if (!names.includes(name))
        return refuse(`The alias \`${alias}\` names \`${name}\`, which is none of the rules`, 'aliases', alias)
    }
    aliases.set(
      alias,
      names.map((name) => scalarText(fields.get(name)) || undefined),
    )
  }
  return aliases
}

/** False when nothing can fulfil the condition: tried on every number that could make a difference, and every set of rules seen. */
function canHold(type: CorrelationType, ruleCount: number, { thresholds, expression }: ReadCondition): boolean {
  if (expression) return canBeSeen(expression, ruleCount)
  const numbers = thresholds.map(({ number }) => number).sort((a, b) => a - b)
  const between = numbers.map((number, i) => (number + (numbers[i + 1] ?? number + 2)) / 2)
  const isCount = !type.startsWith('value_') || type === 'value_count'
  // An event is looked at when it comes: at least it has been counted. An order that is not complete counts none.
  const least = type === 'temporal_ordered' ? 0 : 1
  const most = type.startsWith('temporal') ? ruleCount : Number.POSITIVE_INFINITY
  const tried = [least, most, ...numbers, ...between, numbers[0]! - 1].flatMap((number) =>
    isCount ? [Math.floor(number), Math.ceil(number), Math.floor(number) + 1] : [number],
  )
  return tried.some(
    (number) =>
      (!isCount || (number >= least && number <= most)) &&
      thresholds.every(({ operator, number: limit }) => compareCount(operator, number, limit)),
  )
}

function compareCount(operator: CountOperator, left: number, right: number): boolean {
  if (operator === 'gt') return left > right
  if (operator === 'gte') return left >= right
  if (operator === 'lt') return left < right
  if (operator === 'lte') return left <= right
  return operator === 'eq' ? left === right : left !== right
}

/** Rules with which every combination is tried. */
const triedRules = 7

/** Each rule is unseen, seen only after the event, or seen before it; at least one is seen. */
function canBeSeen(expression: RuleExpression, ruleCount: number): boolean {
  if (ruleCount > triedRules) return true
  for (let state = 1; state < 3 ** ruleCount; state++) {
    const seenOf = (rule: number) => Math.floor(state / 3 ** rule) % 3
    const holds = (part: RuleExpression, ahead: boolean): boolean => {
      if (part.kind === 'rule') return seenOf(part.rule) >= (ahead ? 1 : 2)
      if (part.kind === 'not') return !holds(part.child, !ahead)
      const test = (child: RuleExpression) => holds(child, ahead)
      return part.kind === 'and' ? part.children.every(test) : part.children.some(test)
    }
    if (holds(expression, false)) return true
  }
  return false
}

interface ReadCondition {
  thresholds: Threshold[]
  expression: RuleExpression | undefined
  fields: string[]
}

function readCondition(
  value: YamlValue | undefined,
  type: CorrelationType,
  names: string[],
  refuse: (message: string, ...path: YamlPath) => never,
): ReadCondition {
  const temporal = type === 'temporal' || type === 'temporal_ordered'
  if (value === undefined || value === null) {
    if (!temporal) return refuse(`\`${type}\` needs a condition`, 'condition')
    return { thresholds: [{ operator: 'gte', number: new Set(names).size }], expression: undefined, fields: [] }
  }
  if (typeof value === 'string') {
    if (!temporal) return refuse(`\`${type}\` cannot have a boolean condition`, 'condition')
    const expression = toRules(parseCondition(value, names, ['correlation', 'condition']), names)
    return { thresholds: [], expression, fields: [] }
  }
  if (!(value instanceof Map)) return refuse('`condition` must be a map or a text', 'condition')
  const thresholds: Threshold[] = []
  for (const [key, limit] of value) {
    if (key === 'field' || key === 'percentile') continue
    const number = limit instanceof NumericScalar ? limit.value : typeof limit === 'string' ? Number(limit) : Number.NaN
    if (!operators.includes(key)) return refuse(`\`${key}\` is not known in a condition`, 'condition', key)
    if (!Number.isFinite(number)) return refuse(`\`${key}\` needs a number`, 'condition', key)
    thresholds.push({ operator: key as CountOperator, number })
  }
  if (thresholds.length === 0) return refuse('The condition compares with nothing', 'condition')
  return { thresholds, expression: undefined, fields: textList(value.get('field')) }
}

function toRules(condition: Condition, names: string[]): RuleExpression {
  if (condition.kind === 'identifier') return { kind: 'rule', rule: names.indexOf(condition.name) }
  if (condition.kind === 'not') return { kind: 'not', child: toRules(condition.child, names) }
  return { kind: condition.kind, children: condition.children.map((child) => toRules(child, names)) }
}

function isMonotone(type: CorrelationType, thresholds: Threshold[], expression: RuleExpression | undefined): boolean {
  if (expression) return !hasNot(expression)
  if (type === 'value_avg' || type === 'value_percentile' || type === 'value_median') return false
  return thresholds.every(({ operator }) => operator === 'gt' || operator === 'gte')
}

export function hasNot(expression: RuleExpression): boolean {
  if (expression.kind === 'rule') return false
  return expression.kind === 'not' || expression.children.some(hasNot)
}
