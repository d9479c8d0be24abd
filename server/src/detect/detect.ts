import { createHash } from 'node:crypto'
import type { Detection, Entity, Event, Fields, FieldValue } from '../event/event.ts'
import type { EventMatches, Match, SilentMatch, SilentRule } from '../event/match.ts'
import { attackOf } from './attack.ts'
import { entitiesOf } from './entities.ts'
import { attributionOf, chineseTitle, titledWords } from './rule-words.ts'
import { silentRules } from './sigma/correlation/order.ts'
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
  /** Rules that matched an event, silent ones included. */
  matches: number
}

/** The stage `detect`: stateless between events, so that any number may share a stream. */
export interface Detector {
  /** Detections of a batch, in the order of its events and then of the rules; silent rules too. */
  detect(events: Event[]): Detection[]
  /** The same by event, where what silent rules found in it is one match with no more than correlations need. */
  match(events: Event[]): EventMatches[]
  /** Puts another rule set, or another choice of enabled rules, in place between two batches; resolves when it is in force. */
  replace(ruleSet: RuleSet, enabled?: (ruleId: string) => boolean): Promise<void>
  readonly counters: DetectorCounters
}

const fieldTextLimit = 1024

/** Creates the stage from a compiled rule set. */
export function createDetector(ruleSet: RuleSet, { lookups, enabled }: DetectorOptions): Detector {
  const engine = new LayeredEngine(ruleSet, lookups, enabled)
  let counted = countedFields(ruleSet)
  let silent = silentRules(ruleSet.correlations)
  const counters: DetectorCounters = { events: 0, matches: 0 }
  return {
    counters,
    async replace(next, nextEnabled) {
      // A field too many does no harm, one too few does.
      counted = countedFields(next)
      await engine.replace(next, nextEnabled)
      silent = silentRules(next.correlations)
    },
    detect(events) {
      const detections: Detection[] = []
      for (const event of events) {
        for (const match of engine.matchEvent(event))
          detections.push(detectionOf(match, event, counted.get(match.rule.document.id) ?? []))
      }
      counters.events += events.length
      counters.matches += detections.length
      return detections
    },
    match(events) {
      const found: EventMatches[] = []
      for (const event of events) {
        const matches: Match[] = []
        const rules: SilentRule[] = []
        for (const match of engine.matchEvent(event)) {
          counters.matches++
          const ruleId = match.rule.document.id
          const fields = counted.get(ruleId) ?? []
          if (silent.has(ruleId)) rules.push({ ruleId, counted: countedOf(match, event, fields) })
          else matches.push(detectionOf(match, event, fields))
        }
        if (rules.length > 0) matches.push(silentMatch(event, rules))
        if (matches.length > 0) found.push({ event, matches })
      }
      counters.events += events.length
      return found
    },
  }
}

function silentMatch(event: Event, rules: SilentRule[]): SilentMatch {
  const { timeMs, unitPath, sourceKey, fields } = event
  const eventId = subjectOf(event)
  return { eventId, timeMs, unitPath, sourceKey, rules, fieldsText: JSON.stringify(shortened(fields)) }
}

/** The finding of one rule on one event. */
function detectionOf(match: RuleMatch, event: Event, counted: Iterable<string>): Detection {
  const { document } = match.rule
  const entities = entitiesOf(event.fields)
  const fields = { ...shortened(event.fields), ...countedOf(match, event, counted) }
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

/** What correlations count, by the names rules use, which only this stage can translate. */
function countedOf(match: RuleMatch, event: Event, names: Iterable<string>): Fields {
  const counted: Fields = {}
  for (const name of names) {
    const own = event.fields[name]
    const value = own === undefined ? asFieldValue(match.read(name)) : own
    if (value !== undefined) counted[name] = cut(value)
  }
  return counted
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

/** The rule's title and whose it is, and one line: the title and the first entities of each kind. */
export function wordsOf(
  document: SigmaDocument,
  entities: readonly Entity[],
): ReturnType<typeof titledWords> & ReturnType<typeof attributionOf> {
  const words = namedWords({ title: document.title, titleZh: chineseTitle(document) }, entities)
  return { ...words, ...attributionOf(document) }
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

/** The fields, every text cut at 1 KiB, so that one huge value does not travel with each of its detections. */
export function shortened(fields: Fields): Readonly<Fields> {
  let isShort = true
  for (const name in fields) {
    const value = fields[name]!
    if (typeof value === 'string' ? value.length > fieldTextLimit : typeof value === 'object' && value !== null)
      isShort &&= typeof value === 'object' && value.length <= 64 && value.every(isShortText)
  }
  if (isShort) return fields
  const short: Fields = {}
  for (const [name, value] of Object.entries(fields)) short[name] = cut(value)
  return short
}

function isShortText(value: FieldValue): boolean {
  return typeof value === 'string' ? value.length <= fieldTextLimit : !Array.isArray(value)
}

function cut(value: FieldValue): FieldValue {
  if (typeof value === 'string') return value.length > fieldTextLimit ? `${value.slice(0, fieldTextLimit)}…` : value
  return Array.isArray(value) ? value.slice(0, 64).map(cut) : value
}
