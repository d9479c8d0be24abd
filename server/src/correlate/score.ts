import { type Severity, severityRank } from '../event/event.ts'
import type { EntityFact, IncidentFacts, ScorePart } from '../event/incident.ts'
import type { CorrelateSettings } from './settings.ts'
import { type AttackLookup, stageChain } from './stage.ts'

export interface Score {
  /** 0 to 100. */
  score: number
  /** Named parts, none of zero points; their points add up to `score` exactly. */
  parts: ScorePart[]
  severity: Severity
}

/**
 * Scores an incident by what is known of it. Every part only rises with further evidence, so a score never falls.
 * What exceeds 100 is taken off by a part of its own name, so that the sum always shows.
 */
export function score(facts: IncidentFacts, attack: AttackLookup, settings: CorrelateSettings): Score {
  const { points } = settings
  const worst = facts.rules.reduce((a, b) => (severityRank[b.severity] > severityRank[a.severity] ? b : a))
  const chain = stageChain(facts.rules, attack)
  const hostCount = attackedHostCount(facts.entities)
  const success = successAfterAttempt(facts)
  const parts: ScorePart[] = [
    {
      name: 'severity',
      points: points.severity[worst.severity],
      because: { severity: worst.severity, rule: worst.title, ruleZh: worst.titleZh ?? worst.title },
    },
    {
      name: 'rules',
      points: Math.min((facts.rules.length - 1) * points.rule, points.rulesMax),
      because: { count: facts.rules.length },
    },
    {
      name: 'stages',
      points: Math.min(Math.max(chain.length - 1, 0) * points.stage, points.stagesMax),
      because: { count: chain.length, stages: chain.join(', ') },
    },
    {
      name: 'success_after_attempt',
      points: success ? points.successAfterAttempt : 0,
      because: success ? { user: success.user ?? '', host: success.host ?? '', timeMs: success.timeMs } : {},
    },
    {
      name: 'asset_criticality',
      points: facts.asset ? points.asset[facts.asset.criticality] : 0,
      because: facts.asset ? { ...facts.asset } : {},
    },
    {
      name: 'threat_intelligence',
      points: facts.indicator ? points.threatIntelligence : 0,
      because: facts.indicator ? { indicator: facts.indicator.value } : {},
    },
    {
      name: 'spread',
      points: Math.min(Math.max(hostCount - 1, 0) * points.host, points.hostsMax),
      because: { count: hostCount },
    },
    {
      name: 'volume',
      points: Math.min(powerOfTen(facts.matches) * points.volume, points.volumeMax),
      because: { count: facts.matches },
    },
  ]
  const given = parts.filter((part) => part.points !== 0)
  const sum = given.reduce((total, part) => total + part.points, 0)
  if (sum > 100) given.push({ name: 'ceiling', points: 100 - sum, because: { limit: 100 } })
  const total = Math.min(sum, 100)
  return { score: total, parts: given, severity: severityOf(total, settings) }
}

/** Severity of an incident by its score. */
export function severityOf(total: number, settings: CorrelateSettings): Severity {
  return settings.severityFrom.find(([, from]) => total >= from)?.[0] ?? 'informational'
}

/** Hosts that were acted upon or that the evidence is about; where no host is named, the addresses acted upon. */
export function attackedHosts(entities: EntityFact[]): EntityFact[] {
  const hosts = entities.filter(({ type, role }) => type === 'host' && role !== 'actor')
  return hosts.length > 0 ? hosts : entities.filter(({ type, role }) => type === 'ip' && role === 'target')
}

/** The larger of both counts, so that a host name learnt later does not lower the score. */
function attackedHostCount(entities: EntityFact[]): number {
  const hosts = entities.filter(({ type, role }) => type === 'host' && role !== 'actor').length
  return Math.max(hosts, entities.filter(({ type, role }) => type === 'ip' && role === 'target').length)
}

/** The latest authentication that succeeded at or after the first attempt; null when there was none. */
export function successAfterAttempt({ attempt, success }: IncidentFacts): IncidentFacts['success'] {
  return attempt && success && success.timeMs >= attempt.timeMs ? success : null
}

/** Whole powers of ten: 9 -> 0, 10 -> 1, 1000 -> 3; by comparison, since logarithms of powers of ten are inexact. */
function powerOfTen(count: number): number {
  let power = 0
  for (let bound = 10; count >= bound; bound *= 10) power++
  return power
}
