import { createHash } from 'node:crypto'
import {
  type Detection,
  type Entity,
  type Fields,
  type MatchedField,
  type RuleAttribution,
  type Severity,
  severityRank,
} from '../event/event.ts'
import { type Criticality, criticalityRank, type EntityFact, type Moment } from '../event/incident.ts'
import { fieldText } from './decode.ts'
import type { CorrelateSettings } from './settings.ts'
import { compare } from './stage.ts'

/**
 * Firings of one rule on one principal entity of one unit within one bucket of event time. Every part is joined by
 * minimum, maximum, sum or the smallest k by (time, key), so that any order of arrival gives the same row.
 */
export interface DetectionRow {
  id: string
  ruleId: string
  ruleTitle: string
  /** Null for rules that have none. */
  ruleTitleZh: string | null
  detector: Detection['detector']
  severity: Severity
  unitPath: string
  /** `type|value`, for an account with its host after a space; empty when the match named no entity. */
  principal: string
  bucketMs: number
  firstMs: number
  lastMs: number
  matches: number
  /** [event time, event id], oldest first. */
  evidence: [number, string][]
  entities: EntityFact[]
  techniques: string[]
  tactics: string[]
  /** Of the earliest firing. */
  sample: Sample
  attempt: Moment | null
  success: Moment | null
  indicator: (Moment & { value: string }) | null
  asset: { criticality: Criticality; name: string } | null
  suppressedBy: number | null
}

interface Sample {
  timeMs: number
  id: string
  summary: string
  summaryZh: string | null
  sourceKey: string
  matched: MatchedField[]
  fields: Fields
  attribution: RuleAttribution | null
}

const attackingTactics = new Set(['reconnaissance', 'initial-access', 'credential-access'])
const matchedLimit = 20
const fieldLimit = 100

/** Folds firings into rows, keyed by their id. `suppressedBy` names the exception that hides a firing, if any. */
export function dedupe(
  matches: { match: Detection; suppressedBy: number | null }[],
  settings: CorrelateSettings,
): Map<string, DetectionRow> {
  const byKey = new Map<
    string,
    { evidence: Map<string, number>; entities: Map<string, EntityFact>; row: DetectionRow }
  >()
  for (const { match, suppressedBy } of matches) {
    const principal = principalOf(match.entities)
    const bucketMs = Math.floor(match.timeMs / settings.bucketMs) * settings.bucketMs
    const key = `${match.ruleId}\0${principal}\0${match.unitPath}\0${bucketMs}\0${suppressedBy ?? ''}`
    let group = byKey.get(key)
    if (!group) {
      group = { evidence: new Map(), entities: new Map(), row: emptyRow(match, key, principal, bucketMs, suppressedBy) }
      byKey.set(key, group)
    }
    addMatch(group.row, group.evidence, group.entities, match)
  }
  const rows = new Map<string, DetectionRow>()
  for (const { row, evidence, entities } of byKey.values()) {
    row.evidence = smallestEvidence(evidence, settings.evidenceLimit)
    row.entities = smallestEntities(entities, settings.entityLimit)
    rows.set(row.id, row)
  }
  return rows
}

/** The row of both sets of firings; neither argument is changed. */
export function mergeRows(a: DetectionRow, b: DetectionRow, settings: CorrelateSettings): DetectionRow {
  const evidence = new Map<string, number>()
  for (const [timeMs, id] of [...a.evidence, ...b.evidence]) {
    evidence.set(id, Math.min(timeMs, evidence.get(id) ?? timeMs))
  }
  const entities = new Map<string, EntityFact>()
  for (const entity of [...a.entities, ...b.entities]) addEntity(entities, entity)
  const first = isEarlier(b.sample, a.sample) ? b : a
  return {
    ...a,
    ruleTitle: first.ruleTitle,
    ruleTitleZh: first.ruleTitleZh,
    severity: worse(a.severity, b.severity),
    firstMs: Math.min(a.firstMs, b.firstMs),
    lastMs: Math.max(a.lastMs, b.lastMs),
    matches: a.matches + b.matches,
    evidence: smallestEvidence(evidence, settings.evidenceLimit),
    entities: smallestEntities(entities, settings.entityLimit),
    techniques: union(a.techniques, b.techniques),
    tactics: union(a.tactics, b.tactics),
    sample: first.sample,
    attempt: earliest(a.attempt, b.attempt),
    success: latest(a.success, b.success),
    indicator: earliest(a.indicator, b.indicator),
    asset: moreCritical(a.asset, b.asset),
  }
}

