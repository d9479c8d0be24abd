import type { Event, FieldValue, MatchedField } from '../event/event.ts'
import { shownFields } from './shown-fields.ts'
import { CorrelationEngine, type CorrelationFiring } from './sigma/correlation/engine.ts'
import type { CorrelationInput } from './sigma/correlation/input.ts'
import { silentRules } from './sigma/correlation/order.ts'
import type { Logsource, SigmaDocument } from './sigma/document.ts'
import { type RuleMatch, SigmaEngine } from './sigma/engine.ts'
import type { Lookups } from './sigma/logsource.ts'
import type { JsonRecord } from './sigma/reader.ts'
import type { RuleSet } from './sigma/ruleset.ts'
import { flattenWindowsEvent } from './sigma/windows.ts'

/** One match of a rule (or of a correlation) on the records of a file. */
export interface OfflineMatch {
  rule: { id: string; title: string; level: string; author: string | undefined; tags: string[] }
  /** Place of the record in its file, from 0, and its time as far as it tells one (ISO 8601). */
  event: { index: number; timestamp: string | undefined }
  file: string
  /** Fields of the event by the names of ECS, else of Sigma: what a table, a timeline or a summary shows. */
  seen: Record<string, string>
  matched: MatchedField[]
  /** Places of all records a correlation counted; undefined for other rules. */
  counted?: { file: string; index: number }[]
}

export interface OfflineCounters {
  files: number
  records: number
  matches: number
  /** Records that are no JSON object, with a declared logsource. */
  unreadable: number
}

export interface OfflineOptions {
  ruleSet: RuleSet
  lookups: Lookups
  files: readonly string[]
  /** Declared logsource: fields have the names the rules use; Windows event shapes are flattened. Needs `readRecords`. */
  logsource?: Logsource | undefined
  /** Texts of the records of a file, in order; each should be a JSON object. */
  readRecords?(file: string): AsyncIterable<string[]>
  /** A file of any format as normalised events, in order; used without `logsource`. */
  readEvents?(file: string): AsyncIterable<Event[]>
  /** Events outside are not matched: milliseconds since the epoch, the end excluded. Events without a time always are. */
  fromMs?: number | undefined
  toMs?: number | undefined
  /** Rules whose matches are not given out (correlations still count them). */
  isShown?(document: SigmaDocument): boolean
  /** Asked before every batch; told what has been read. */
  onBatch?(counters: OfflineCounters): void
  counters?: OfflineCounters
}

/**
 * Matches files against rules: single-event matches as they come, in the order of files, records and rules; then what the
 * correlations find over the event times of all files. Throws what the readers throw.
 */
export async function* detectOffline(options: OfflineOptions): AsyncGenerator<OfflineMatch> {
  const { ruleSet, lookups, files } = options
  const engine = new SigmaEngine(ruleSet, lookups)
  const silent = silentRules(ruleSet.correlations)
  const counters = options.counters ?? { files: 0, records: 0, matches: 0, unreadable: 0 }
  const correlations = new OfflineCorrelations(ruleSet)
  const shown = (document: SigmaDocument) => !silent.has(document.id) && (options.isShown?.(document) ?? true)
  for (const [fileIndex, file] of files.entries()) {
    counters.files++
    let index = 0
    for await (const batch of recordsOf(options, engine, file, counters)) {
      options.onBatch?.(counters)
      for (const { find, timeMs, seen } of batch) {
        counters.records++
        if (isInside(timeMs, options)) {
          for (const match of find()) {
            const { document } = match.rule
            correlations.add(match, timeMs, fileIndex, index)
            if (!shown(document)) continue
            counters.matches++
            const event = { index, timestamp: isoTime(timeMs) }
            yield { rule: ruleOf(document), event, file, seen: seen(), matched: match.explain() }
          }
        }
        index++
      }
    }
  }
  for (const firing of correlations.run()) {
    if (!shown(firing.correlation.document)) continue
    counters.matches++
    yield correlationMatch(firing, files)
  }
}

/** One record: its matches, its time, and the fields to show; the last two are worked out only when asked. */
interface OfflineRecord {
  find(): RuleMatch[]
  timeMs: number | undefined
  seen(): Record<string, string>
}

async function* recordsOf(
  { logsource, readRecords, readEvents }: OfflineOptions,
  engine: SigmaEngine,
  file: string,
  counters: OfflineCounters,
): AsyncGenerator<OfflineRecord[]> {
  if (!logsource) {
    for await (const events of readEvents?.(file) ?? []) {
      yield events.map((event) => ({
        find: () => engine.matchEvent(event),
        timeMs: event.timeMs,
        seen: () => shownFields(event.fields),
      }))
    }
    return
  }
  for await (const texts of readRecords?.(file) ?? []) {
    const records: OfflineRecord[] = []
    for (const text of texts) {
      const record = parseRecord(text)
      if (!record) {
        counters.unreadable++
        continue
      }
      const flat = flattenWindowsEvent(record)
      records.push({
        find: () => engine.matchRecord(flat, logsource),
        timeMs: recordTimeMs(flat),
        seen: () => shownFields(flat),
      })
    }
    yield records
  }
}

