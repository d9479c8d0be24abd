import type { Event } from '../../event/event.ts'
import type { CompiledRule } from './compile.ts'
import type { Logsource } from './document.ts'
import { eventAccess, recordAccess } from './engine.ts'
import { compatible, entriesOf, type Lookups, selects, viewsFor } from './logsource.ts'
import { compileMatcher } from './matcher.ts'
import type { Expression, FieldTest, Predicate } from './predicate.ts'
import { describePredicate, type Hit, hitOf } from './predicate-hit.ts'
import type { FieldAccess, JsonRecord, Reader } from './reader.ts'
import { Slots, slotPresent, slotValue } from './slots.ts'

/** Why one rule matches one event, or why it does not: its condition as a tree, every node with its verdict. */
export interface Explanation {
  ruleId: string
  title: string
  /** The event is of the rule's log source and the condition holds: the rule fires. */
  fires: boolean
  logsource: {
    rule: Logsource
    /** The log sources the event was recognised as. */
    event: Logsource[]
    /** False: the rule never looks at this event, whatever the condition says. */
    applies: boolean
    /** The field mapping (content/lookups/sigma-fields.yml) the tree was read through; undefined: fields as they are. */
    view: string | undefined
  }
  /** As the rule writes them; several are linked with OR. */
  conditions: string[]
  condition: ExplainedNode
  /** What kept the condition from holding; empty when it holds. */
  obstacles: Obstacle[]
}

export type ExplainedNode =
  | { kind: 'and' | 'or'; matches: boolean; children: ExplainedNode[] }
  | { kind: 'not'; matches: boolean; child: ExplainedNode }
  /** A search identifier of the rule, or a filter. */
  | { kind: 'part'; matches: boolean; name: string; child: ExplainedNode }
  | ExplainedTest

/** One line of a search identifier: a field (or the whole event) against its patterns, of which one must match. */
export interface ExplainedTest {
  kind: 'test'
  matches: boolean
  /** As the rule names it; undefined for keywords, which are looked for in every value. */
  field: string | undefined
  /** Fields of the event that were read for it, in order. Empty for keywords. */
  places: readonly string[]
  /** As the rule writes them, `['contains', 'all']`. */
  modifiers: string[]
  state: 'absent' | 'null' | 'present'
  /** Values seen, each cut at 1 KiB, at most 16; of keywords only those that match. */
  values: string[]
  /** Values beyond those. */
  valuesLeftOut: number
  /** Those that match first; at most 32. */
  patterns: ExplainedPattern[]
  patternsLeftOut: number
}

export interface ExplainedPattern {
  matches: boolean
  /** `equals`, `contains`, `startswith`, `endswith`, `wildcard`, `re`, `cidr`, `lt`, `hour equals`, `fieldref equals`, `null`, `any`, `exists`, … */
  operator: string
  /** What was looked for, lower-cased where case does not count. */
  text: string
  cased: boolean
  /** Where it was found; undefined where a match has no place (`null`, `exists`) or the value is too large to search again. */
  hit: Hit | undefined
}

/** A test that must change for the condition to hold. */
export interface Obstacle {
  /** Search identifier. */
  part: string
  /** True: the test matches and must not. */
  negated: boolean
  test: ExplainedTest
}

const valuesShown = 16
const valueShown = 1024
const patternsShown = 32
const obstaclesShown = 64

/** A record whose log source is declared and whose fields have the names rules use. */
interface DeclaredRecord {
  record: JsonRecord
  logsource: Logsource
}

/**
 * Explains a rule on a normalised event, read through the same views as in the stream, or on a record of a declared log
 * source.
 */
export function explainRule(rule: CompiledRule, event: Event | DeclaredRecord, lookups: Lookups): Explanation {
  if ('record' in event) {
    const condition = new Tree(recordAccess, event.record).explain(rule.expression)
    const applies = compatible(rule.document.logsource, event.logsource, lookups)
    return explanation(rule, condition, { event: [event.logsource], applies, view: undefined })
  }
  const entries = entriesOf(event, lookups)
  const views = viewsFor(rule.document.logsource, entries)
  // Of an event that is none of the rule's, the way the rule would read its own events says most.
  const meant = lookups.logsources.find((entry) => selects(rule.document.logsource, entry))?.view ?? 'default'
  const readings = [...(views.size > 0 ? views : [meant])].map((name) => {
    const view = lookups.views.get(name)!
    return { name, condition: new Tree(eventAccess(view), event).explain(rule.expression) }
  })
  const { name, condition } = readings.find((reading) => reading.condition.matches) ?? readings[0]!
  const kinds = entries.map(({ product, category, service }) => ({ product, category, service }))
  return explanation(rule, condition, { event: kinds, applies: views.size > 0, view: name })
}