/** Who can be behind something; a program or a file is what they use. */
const principalTypes: ReadonlySet<string> = new Set(['ip', 'user', 'host', 'domain'])

/**
 * The entity a detection is counted by: the first that acts, else the host, else the first there is. An account is
 * counted together with its host, since `root` on one host is not `root` on another.
 */
function principalOf(entities: Entity[]): string {
  const host = entities.find(({ type }) => type === 'host')
  const actor = entities.find(({ type, role }) => role === 'actor' && principalTypes.has(type))
  const entity = actor ?? host ?? entities.find(({ type }) => principalTypes.has(type)) ?? entities[0]
  if (!entity) return ''
  const key = `${entity.type}|${entity.value}`
  return host && entity.type === 'user' ? `${key} host|${host.value}` : key
}

/** True for the entities a principal is made of. */
export function isOwnEntity(principal: string, type: string, value: string): boolean {
  const key = `${type}|${value}`
  return principal === key || principal.startsWith(`${key} host|`) || principal.endsWith(` ${key}`)
}

function emptyRow(
  match: Detection,
  key: string,
  principal: string,
  bucketMs: number,
  suppressedBy: number | null,
): DetectionRow {
  return {
    id: createHash('sha256').update(key).digest('hex').slice(0, 32),
    ruleId: match.ruleId,
    ruleTitle: match.ruleTitle,
    ruleTitleZh: match.ruleTitleZh ?? null,
    detector: match.detector,
    severity: match.severity,
    unitPath: match.unitPath,
    principal,
    bucketMs,
    firstMs: match.timeMs,
    lastMs: match.timeMs,
    matches: 0,
    evidence: [],
    entities: [],
    techniques: [],
    tactics: [],
    sample: sampleOf(match),
    attempt: null,
    success: null,
    indicator: null,
    asset: null,
    suppressedBy,
  }
}

function addMatch(
  row: DetectionRow,
  evidence: Map<string, number>,
  entities: Map<string, EntityFact>,
  match: Detection,
): void {
  const { timeMs } = match
  row.matches++
  row.firstMs = Math.min(row.firstMs, timeMs)
  row.lastMs = Math.max(row.lastMs, timeMs)
  row.severity = worse(row.severity, match.severity)
  row.techniques = union(row.techniques, match.techniques)
  row.tactics = union(row.tactics, match.tactics)
  if (isEarlier(match, row.sample)) {
    row.sample = sampleOf(match)
    row.ruleTitle = match.ruleTitle
    row.ruleTitleZh = match.ruleTitleZh ?? null
  }
  for (const id of match.eventIds) {
    const known = evidence.get(id)
    if (known === undefined || timeMs < known) evidence.set(id, timeMs)
  }
  for (const entity of match.entities) addEntity(entities, entityFact(entity, match))
  const moment = momentOf(match)
  if (isSuccess(match)) row.success = latest(row.success, moment)
  else if (isAttempt(match)) row.attempt = earliest(row.attempt, moment)
  const indicator = indicatorOf(match)
  if (indicator) row.indicator = earliest(row.indicator, { ...moment, value: indicator })
  row.asset = moreCritical(row.asset, assetOf(match))
}

function sampleOf(match: Detection): Sample {
  const { timeMs, id, summary, summaryZh = null, sourceKey } = match
  const fields = Object.fromEntries(Object.entries(match.fields).slice(0, fieldLimit))
  const attribution = match.ruleAttribution ?? null
  return {
    timeMs,
    id,
    summary,
    summaryZh,
    sourceKey,
    matched: match.matched.slice(0, matchedLimit),
    fields,
    attribution,
  }
}

function entityFact(entity: Entity, match: Detection): EntityFact {
  const fact: EntityFact = { ...entity, firstMs: match.timeMs, lastMs: match.timeMs, matches: 1 }
  if (entity.type !== 'ip') return fact
  for (const side of ['source', 'destination']) {
    if (fieldText(match.fields, `${side}.ip`) !== entity.value) continue
    const country = fieldText(match.fields, `${side}.geo.country_iso_code`)
    const organisation = fieldText(match.fields, `${side}.as.organization.name`)
    if (country) fact.country = country
    if (organisation) fact.organisation = organisation
  }
  return fact
}