function isInside(timeMs: number | undefined, { fromMs, toMs }: OfflineOptions): boolean {
  return timeMs === undefined || ((fromMs === undefined || timeMs >= fromMs) && (toMs === undefined || timeMs < toMs))
}

function parseRecord(text: string): JsonRecord | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonRecord) : undefined
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return undefined
  }
}

function ruleOf({ id, title, level, author, tags }: SigmaDocument): OfflineMatch['rule'] {
  return { id, title, level, author, tags }
}

function isoTime(timeMs: number | undefined): string | undefined {
  return timeMs === undefined ? undefined : new Date(timeMs).toISOString()
}

/** Gathers what correlations count and runs them in the order of event time when all files have been read. */
class OfflineCorrelations {
  private readonly engine: CorrelationEngine
  private readonly fields = new Map<string, Set<string>>()
  private readonly inputs: CorrelationInput[] = []

  constructor({ correlations }: RuleSet) {
    this.engine = new CorrelationEngine(correlations, { latenessMs: 0 })
    for (const { rules, groupBy, valueFields } of correlations) {
      for (const [index, rule] of rules.entries()) {
        const names = this.fields.get(rule) ?? new Set()
        for (const name of [...groupBy[index]!, ...valueFields[index]!]) if (name !== undefined) names.add(name)
        this.fields.set(rule, names)
      }
    }
  }

  /** Records without a time cannot be put in order and are not counted. */
  add(match: RuleMatch, timeMs: number | undefined, fileIndex: number, index: number): void {
    const names = this.fields.get(match.rule.document.id)
    if (!names || timeMs === undefined) return
    const values = new Map([...names].map((name) => [name, match.read(name) as FieldValue | undefined]))
    const eventId = `${String(fileIndex).padStart(6, '0')}:${String(index).padStart(12, '0')}`
    this.inputs.push({ ruleId: match.rule.document.id, eventId, timeMs, scope: '', read: (field) => values.get(field) })
  }

  *run(): Generator<CorrelationFiring> {
    this.inputs.sort((a, b) => a.timeMs - b.timeMs || (a.eventId < b.eventId ? -1 : a.eventId > b.eventId ? 1 : 0))
    for (const input of this.inputs) yield* this.engine.push(input)
    yield* this.engine.flush()
  }
}

function correlationMatch(
  { correlation, timeMs, eventIds, triggerEventId, group, measured }: CorrelationFiring,
  files: readonly string[],
): OfflineMatch {
  const place = (eventId: string) => {
    // An inner correlation's id ends with the id of the event that completed it.
    const [file = '0', index = '0'] = eventId.slice(eventId.lastIndexOf('\u0001') + 1).split(':')
    return { file: files[Number(file)]!, index: Number(index) }
  }
  const trigger = place(triggerEventId)
  const matched = [...group].map(([field, value]): MatchedField => ({ part: 'correlation', field, value }))
  return {
    rule: ruleOf(correlation.document),
    event: { index: trigger.index, timestamp: isoTime(timeMs) },
    file: trigger.file,
    seen: Object.fromEntries(matched.map(({ field, value }) => [field, value])),
    matched: [...matched, { part: 'correlation', field: correlation.type, value: String(measured) }],
    counted: eventIds.map(place),
  }
}

const timeFields = [
  '@timestamp', 'timestamp', 'TimeCreated_SystemTime', 'UtcTime', 'SystemTime', 'EventTime', 'eventTime', 'CreationTime',
  'time', 'ts', '_time', 'datetime', 'date',
] // biome-ignore format: a list

/** The time a record tells of itself, in milliseconds since the epoch; texts without a zone are UTC. */
function recordTimeMs(flat: JsonRecord): number | undefined {
  for (const field of timeFields) {
    const value = flat[field]
    if (typeof value === 'number' && value > 1e8) return value < 1e11 ? value * 1000 : value
    if (typeof value !== 'string' || !/^\d{4}-\d{2}-\d{2}/.test(value)) continue
    const text = value.replace(' ', 'T')
    const timeMs = Date.parse(/(?:Z|[+-]\d{2}:?\d{2})$/.test(text) || !text.includes('T') ? text : `${text}Z`)
    if (!Number.isNaN(timeMs)) return timeMs
  }
  return undefined
}
