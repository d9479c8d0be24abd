import { createHash } from 'node:crypto'
import type { Detection, Entity, Event, Fields, FieldValue } from '../event/event.ts'
import { attackOf } from './attack.ts'
import { entitiesOf } from './entities.ts'
import { chineseTitle, titledWords } from './rule-words.ts'
import type { SigmaDocument } from './sigma/document.ts'
import type { RuleMatch } from './sigma/engine.ts'
import { LayeredEngine } from './sigma/layered-engine.ts'
import type { Lookups } from './sigma/logsource.ts'
import type { RuleSet } from './sigma/ruleset.ts'

export interface DetectorOptions {
  lookups: Lookups
  /** Rules for which it says false are not matched. Default: all are on. */
  enabled?: (ruleId: string) => boolean
}

export interface DetectorCounters {
  events: number
  detections: number
  /** Detections by rule id. */
  byRule: Map<string, number>
}

/** The stage `detect`: stateless between events, so that any number may share a stream. */
export interface Detector {
  /** Detections of a batch, in the order of its events and then of the rules. */
  detect(events: Event[]): Detection[]
  /** Puts another rule set, or another choice of enabled rules, in place between two batches; resolves when it is in force. */
  replace(ruleSet: RuleSet, enabled?: (ruleId: string) => boolean): Promise<void>
  readonly counters: DetectorCounters
}

const fieldTextLimit = 1024

/** Creates the stage from a compiled rule set. */
export function createDetector(ruleSet: RuleSet, { lookups, enabled }: DetectorOptions): Detector {
  const engine = new LayeredEngine(ruleSet, lookups, enabled)
  let counted = countedFields(ruleSet)
  const counters: DetectorCounters = { events: 0, detections: 0, byRule: new Map() }
  return {
    counters,
    async replace(next, nextEnabled) {
      // A field too many does no harm, one too few does.
      counted = countedFields(next)
      await engine.replace(next, nextEnabled)
    },
    detect(events) {
      const detections: Detection[] = []
      for (const event of events) {
        const matches = engine.matchEvent(event)
        for (const match of matches) {
          const detection = detectionOf(match, event, counted.get(match.rule.document.id) ?? [])
          counters.byRule.set(detection.ruleId, (counters.byRule.get(detection.ruleId) ?? 0) + 1)
          detections.push(detection)
        }
      }
      counters.events += events.length
      counters.detections += detections.length
      return detections
    },
  }
}

/** The finding of one rule on one event. */
function detectionOf(match: RuleMatch, event: Event, counted: Iterable<string>): Detection {
  const { document } = match.rule
  const entities = entitiesOf(event.fields)
  const fields = shortened(event.fields)
  // Correlations ask by the names rules use, which only this stage can translate.
  for (const field of counted) {
    const value = fields[field] === undefined ? asFieldValue(match.read(field)) : undefined
    if (value !== undefined) fields[field] = cut(value)
  }
  return {
    id: detectionId(document.id, subjectOf(event), ''),
    ruleId: document.id,
    detector: 'sigma',
    severity: document.level,
    timeMs: event.timeMs,
    unitPath: event.unitPath,
    ...attackOf(document.tags),
    entities,
    eventIds: evidenceOf(event),
    matched: match.explain(),
    fields,
    sourceKey: event.sourceKey,
    ...wordsOf(document, entities),
  }
}

/** Rule id -> fields by which correlations group and count its matches. */
function countedFields({ correlations }: RuleSet): Map<string, Set<string>> {
  const counted = new Map<string, Set<string>>()
  for (const { rules, groupBy, valueFields } of correlations) {
    for (const [index, rule] of rules.entries()) {
      const fields = counted.get(rule) ?? new Set()
      for (const field of [...groupBy[index]!, ...valueFields[index]!]) if (field !== undefined) fields.add(field)
      counted.set(rule, fields)
    }
  }
  return counted
}

function asFieldValue(value: unknown): FieldValue | undefined {
  if (Array.isArray(value)) return value.map((member) => asFieldValue(member) ?? null)
  return value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? value
    : undefined
}

/** The same rule, event and group give the same id, however often the event is replayed. */
export function detectionId(ruleId: string, eventId: string, groupKey: string): string {
  const text = JSON.stringify([ruleId, eventId, groupKey])
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

/** What a detection of a single event is about, however many records told it and however they were cut into batches. */
export function subjectOf({ id, continues }: Event): string {
  return continues ?? id
}

/** The subject first, then the event that shows it. */
export function evidenceOf({ id, continues }: Event): string[] {
  return continues === undefined ? [id] : [continues, id]
}

/** The rule's title, and one line: the title and the first entities of each kind. */
export function wordsOf(document: SigmaDocument, entities: readonly Entity[]): ReturnType<typeof titledWords> {
  return namedWords({ title: document.title, titleZh: chineseTitle(document) }, entities)
}

/** A title, and one line: the title and the first entities of each kind. */
export function namedWords(
  words: { title: string; titleZh?: string | undefined },
  entities: readonly Entity[],
): ReturnType<typeof titledWords> {
  const seen = new Set<string>()
  const named = entities.filter(({ type, role }) => {
    if (seen.has(`${type} ${role}`) || type === 'file' || type === 'url') return false
    seen.add(`${type} ${role}`)
    return true
  })
  const list = named.slice(0, 4).map(({ value }) => value)
  return titledWords(words, list.join(' · '))
}

/** Fields with every text cut at 1 KiB, so that one huge value does not travel with each of its detections. */
export function shortened(fields: Fields): Fields {
  const short: Fields = {}
  for (const [name, value] of Object.entries(fields)) short[name] = cut(value)
  return short
}

function cut(value: FieldValue): FieldValue {
  if (typeof value === 'string') return value.length > fieldTextLimit ? `${value.slice(0, fieldTextLimit)}…` : value
  return Array.isArray(value) ? value.slice(0, 64).map(cut) : value
}
