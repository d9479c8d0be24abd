/** A value of one field. Objects are flattened by the parsers; arrays keep their order. */
export type FieldValue = string | number | boolean | null | FieldValue[]

/** Flat, dotted ECS names to values, e.g. `{ 'source.ip': '203.0.113.7', 'event.action': 'ssh_login' }`. */
export type Fields = Record<string, FieldValue>

/**
 * One normalised event. What identifies and orders it stands beside the fields, so that no stage has to look
 * it up by name: `@timestamp`, `event.id`, `event.ingested` and `event.original` are never in `fields`.
 */
export interface Event {
  /** Deterministic: a function of where the record lies on the bus, so that a replay gives the same id. */
  id: string
  /**
   * Id of the event that this one goes on: one happening that the sender told in several records, of which some came
   * later. A rule that both satisfy found one thing.
   */
  continues?: string
  /** Of an event made of several records: id of the last one, where `id` is that of the first. */
  lastRecordId?: string
  /** Event time, milliseconds since the epoch, UTC. */
  timeMs: number
  /** When Watchfire received the record, milliseconds since the epoch, UTC. */
  receivedAtMs: number
  /** The bytes as they came (`event.original`). */
  raw: Uint8Array
  /** Key of the sender in `sources` (see event/raw-record.ts sourceKey). */
  sourceKey: string
  /** Materialised path of the owning unit, e.g. `/1/12/`; set by enrich, `/1/` (the root unit) until then. */
  unitPath: string
  fields: Fields
}

/** ATT&CK, human names and evidence of one firing of one detector on one event. */
export interface Detection {
  /** Deterministic: hash of rule id, event id and group key. */
  id: string
  ruleId: string
  ruleTitle: string
  /** The rule's title in Chinese; absent when the rule has none, and its title stands in both languages. */
  ruleTitleZh?: string
  /** Whose rule it is; absent when the rule does not say. */
  ruleAttribution?: RuleAttribution
  /** Which detector: a Sigma rule, a Sigma correlation, an indicator, a model, a scheduled analytic. */
  detector: 'sigma' | 'correlation' | 'intel' | 'model' | 'analytic'
  severity: Severity
  /** Event time of the (last) event that made it fire, milliseconds since the epoch. */
  timeMs: number
  unitPath: string
  /** ATT&CK technique ids, e.g. `T1110.001`. */
  techniques: string[]
  /** ATT&CK tactic short names, e.g. `credential-access`, earliest stage first. */
  tactics: string[]
  /** Entities taken from the event(s), most telling first. */
  entities: Entity[]
  /**
   * Ids of the events that are the evidence, oldest first, at most `evidenceLimit`. The first is what correlations know
   * the detection by: an event that goes on another stands behind it.
   */
  eventIds: string[]
  /** Field values that matched, for explanation: condition part -> field -> value. */
  matched: MatchedField[]
  /** Fields of the event that made it fire (values cut at 1 KiB), for exceptions and for the reader. */
  fields: Fields
  /** Key of the sender whose event fired. */
  sourceKey: string
  /** One line an analyst can read, made from the rule's `title` and the event's values. */
  summary: string
  /** The same in Chinese, where the rule has a Chinese title. */
  summaryZh?: string
}

/** What an alert must say of its rule (`rule.author`, `rule.license` and `rule.reference` of ECS): rules under the DRL ask for the author. */
export interface RuleAttribution {
  author?: string
  license?: string
  reference?: string
}

export interface MatchedField {
  /** Search identifier of the rule (`selection`), or `correlation`. */
  part: string
  field: string
  value: string
}

export type EntityType = 'host' | 'user' | 'ip' | 'domain' | 'process' | 'file' | 'url'

export interface Entity {
  type: EntityType
  /** Canonical value: addresses in canonical text, hosts and users lower-cased. */
  value: string
  /** What it did in this event: the one acting, the one acted upon, or merely seen. */
  role: 'actor' | 'target' | 'observed'
}

/** Sigma levels; `severityRank` orders them. */
export type Severity = 'informational' | 'low' | 'medium' | 'high' | 'critical'

export const severityRank: Record<Severity, number> = { informational: 0, low: 1, medium: 2, high: 3, critical: 4 }
