import type { EntityType, Severity } from './event.ts'

/**
 * `candidate`: grouped, but below the score that opens an incident; nobody sees it. `merged`: its detections now
 * belong to the incident it points to.
 */
export type IncidentStatus = 'candidate' | 'new' | 'in_progress' | 'on_hold' | 'closed' | 'merged'

/** The statuses a person sees and sets. */
export type VisibleStatus = 'new' | 'in_progress' | 'on_hold' | 'closed'

export type CloseReason = 'true_positive' | 'false_positive' | 'benign' | 'duplicate'

/** A text in the two languages of the product. */
export interface Bilingual {
  zh: string
  en: string
}

/** One named part of a score. The points of all parts add up to the score exactly. */
export interface ScorePart {
  name:
    | 'severity'
    | 'rules'
    | 'stages'
    | 'success_after_attempt'
    | 'asset_criticality'
    | 'threat_intelligence'
    | 'spread'
    | 'volume'
    | 'ceiling'
  points: number
  /** The values that gave the points, for the sentence in the reader's language. */
  because: Record<string, string | number>
}

export type Criticality = 'low' | 'medium' | 'high' | 'critical'

export const criticalityRank: Record<Criticality, number> = { low: 0, medium: 1, high: 2, critical: 3 }

/** What is known of one entity; joined by minimum, maximum and sum, so that the order of arrival does not matter. */
export interface EntityFact {
  type: EntityType
  value: string
  role: 'actor' | 'target' | 'observed'
  firstMs: number
  lastMs: number
  matches: number
  /** ISO 3166 code of where the address lies. */
  country?: string
  /** Who runs the address's network. */
  organisation?: string
}

/** What is known of one rule's firings. */
export interface RuleFact {
  id: string
  title: string
  /** Null for rules without Chinese; their title stands in both languages. */
  titleZh: string | null
  author: string | null
  detector: string
  severity: Severity
  tactics: string[]
  techniques: string[]
  firstMs: number
  lastMs: number
  matches: number
  /** The earliest firing, in one line, and the id that breaks a tie. */
  summary: string
  summaryZh: string | null
  summaryId: string
}

/** A moment that matters for the story; `id` breaks ties so that the same set gives the same moment. */
export interface Moment {
  timeMs: number
  id: string
  ruleId: string
  user?: string
  host?: string
  address?: string
}

/** Everything score, title and story are made from: bounded, and the same for any order of arrival. */
export interface IncidentFacts {
  firstMs: number
  lastMs: number
  /** Single firings. */
  matches: number
  /** Detections after deduplication. */
  detections: number
  /** By first firing, at most `factLimits.rules`. */
  rules: RuleFact[]
  /** By first sight, at most `factLimits.entities`. */
  entities: EntityFact[]
  /** Earliest failed or attacking step. */
  attempt: Moment | null
  /** Latest success of an authentication. */
  success: Moment | null
  /** Earliest hit of an indicator; `value` is the indicator. */
  indicator: (Moment & { value: string }) | null
  /** Most critical asset touched. */
  asset: { criticality: Criticality; name: string } | null
  /** Senders whose records are the evidence. */
  sources: string[]
}

export const factLimits = { rules: 64, entities: 200, sources: 20 } as const
