import { type Condition, parseCondition } from './condition.ts'
import type { DetectionDocument, FilterDocument, SigmaDocument } from './document.ts'
import { describeContradiction, findContradiction, findListOnly } from './impossible.ts'
import { isKnown, type KnownFields, knownFieldsOf, needsOneOf } from './known-fields.ts'
import { compileItem, type ModifierOptions } from './modifiers.ts'
import type { Expression } from './predicate.ts'
import { RuleRefused } from './refusal.ts'
import { planRule, type RulePlan } from './rule-plan.ts'
import type { YamlPath, YamlValue } from './yaml.ts'

export interface CompileOptions {
  /** Values for `%name%` under the `expand` modifier. */
  placeholders?: ReadonlyMap<string, readonly string[]>
  /** Where the fields of a log source are a closed list: others are warned of. */
  knownFields?: readonly KnownFields[] | undefined
  /** Given again with the same documents, it saves compiling them again. */
  memory?: CompileMemory
}

/** What was compiled from a document under the same filters; a document that is gone is forgotten. */
export type CompileMemory = WeakMap<DetectionDocument, { filters: readonly FilterDocument[]; rule: CompiledRule }>

export interface RuleWarning {
  message: string
  line: number
  column: number
}

/** A detection rule that can be matched. */
export interface CompiledRule {
  document: DetectionDocument
  expression: Expression
  /** How the stream evaluates it. */
  plan: RulePlan
  warnings: RuleWarning[]
  /** A field without which the rule cannot fire, and that no event of its log source has. */
  missingField?: string | undefined
}

/** Compiles one detection rule together with the filters that apply to it. Throws RuleRefused. */
export function compileRule(
  document: DetectionDocument,
  filters: FilterDocument[],
  options: CompileOptions,
): CompiledRule {
  const known = options.memory?.get(document)
  if (known && known.filters.length === filters.length && known.filters.every((filter, i) => filter === filters[i]))
    return known.rule
  const rule = compileAnew(document, filters, options)
  options.memory?.set(document, { filters, rule })
  return rule
}

function compileAnew(document: DetectionDocument, filters: FilterDocument[], options: CompileOptions): CompiledRule {
  const warnings: RuleWarning[] = []
  const modifierOptions = (source: SigmaDocument['source']): ModifierOptions => ({
    placeholders: options.placeholders ?? new Map(),
    warn: (message, path) => warnings.push({ message, ...source.locate(path) }),
  })
  const known = options.knownFields && knownFieldsOf(document.logsource, options.knownFields)
  const unknown = new Set<string>()
  const ownOptions: ModifierOptions = {
    ...modifierOptions(document.source),
    seeField: (field, fieldPath) => {
      if (!known || unknown.has(field) || isKnown(field, known)) return
      unknown.add(field)
      const { product, category } = document.logsource
      const message = `No event of ${[product, category].filter(Boolean).join('/')} has the field \`${field}\``
      warnings.push({ message, ...document.source.locate(fieldPath) })
    },
  }
  let expression = compileConditions(document.identifiers, document.conditions, 'detection', ownOptions)
  const path = ['detection', 'condition']
  const contradiction = findContradiction(expression)
  if (contradiction)
    throw new RuleRefused('impossible', `${describeContradiction(contradiction)} exclude each other`, path)
  const listOnly = findListOnly(expression)
  if (listOnly)
    modifierOptions(document.source).warn(
      `${describeContradiction(listOnly)}: only a field that holds a list can match both`,
      path,
    )
  for (const filter of filters) {
    const condition = compileFilter(filter, modifierOptions(filter.source))
    expression = { kind: 'and', children: [expression, condition] }
    if (findContradiction(expression))
      modifierOptions(filter.source).warn('The filter leaves nothing of the rule', ['filter', 'condition'])
  }
  const missingField = needsOneOf(expression, unknown)
    ? ([...unknown].find((field) => needsOneOf(expression, new Set([field]))) ?? [...unknown][0])
    : undefined
  if (missingField !== undefined)
    warnings.push({ message: `Without \`${missingField}\` the rule cannot fire`, ...document.source.locate(path) })
  return { document, expression, plan: planRule(expression), warnings, missingField }
}

/** The part a filter adds to its rules, as written: true keeps the event. Its identifiers are its own. */
function compileFilter(filter: FilterDocument, options: ModifierOptions): Expression {
  if (!filter.conditions.some((condition) => /\bnot\b/i.test(condition))) {
    options.warn('The condition of a filter keeps what it matches; to leave matches out write `not selection`', [
      'filter',
      'condition',
    ])
  }
  const child = compileConditions(filter.identifiers, filter.conditions, 'filter', options)
  return { kind: 'part', name: `filter ${filter.title}`, child }
}

/** True when the filter narrows this rule: it names it (or `any`), and the rule has all dimensions of its logsource. */
export function filterApplies(filter: FilterDocument, rule: DetectionDocument): boolean {
  for (const key of ['product', 'category', 'service'] as const) {
    if (filter.logsource[key] !== undefined && filter.logsource[key] !== rule.logsource[key]) return false
  }
  // A filter on trial narrows the rules of its own text; one that runs narrows those on trial too.
  if (filter.staged && filter.staged.locals !== rule.staged?.locals) return false
  const { id, name } = rule.staged ?? rule
  return filter.rules === 'any' || filter.rules.some((wanted) => wanted === id || wanted === name)
}

function compileConditions(
  identifiers: Map<string, YamlValue>,
  conditions: string[],
  section: string,
  options: ModifierOptions,
): Expression {
  const parts = new Map<string, Expression>()
  const part = (name: string): Expression => {
    let expression = parts.get(name)
    if (!expression) {
      const child = compileIdentifier(identifiers.get(name)!, [section, name], options)
      expression = { kind: 'part', name, child }
      parts.set(name, expression)
    }
    return expression
  }
  // Every identifier is compiled, used or not, so that a mistake in one is told.
  for (const name of identifiers.keys()) part(name)
  const children = conditions.map((text, index) => {
    const path: YamlPath = conditions.length > 1 ? [section, 'condition', index] : [section, 'condition']
    return resolve(parseCondition(text, identifiers.keys(), path), part)
  })
  return children.length === 1 ? children[0]! : { kind: 'or', children }
}

function resolve(condition: Condition, part: (name: string) => Expression): Expression {
  if (condition.kind === 'identifier') return part(condition.name)
  if (condition.kind === 'not') return { kind: 'not', child: resolve(condition.child, part) }
  return { kind: condition.kind, children: condition.children.map((child) => resolve(child, part)) }
}

/** A map is an AND of its items; a list of scalars is keywords; any other list is an OR of its members. */
function compileIdentifier(value: YamlValue, path: YamlPath, options: ModifierOptions): Expression {
  if (value instanceof Map) {
    if (value.size === 0) throw new RuleRefused('value', 'An empty map can match nothing', path)
    const children = [...value].map(([key, item]) => compileItem(key, item, [...path, key], options))
    return children.length === 1 ? children[0]! : { kind: 'and', children }
  }
  if (!Array.isArray(value)) return compileItem('', value, path, options)
  if (value.length === 0) throw new RuleRefused('value', 'An empty list can match nothing', path)
  if (value.every((member) => !(member instanceof Map) && !Array.isArray(member))) {
    return compileItem('', value, path, options)
  }
  const children = value.map((member, index) => compileIdentifier(member, [...path, index], options))
  return children.length === 1 ? children[0]! : { kind: 'or', children }
}
