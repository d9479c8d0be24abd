import { severityRank } from '../event/event.ts'
import { type EntityFact, factLimits, type IncidentFacts, type RuleFact } from '../event/incident.ts'
import {
  addEntity,
  type DetectionRow,
  earliest,
  latest,
  moreCritical,
  smallestEntities,
  union,
  worse,
} from './dedupe.ts'
import { compare } from './stage.ts'

/**
 * What new firings add to an incident. `isNew` is false when the detection they were folded into is already counted.
 */
export function factsOf(row: DetectionRow, isNew: boolean): IncidentFacts {
  const rule: RuleFact = {
    id: row.ruleId,
    title: row.ruleTitle,
    titleZh: row.ruleTitleZh,
    author: row.sample.attribution?.author ?? null,
    detector: row.detector,
    severity: row.severity,
    tactics: row.tactics,
    techniques: row.techniques,
    firstMs: row.firstMs,
    lastMs: row.lastMs,
    matches: row.matches,
    summary: row.sample.summary,
    summaryZh: row.sample.summaryZh,
    summaryId: row.sample.id,
  }
  return {
    firstMs: row.firstMs,
    lastMs: row.lastMs,
    matches: row.matches,
    detections: isNew ? 1 : 0,
    rules: [rule],
    entities: row.entities,
    attempt: row.attempt,
    success: row.success,
    indicator: row.indicator,
    asset: row.asset,
    sources: [row.sample.sourceKey],
  }
}

/** Joins the facts of two sets of firings; commutative and associative, so that order of arrival does not matter. */
export function mergeFacts(a: IncidentFacts, b: IncidentFacts): IncidentFacts {
  return {
    firstMs: Math.min(a.firstMs, b.firstMs),
    lastMs: Math.max(a.lastMs, b.lastMs),
    matches: a.matches + b.matches,
    detections: a.detections + b.detections,
    rules: mergeRules(a.rules, b.rules),
    entities: mergeEntities(a.entities, b.entities),
    attempt: earliest(a.attempt, b.attempt),
    success: latest(a.success, b.success),
    indicator: earliest(a.indicator, b.indicator),
    asset: moreCritical(a.asset, b.asset),
    sources: union(a.sources, b.sources).slice(0, factLimits.sources),
  }
}

function mergeRules(a: RuleFact[], b: RuleFact[]): RuleFact[] {
  const rules = new Map(a.map((rule) => [rule.id, rule]))
  for (const rule of b) {
    const known = rules.get(rule.id)
    rules.set(rule.id, known ? mergeRule(known, rule) : rule)
  }
  const byTime = (x: RuleFact, y: RuleFact) => x.firstMs - y.firstMs || compare(x.id, y.id)
  const ordered = [...rules.values()].sort(byTime)
  if (ordered.length <= factLimits.rules) return ordered
  // The worst stay: severities only rise and first times only fall, so a rule that is cut stays cut in any order.
  ordered.sort((x, y) => severityRank[y.severity] - severityRank[x.severity] || byTime(x, y))
  return ordered.slice(0, factLimits.rules).sort(byTime)
}

function mergeRule(a: RuleFact, b: RuleFact): RuleFact {
  const bIsFirst = b.firstMs < a.firstMs || (b.firstMs === a.firstMs && b.summaryId < a.summaryId)
  const first = bIsFirst ? b : a
  return {
    ...a,
    title: first.title,
    titleZh: first.titleZh,
    author: first.author,
    severity: worse(a.severity, b.severity),
    tactics: union(a.tactics, b.tactics),
    techniques: union(a.techniques, b.techniques),
    firstMs: Math.min(a.firstMs, b.firstMs),
    lastMs: Math.max(a.lastMs, b.lastMs),
    matches: a.matches + b.matches,
    summary: first.summary,
    summaryZh: first.summaryZh,
    summaryId: first.summaryId,
  }
}

function mergeEntities(a: EntityFact[], b: EntityFact[]): EntityFact[] {
  const entities = new Map<string, EntityFact>()
  for (const entity of a) addEntity(entities, entity)
  for (const entity of b) addEntity(entities, entity)
  return smallestEntities(entities, factLimits.entities)
}
