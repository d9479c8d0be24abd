import { parseCondition } from '../sigma/condition.ts'
import type { DetectionDocument, Logsource } from '../sigma/document.ts'
import type { LogsourceEntry } from '../sigma/logsource.ts'
import { NumericScalar, scalarText, type YamlMap, type YamlValue } from '../sigma/yaml.ts'
import { conditionChanges } from './condition.ts'
import type { Change } from './mutants.ts'
import { regexChanges } from './regex.ts'

interface ValueChange {
  what: string
  value: YamlValue
}

const places = ['contains', 'startswith', 'endswith']
const neighbours: Record<string, string> = { gt: 'gte', gte: 'gt', lt: 'lte', lte: 'lt' }

/** Changes of a detection: its condition, its search identifiers item by item and value by value, its logsource. */
export function detectionMutants(
  document: DetectionDocument,
  logsources: readonly LogsourceEntry[],
): Change<DetectionDocument>[] {
  const mutants: Change<DetectionDocument>[] = []
  for (const [index, text] of document.conditions.entries()) {
    const condition = parseCondition(text, document.identifiers.keys(), ['detection', 'condition'])
    for (const { what, condition: changed } of conditionChanges(condition))
      mutants.push({ what, document: { ...document, conditions: document.conditions.with(index, changed) } })
  }
  for (const [name, value] of document.identifiers) {
    for (const change of identifierChanges(value)) {
      const identifiers = new Map(document.identifiers).set(name, change.value)
      mutants.push({ what: `${name}: ${change.what}`, document: { ...document, identifiers } })
    }
  }
  const logsource = otherLogsource(document.logsource, logsources)
  if (logsource) mutants.push({ what: 'another logsource', document: { ...document, logsource } })
  return mutants
}

/** A search identifier: a map of items, a list of maps, or keywords. */
function identifierChanges(value: YamlValue): ValueChange[] {
  if (value instanceof Map) return mapChanges(value)
  if (!Array.isArray(value)) return []
  const changes: ValueChange[] = []
  for (const [index, member] of value.entries()) {
    if (value.length > 1) changes.push({ what: `without ${label(member, index)}`, value: value.toSpliced(index, 1) })
    if (member instanceof Map) {
      for (const change of mapChanges(member))
        changes.push({ what: `[${index}] ${change.what}`, value: value.with(index, change.value) })
    }
  }
  return changes
}

function mapChanges(map: YamlMap): ValueChange[] {
  const changes: ValueChange[] = []
  for (const [key, value] of map) {
    // The order of the items is kept, so that explanations and plans stay the same otherwise.
    const replaced = (newKey: string, newValue: YamlValue): YamlMap =>
      new Map([...map].map(([other, item]) => (other === key ? [newKey, newValue] : [other, item])))
    if (map.size > 1)
      changes.push({ what: `without ${key}`, value: new Map([...map].filter(([other]) => other !== key)) })
    for (const newKey of keyChanges(key))
      changes.push({ what: `${key} becomes ${newKey}`, value: replaced(newKey, value) })
    for (const change of itemChanges(key, value))
      changes.push({ what: `${key}: ${change.what}`, value: replaced(key, change.value) })
  }
  return changes
}

/** Without one modifier; with another place of the text; with the boundary on the other side. */
function keyChanges(key: string): string[] {
  const [field = '', ...modifiers] = key.split('|')
  const changed = modifiers.map((_, index) => modifiers.toSpliced(index, 1))
  for (const [index, modifier] of modifiers.entries()) {
    const others = places.includes(modifier) ? places.filter((place) => place !== modifier) : []
    const neighbour = neighbours[modifier]
    for (const other of neighbour === undefined ? others : [neighbour]) changed.push(modifiers.with(index, other))
  }
  return changed.map((list) => [field, ...list].join('|'))
}

function itemChanges(key: string, value: YamlValue): ValueChange[] {
  const list = Array.isArray(value) ? value : [value]
  const changes: ValueChange[] = []
  for (const [index, member] of list.entries()) {
    if (list.length > 1) changes.push({ what: `without ${label(member, index)}`, value: list.toSpliced(index, 1) })
    if (/\|re(\||$)/.test(key) && typeof member === 'string') {
      for (const { what, pattern } of regexChanges(member)) changes.push({ what, value: list.with(index, pattern) })
    }
    if (/\|(gte?|lte?)(\||$)/.test(key) && member instanceof NumericScalar) {
      for (const step of [-1, 1]) {
        const number = member.value + step
        changes.push({ what: `${member.source} becomes ${number}`, value: new NumericScalar(number, String(number)) })
      }
    }
  }
  return changes
}

function label(value: YamlValue, index: number): string {
  return value instanceof Map || Array.isArray(value) ? `[${index}]` : `'${scalarText(value)}'`
}

/** The first dimension the rule names, with another value of the table. */
function otherLogsource(own: Logsource, logsources: readonly LogsourceEntry[]): Logsource | undefined {
  for (const key of ['product', 'category', 'service'] as const) {
    const other = logsources.find((entry) => entry[key] !== undefined && entry[key] !== own[key])
    if (own[key] !== undefined && other) return { ...own, [key]: other[key] }
  }
  return undefined
}
