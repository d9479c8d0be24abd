import { parseCondition } from '../sigma/condition.ts'
import type { CorrelationDocument } from '../sigma/document.ts'
import { textList } from '../sigma/parse.ts'
import { NumericScalar, scalarText, type YamlMap, type YamlValue } from '../sigma/yaml.ts'
import { conditionChanges } from './condition.ts'
import type { Change } from './mutants.ts'

/** A time span a tenth shorter or longer must be noticed. */
const timespanShares: [string, number][] = [
  ['shorter', 0.9],
  ['longer', 1.1],
]
const secondsOf: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800, M: 2_592_000, y: 31_536_000 }
const kindlessTypes: Record<string, string> = { value_count: 'event_count', temporal_ordered: 'temporal' }

/** Changes of a correlation: threshold, time span, groups, what is counted, the rules and their order. */
export function correlationMutants(document: CorrelationDocument): Change<CorrelationDocument>[] {
  const { correlation } = document
  const mutants: Change<CorrelationDocument>[] = []
  const add = (what: string, key: string, value: YamlValue) =>
    mutants.push({ what, document: { ...document, correlation: new Map(correlation).set(key, value) } })

  const condition = correlation.get('condition')
  const rules = textList(correlation.get('rules'))
  if (condition instanceof Map) {
    for (const [key, limit] of condition) {
      if (!(limit instanceof NumericScalar)) continue
      for (const step of [-1, 1]) {
        const number = limit.value + step
        const changed: YamlMap = new Map(condition).set(key, new NumericScalar(number, String(number)))
        add(`${key} ${limit.source} becomes ${number}`, 'condition', changed)
      }
    }
  } else if (typeof condition === 'string') {
    for (const change of conditionChanges(parseCondition(condition, rules, [])))
      add(change.what, 'condition', change.condition)
  }

  const timespan = /^(\d+)\s*([smhdwMy])$/.exec(scalarText(correlation.get('timespan')))
  for (const [word, share] of timespan ? timespanShares : []) {
    const seconds = Math.round(Number(timespan![1]) * secondsOf[timespan![2]!]! * share)
    add(`timespan ${timespan![0]} becomes ${word}: ${seconds}s`, 'timespan', `${seconds}s`)
  }

  const groups = textList(correlation.get('group-by'))
  for (const group of groups) {
    add(`group-by without ${group}`, 'group-by', groups.filter((other) => other !== group)) // biome-ignore format: one line
  }

  const type = scalarText(correlation.get('type'))
  const wider = kindlessTypes[type]
  if (wider !== undefined) add(`${type} becomes ${wider}`, 'type', wider)
  if (rules.length > 1) {
    for (const rule of rules)
      mutants.push({ what: `rules without ${rule}`, document: withoutRule(document, rules, rule) })
  }
  if (type === 'temporal_ordered') {
    for (let i = 1; i < rules.length; i++) {
      const swapped = rules.with(i - 1, rules[i]!).with(i, rules[i - 1]!)
      add(`${rules[i - 1]} and ${rules[i]} change places`, 'rules', swapped)
    }
  }
  return mutants
}

/** One rule fewer, also in the aliases, which may name no others. */
function withoutRule(document: CorrelationDocument, rules: string[], rule: string): CorrelationDocument {
  const correlation: YamlMap = new Map(document.correlation)
  correlation.set('rules', rules.filter((other) => other !== rule)) // biome-ignore format: one line
  const aliases = correlation.get('aliases')
  if (aliases instanceof Map) {
    const kept: YamlMap = new Map()
    for (const [alias, fields] of aliases)
      kept.set(alias, fields instanceof Map ? new Map([...fields].filter(([name]) => name !== rule)) : fields)
    correlation.set('aliases', kept)
  }
  return { ...document, correlation }
}
