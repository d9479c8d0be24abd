import { correlationLatenessMs, createCorrelationLanes } from '../../detect/correlation-lanes.ts'
import { createCorrelationStage } from '../../detect/correlations.ts'
import { createDetector } from '../../detect/detect.ts'
import type { CompiledRule } from '../../detect/sigma/compile.ts'
import { type ExplainedNode, explainRule } from '../../detect/sigma/explain.ts'
import type { RuleSet } from '../../detect/sigma/ruleset.ts'
import type { Event } from '../../event/event.ts'
import { createNormaliser } from '../../normalise/normalise.ts'
import type { StoredSample, StoredSamples } from '../../seams/store/schema/rules.ts'
import type { RuleBook } from '../rule-book.ts'
import { type CheckedText, neededFor } from './check.ts'
import { type CorrelationWhy, correlationsWhy } from './correlation-why.ts'

/** Events of one sample that are explained; the others count all the same. */
const explainedMax = 20
const valueShown = 500

export interface RanSample {
  expected: 'fires' | 'silent'
  index: number
  parser: string
  fired: string[]
  passed: boolean
  problem: string | null
  events: ReturnType<typeof explainEvent>[]
  eventsLeftOut: number
  correlations: CorrelationWhy[]
}

/** Runs the samples of a text through parser, detection and correlation as the platform does, and says what matched. */
export function runSamples(
  book: RuleBook,
  checked: CheckedText,
  samples: StoredSamples,
  surroundings: { zone: string; nowMs: number },
): { passed: number; failed: number; samples: RanSample[] } {
  const set = neededFor(checked.tried)
  const own = new Set(checked.tried.file.documents.map(({ id }) => id))
  const ran = (['fires', 'silent'] as const).flatMap((expected) =>
    samples[expected].map((sample, index) => ({ expected, index, ...runSample(book, set, own, sample, surroundings) })),
  )
  const judged = ran.map((one): RanSample => {
    const passed = one.problem === null && (one.expected === 'fires') === one.fired.length > 0
    return { ...one, passed }
  })
  const passed = judged.filter((one) => one.passed).length
  return { passed, failed: judged.length - passed, samples: judged }
}

function runSample(
  book: RuleBook,
  set: RuleSet,
  own: ReadonlySet<string>,
  { parser, lines }: StoredSample,
  { zone, nowMs }: { zone: string; nowMs: number },
) {
  const none = { parser, fired: [] as string[], events: [], eventsLeftOut: 0, correlations: [] }
  if (!book.fullParsers.some(({ name }) => name === parser))
    return { ...none, problem: `There is no parser \`${parser}\`` }
  const placed = lines.map((line, offset) => ({
    partition: 0,
    offset,
    record: { receivedAtMs: nowMs, transport: 'file' as const, sender: 'sample', source: '', body: Buffer.from(line) },
  }))
  const { events } = createNormaliser(book.fullParsers, { zone }).normalise(
    placed,
    new Map([['file:sample', { parser }]]),
  )
  const stray = events.find((event) => event.fields['event.dataset'] === 'unparsed')
  return {
    parser,
    fired: firedBy(set, own, book, events, nowMs),
    problem: stray ? `The parser \`${parser}\` does not understand: ${cut(Buffer.from(stray.raw).toString())}` : null,
    events: events.slice(0, explainedMax).map((event) => explainEvent(set.rules, event, book)),
    eventsLeftOut: Math.max(0, events.length - explainedMax),
    correlations: correlationsWhy(set, (id) => own.has(id), book, events),
  }
}

/** Ids of the text's own rules that raise a detection on these events, in the order of their first. */
export function firedBy(
  set: RuleSet,
  own: ReadonlySet<string>,
  { lookups }: RuleBook,
  events: Event[],
  nowMs: number,
): string[] {
  const lanes = createCorrelationLanes(() => createCorrelationStage(set, { latenessMs: correlationLatenessMs }))
  const detections = lanes.push(createDetector(set, { lookups }).detect(events), nowMs)
  return [...new Set(detections.map(({ ruleId }) => ruleId))].filter((id) => own.has(id))
}

/** What each part of each rule says of an event. */
export function explainEvent(rules: readonly CompiledRule[], event: Event, { lookups }: RuleBook) {
  return {
    eventId: event.id,
    line: cut(Buffer.from(event.raw).toString()),
    understood: event.fields['event.dataset'] !== 'unparsed',
    fields: event.fields,
    explanations: rules.map((rule) => {
      const { ruleId, title, fires, logsource, condition } = explainRule(rule, event, lookups)
      return { ruleId, title, fires, applies: logsource.applies, parts: partsOf(condition) }
    }),
  }
}

/** The search identifiers of a condition with their tests, each once. */
function partsOf(root: ExplainedNode) {
  const parts = new Map<string, { name: string; matches: boolean; tests: ReturnType<typeof testView>[] }>()
  const visit = (node: ExplainedNode, part: string): void => {
    if (node.kind === 'test') parts.get(part)?.tests.push(testView(node))
    else if (node.kind === 'not') visit(node.child, part)
    else if (node.kind === 'part') {
      if (parts.has(node.name)) return
      parts.set(node.name, { name: node.name, matches: node.matches, tests: [] })
      visit(node.child, node.name)
    } else for (const child of node.children) visit(child, part)
  }
  visit(root, '')
  return [...parts.values()]
}

function testView({ field, modifiers, matches, state, values, patterns }: ExplainedNode & { kind: 'test' }) {
  return {
    ...{ field: field ?? null, modifiers, matches, state },
    values: values.map(cut),
    patterns: patterns.map((pattern) => ({
      matches: pattern.matches,
      operator: pattern.operator,
      text: cut(pattern.text),
    })),
  }
}

function cut(text: string): string {
  return text.length > valueShown ? `${text.slice(0, valueShown)}…` : text
}
