import type { Config } from '../../config/config.ts'
import { readRulePaths } from '../../detect/load.ts'
import {
  type CorrelationExplanation,
  correlationInputs,
  explainCorrelation,
} from '../../detect/sigma/correlation/explain.ts'
import type { CorrelationInput } from '../../detect/sigma/correlation/input.ts'
import { SigmaEngine } from '../../detect/sigma/engine.ts'
import { type ExplainedNode, type ExplainedTest, type Explanation, explainRule } from '../../detect/sigma/explain.ts'
import { loadLookups } from '../../detect/sigma/logsource.ts'
import { compileRuleSet } from '../../detect/sigma/ruleset.ts'
import { contentDirs } from '../content.ts'
import { createOfflineReader } from '../offline-events.ts'
import { createLineOutput } from '../output.ts'

/** Says of every rule of a file, for every event of another, what matched and what did not; of correlations which step is missing. */
export async function explainRules(
  config: Config,
  rules: readonly string[],
  input: string,
  { json }: { json: boolean },
): Promise<void> {
  const folders = contentDirs(config)
  const lookups = loadLookups(folders[0]!)
  const set = compileRuleSet(readRulePaths(rules))
  for (const { file, line, column, reason, message } of set.refused)
    console.error(`${file}:${line}:${column}: refused (${reason}): ${message}`)
  const output = createLineOutput()
  const engine = new SigmaEngine(set, lookups)
  const matches: CorrelationInput[] = []
  let index = 0
  for await (const batch of createOfflineReader(config).events(input, undefined)) {
    for (const { event } of batch) {
      for (const rule of set.rules) {
        const explanation = explainRule(rule, event, lookups)
        if (json) await output.line(JSON.stringify({ event: index, ...explanation }))
        else for (const line of explanationLines(explanation, index)) await output.line(line)
      }
      if (set.correlations.length > 0) matches.push(...correlationInputs(engine, event))
      index++
    }
  }
  for (const correlation of set.correlations) {
    const explanation = explainCorrelation(correlation, set.correlations, matches)
    if (json) await output.line(JSON.stringify(explanation))
    else for (const line of correlationLines(explanation)) await output.line(line)
  }
}

const mark = (matches: boolean) => (matches ? '✓' : '✗')

function* explanationLines(explanation: Explanation, index: number): Generator<string> {
  const { title, fires, logsource, condition } = explanation
  yield `${mark(fires)} event ${index}: ${title} ${fires ? 'fires' : 'does not fire'}`
  if (!logsource.applies) {
    const kind = (source: object) => Object.values(source).filter(Boolean).join('/') || 'anything'
    const seen = logsource.event.map(kind).join(', ') || 'none that is known'
    yield `  ✗ log source: the rule is for ${kind(logsource.rule)}, the event is ${seen}`
  }
  yield* nodeLines(condition, '  ')
}

function* nodeLines(node: ExplainedNode, indent: string): Generator<string> {
  if (node.kind === 'test') {
    yield `${indent}${mark(node.matches)} ${testLine(node)}`
    return
  }
  const name = node.kind === 'part' ? node.name : node.kind
  yield `${indent}${mark(node.matches)} ${name}`
  for (const child of 'child' in node ? [node.child] : node.children) yield* nodeLines(child, `${indent}  `)
}

function testLine({ field, state, values, patterns, patternsLeftOut }: ExplainedTest): string {
  const shown = patterns.filter((pattern, i) => pattern.matches || (i < 3 && !patterns[0]!.matches))
  const wanted = shown.map(({ operator, text, hit }) => {
    const place = hit && hit.from >= 0 ? ` at ${hit.from}–${hit.to}` : ''
    return `${operator} ${JSON.stringify(text)}${place}`
  })
  const more = patterns.length - shown.length + patternsLeftOut
  const seen = state === 'present' ? values.map((value) => JSON.stringify(value)).join(', ') : state
  return `${field ?? 'keyword'} ${wanted.join(' | ')}${more > 0 ? ` | ${more} more` : ''}: ${seen || 'not found'}`
}

function* correlationLines({ title, fires, groups, rules, uncounted }: CorrelationExplanation): Generator<string> {
  yield `${mark(fires)} correlation: ${title} ${fires ? 'fires' : 'does not fire'}`
  for (const { rule, matches, uncounted: left } of rules)
    yield `  ${mark(matches > left)} ${rule}: ${matches} matches, ${left} without a group or value`
  for (const { group, firedAtMs, window, thresholds, steps } of groups) {
    const named = Object.entries(group).map(([name, value]) => `${name}=${value}`)
    const times = `${new Date(window.fromMs).toISOString()} – ${new Date(window.toMs).toISOString()}`
    yield `  ${mark(firedAtMs.length > 0)} ${named.join(' ') || 'all'}: ${times}`
    for (const { operator, number, holds } of thresholds)
      yield `    ${mark(holds)} ${window.measured ?? 'nothing'} ${operator} ${number}`
    for (const { rule, seen, wanted, nearest } of steps) {
      const where = nearest ? ` at ${new Date(nearest.timeMs).toISOString()}` : ''
      yield `    ${mark(seen === wanted)} ${rule} ${wanted ? 'must come' : 'must stay away'}: ${seen ? 'seen' : 'not in the window'}${where}`
    }
  }
  for (const { eventId, rule, field } of uncounted) yield `  ✗ ${rule} on event ${eventId} has no ${field}`
}