const roleRank = { actor: 0, target: 1, observed: 2 }

/** Joins what is known of one entity; the strongest role stays. */
export function addEntity(entities: Map<string, EntityFact>, entity: EntityFact): void {
  const key = `${entity.type}|${entity.value}`
  const known = entities.get(key)
  if (!known) {
    entities.set(key, { ...entity })
    return
  }
  if (roleRank[entity.role] < roleRank[known.role]) known.role = entity.role
  known.firstMs = Math.min(known.firstMs, entity.firstMs)
  known.lastMs = Math.max(known.lastMs, entity.lastMs)
  known.matches += entity.matches
  const country = smallerText(known.country, entity.country)
  const organisation = smallerText(known.organisation, entity.organisation)
  if (country) known.country = country
  if (organisation) known.organisation = organisation
}

/** The `limit` entities seen first. An entity that falls out can only come back with an earlier time. */
export function smallestEntities(entities: Map<string, EntityFact>, limit: number): EntityFact[] {
  const ordered = [...entities.values()].sort(
    (a, b) => a.firstMs - b.firstMs || compare(a.type, b.type) || compare(a.value, b.value),
  )
  return ordered.slice(0, limit)
}

function smallestEvidence(evidence: Map<string, number>, limit: number): [number, string][] {
  const ordered = [...evidence].map(([id, timeMs]): [number, string] => [timeMs, id])
  return ordered.sort((a, b) => a[0] - b[0] || compare(a[1], b[1])).slice(0, limit)
}

function momentOf(match: Detection): Moment {
  const moment: Moment = { timeMs: match.timeMs, id: match.id, ruleId: match.ruleId }
  const named = { user: fieldText(match.fields, 'user.name'), host: fieldText(match.fields, 'host.name') }
  const address = fieldText(match.fields, 'source.ip')
  if (named.user) moment.user = named.user
  if (named.host) moment.host = named.host
  if (address) moment.address = address
  return moment
}

function isSuccess({ fields }: Detection): boolean {
  if (fieldText(fields, 'event.outcome') !== 'success') return false
  return [fields['event.category']].flat().some((category) => category === 'authentication' || category === 'session')
}

function isAttempt({ fields, tactics }: Detection): boolean {
  return fieldText(fields, 'event.outcome') === 'failure' || tactics.some((tactic) => attackingTactics.has(tactic))
}

function indicatorOf({ fields, detector, entities }: Detection): string {
  const named = fieldText(fields, 'threat.indicator.name')
  return named || (detector === 'intel' ? (entities[0]?.value ?? '') : '')
}

function assetOf({ fields }: Detection): DetectionRow['asset'] {
  const criticality = fieldText(fields, 'asset.criticality')
  if (!Object.hasOwn(criticalityRank, criticality)) return null
  const name = fieldText(fields, 'asset.name') || fieldText(fields, 'host.name') || fieldText(fields, 'destination.ip')
  return { criticality: criticality as Criticality, name }
}

export function worse(a: Severity, b: Severity): Severity {
  return severityRank[b] > severityRank[a] ? b : a
}

export function union(a: string[], b: string[]): string[] {
  if (b.every((item) => a.includes(item))) return a
  return [...new Set([...a, ...b])].sort(compare)
}

export function earliest<Item extends Moment>(a: Item | null, b: Item | null): Item | null {
  if (!a || !b) return a ?? b
  return isEarlier(b, a) ? b : a
}

export function latest(a: Moment | null, b: Moment | null): Moment | null {
  if (!a || !b) return a ?? b
  return isEarlier(a, b) ? b : a
}

export function moreCritical(a: DetectionRow['asset'], b: DetectionRow['asset']): DetectionRow['asset'] {
  if (!a || !b) return a ?? b
  const difference = criticalityRank[b.criticality] - criticalityRank[a.criticality] || compare(a.name, b.name)
  return difference > 0 ? b : a
}

function isEarlier(a: { timeMs: number; id: string }, b: { timeMs: number; id: string }): boolean {
  return a.timeMs < b.timeMs || (a.timeMs === b.timeMs && a.id < b.id)
}

function smallerText(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return a < b ? a : b
}
