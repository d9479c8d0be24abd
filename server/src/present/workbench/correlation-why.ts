import { chineseTitle } from '../../detect/rule-words.ts'
import {
  type CorrelationExplanation,
  correlationInputs,
  explainCorrelation,
} from '../../detect/sigma/correlation/explain.ts'
import { SigmaEngine } from '../../detect/sigma/engine.ts'
import type { RuleSet } from '../../detect/sigma/ruleset.ts'
import type { Event } from '../../event/event.ts'
import type { RuleBook } from '../rule-book.ts'
import { partOf } from './check.ts'

export interface CorrelationWhy extends CorrelationExplanation {
  /** Its title and those of the rules it refers to, by their ids. */
  titles: Record<string, { en: string; zh: string | null }>
}

/** Why each of the chosen correlations of a set fires over some events, or what is missing. */
export function correlationsWhy(
  set: RuleSet,
  isWanted: (ruleId: string) => boolean,
  { lookups }: RuleBook,
  events: readonly Event[],
): CorrelationWhy[] {
  const wanted = set.correlations.filter(({ id }) => isWanted(id))
  if (wanted.length === 0) return []
  const engine = new SigmaEngine(set, lookups)
  const inputs = events.flatMap((event) => correlationInputs(engine, event))
  const documents = [...set.rules, ...set.correlations].map(({ document }) => document)
  return wanted.map((correlation) => {
    const explanation = explainCorrelation(correlation, set.correlations, inputs)
    const named = new Set([correlation.id, ...explanation.rules.map(({ rule }) => rule)])
    const titles = documents
      .filter(({ id }) => named.has(id))
      .map((document) => [document.id, { en: document.title, zh: chineseTitle(document) ?? null }] as const)
    return { ...explanation, titles: Object.fromEntries(titles) }
  })
}

/** The rules a correlation is made of, itself among them, as a set of their own; undefined when the id is no correlation in force. */
export function setOfCorrelation({ library }: RuleBook, ruleId: string): RuleSet | undefined {
  const { set } = library
  if (!set.correlations.some(({ id }) => id === ruleId)) return undefined
  return partOf(set, [ruleId])
}