function explanation(
  { document }: CompiledRule,
  condition: ExplainedNode,
  logsource: Omit<Explanation['logsource'], 'rule'>,
): Explanation {
  const obstacles: Obstacle[] = []
  if (!condition.matches) collectObstacles(condition, '', false, obstacles)
  return {
    ruleId: document.id,
    title: document.title,
    fires: condition.matches && logsource.applies,
    logsource: { rule: document.logsource, ...logsource },
    conditions: document.conditions,
    condition,
    obstacles,
  }
}

/** Tests below a node whose verdict is not the wanted one: all of an `and`, each alternative of an `or`. */
function collectObstacles(node: ExplainedNode, part: string, negated: boolean, found: Obstacle[]): void {
  if (node.matches !== negated || found.length >= obstaclesShown) return
  if (node.kind === 'test') found.push({ part, negated, test: node })
  else if (node.kind === 'part') collectObstacles(node.child, node.name, negated, found)
  else if (node.kind === 'not') collectObstacles(node.child, part, !negated, found)
  else for (const child of node.children) collectObstacles(child, part, negated, found)
}

/** One rule over one source: every node is decided, whatever the verdict of its neighbours. */
class Tree<Source> {
  private readonly accessTo: (field: string | undefined) => FieldAccess<Source>
  private readonly source: Source
  private readonly readers: Reader<Source>[] = []
  private readonly slotByKey = new Map<string, number>()
  private readonly places: (readonly string[])[] = []

  constructor(accessTo: (field: string | undefined) => FieldAccess<Source>, source: Source) {
    this.accessTo = accessTo
    this.source = source
  }

  explain(expression: Expression): ExplainedNode {
    switch (expression.kind) {
      case 'part': {
        const child = this.explain(expression.child)
        return { kind: 'part', matches: child.matches, name: expression.name, child }
      }
      case 'not': {
        const child = this.explain(expression.child)
        return { kind: 'not', matches: !child.matches, child }
      }
      case 'test':
        return this.explainTest(expression.test)
      default: {
        const children = expression.children.map((child) => this.explain(child))
        const matches =
          expression.kind === 'and' ? children.every((child) => child.matches) : children.some((child) => child.matches)
        return { kind: expression.kind, matches, children }
      }
    }
  }

  private readonly slotOf = (field: string | undefined): number => {
    const { key, reader, names } = this.accessTo(field)
    let slot = this.slotByKey.get(key)
    if (slot === undefined) {
      slot = this.readers.push(reader) - 1
      this.places.push(names ?? (field === undefined ? [] : [field]))
      this.slotByKey.set(key, slot)
    }
    return slot
  }

  private explainTest(test: FieldTest): ExplainedTest {
    const slot = this.slotOf(test.field)
    for (const predicate of test.predicates) if (predicate.kind === 'field') this.slotOf(predicate.field)
    const slots = new Slots(this.readers)
    slots.begin(this.source)
    const holds = (predicates: readonly Predicate[]) =>
      compileMatcher(slot, predicates, this.slotOf)(slots as Slots<unknown>)
    const matches = holds(test.predicates)
    const text = slots.text(slot)
    const texts = text === undefined ? [] : typeof text === 'string' ? [text] : text
    const patterns: ExplainedPattern[] = []
    const rest: Predicate[] = []
    // Of thousands of alternatives the few that match are shown, then the first that do not.
    for (const predicate of test.predicates) {
      if (matches && patterns.length < patternsShown && holds([predicate])) {
        const other = predicate.kind === 'field' ? slots.text(this.slotOf(predicate.field)) : undefined
        patterns.push({ ...describePredicate(predicate), matches: true, hit: hitOf(predicate, texts, other) })
      } else rest.push(predicate)
    }
    for (const predicate of rest.slice(0, patternsShown - patterns.length))
      patterns.push({ ...describePredicate(predicate), matches: false, hit: undefined })
    const hits = new Set(patterns.flatMap(({ hit }) => (hit ? [hit.value] : [])))
    const shown = this.valuesOf(test.field, texts, hits)
    for (const pattern of patterns)
      if (pattern.hit) pattern.hit = { ...pattern.hit, value: shown.indexOf(pattern.hit.value) }
    const state = slots.state(slot)
    return {
      kind: 'test',
      matches,
      field: test.field,
      places: this.places[slot]!,
      modifiers: test.label.split('|').slice(1),
      state: (state & slotValue) !== 0 ? 'present' : (state & slotPresent) !== 0 ? 'null' : 'absent',
      values: shown.map((index) => cut(texts[index]!)),
      valuesLeftOut: texts.length - shown.length,
      patterns,
      patternsLeftOut: test.predicates.length - patterns.length,
    }
  }

  /** Which of the values are shown: those with a hit before the others; for keywords no others. */
  private valuesOf(field: string | undefined, texts: readonly string[], hits: ReadonlySet<number>): number[] {
    const others = field === undefined ? [] : texts.map((_, index) => index).filter((index) => !hits.has(index))
    return [...hits, ...others].slice(0, Math.max(valuesShown, hits.size))
  }
}

function cut(text: string): string {
  return text.length > valueShown ? `${text.slice(0, valueShown)}…` : text
}
