import type { Event, FieldValue } from '../event/event.ts'
import { isoTime, type OfflineMatch, ruleOf } from './offline.ts'
import { shownFields } from './shown-fields.ts'
import { silentRules } from './sigma/correlation/order.ts'
import type { Logsource, SigmaDocument } from './sigma/document.ts'
import { type RuleMatch, SigmaEngine } from './sigma/engine.ts'
import type { Lookups } from './sigma/logsource.ts'
import type { JsonRecord } from './sigma/reader.ts'
import type { RuleSet } from './sigma/ruleset.ts'
import { flattenWindowsEvent } from './sigma/windows.ts'

/** What some records of a file gave, in order. Plain data: it may come from another thread. */
export interface ScanBatch {
  records: number
  /** Records that are no JSON object, with a declared logsource. */
  unreadable: number
  /** Bytes of the file read so far; 0 when not known. */
  fileBytesDone: number
  matches: Omit<OfflineMatch, 'file'>[]
  held: HeldInput[]
  /** What was damaged and read over, to be told. */
  warnings: string[]
}

/** A match that correlations count: place and time of its record, and the fields they ask for. */
export interface HeldInput {
  ruleId: string
  index: number
  timeMs: number
  values: [field: string, value: FieldValue][]
}

export interface ScanOptions<File = string> {
  ruleSet: RuleSet
  lookups: Lookups
  /** Declared logsource: fields have the names the rules use; Windows event shapes are flattened. Needs `readRecords`. */
  logsource?: Logsource | undefined
  /** Texts of the records of a file, in order; each should be a JSON object. */
  readRecords?(file: File, watch: ReadWatch): AsyncIterable<string[]>
  /** A file of any format as normalised events, in order; used without `logsource`. */
  readEvents?(file: File, watch: ReadWatch): AsyncIterable<Event[]>
  /** Events outside are not matched: milliseconds since the epoch, the end excluded. Events without a time always are. */
  fromMs?: number | undefined
  toMs?: number | undefined
  /** Rules whose matches are not given out (correlations still count them). */
  isShown?(document: SigmaDocument): boolean
}

/** What a reader of files tells beside the records. */
export interface ReadWatch {
  onWarning(text: string): void
  onProgress(fileBytesDone: number): void
}

/** Matches one file against the rules: what its records gave, in batches. Throws what the readers throw, after the last batch. */
export function createScanner<File = string>(options: ScanOptions<File>): (file: File) => AsyncGenerator<ScanBatch> {
  const { ruleSet, lookups } = options
  const engine = new SigmaEngine(ruleSet, lookups)
  const silent = silentRules(ruleSet.correlations)
  const counted = countedFields(ruleSet)
  const shown = (document: SigmaDocument) => !silent.has(document.id) && (options.isShown?.(document) ?? true)
  return async function* (file) {
    let index = 0
    let fileBytesDone = 0
    let warnings: string[] = []
    const watch: ReadWatch = {
      onWarning: (text) => warnings.push(text),
      onProgress: (bytes) => {
        fileBytesDone = bytes
      },
    }
    const seal = (batch: Pick<ScanBatch, 'records' | 'unreadable' | 'matches' | 'held'>): ScanBatch => {
      const told = warnings
      warnings = []
      return { ...batch, fileBytesDone, warnings: told }
    }
    const empty = () => ({ records: 0, unreadable: 0, matches: [], held: [] })
    try {
      for await (const { records, unreadable } of recordsOf(options, engine, file, watch)) {
        const batch = { ...empty(), records: records.length, unreadable }
        for (const record of records) {
          if (isInside(record.timeMs, options)) matchRecord(record, index, batch, counted, shown)
          index++
        }
        yield seal(batch)
      }
    } catch (error) {
      // A file that ends in an error has told before what it read over.
      if (warnings.length > 0) yield seal(empty())
      throw error
    }
    yield seal(empty())
  }
}

function matchRecord(
  { find, timeMs, seen }: OfflineRecord,
  index: number,
  { matches, held }: Pick<ScanBatch, 'matches' | 'held'>,
  counted: ReadonlyMap<string, ReadonlySet<string>>,
  shown: (document: SigmaDocument) => boolean,
): void {
  for (const match of find()) {
    const { document } = match.rule
    const names = counted.get(document.id)
    // Records without a time cannot be put in order and are not counted.
    if (names && timeMs !== undefined) {
      const values: HeldInput['values'] = []
      for (const name of names) {
        const value = match.read(name) as FieldValue | undefined
        if (value !== undefined) values.push([name, value])
      }
      held.push({ ruleId: document.id, index, timeMs, values })
    }
    if (!shown(document)) continue
    const event = { index, timestamp: isoTime(timeMs) }
    matches.push({ rule: ruleOf(document), event, seen: seen(), matched: match.explain() })
  }
}

/** The fields that correlations ask of each rule they count. */
function countedFields({ correlations }: RuleSet): Map<string, Set<string>> {
  const fields = new Map<string, Set<string>>()
  for (const { rules, groupBy, valueFields } of correlations) {
    for (const [index, rule] of rules.entries()) {
      const names = fields.get(rule) ?? new Set()
      for (const name of [...groupBy[index]!, ...valueFields[index]!]) if (name !== undefined) names.add(name)
      fields.set(rule, names)
    }
  }
  return fields
}

/** One record: its matches, its time, and the fields to show; the last two are worked out only when asked. */
interface OfflineRecord {
  find(): RuleMatch[]
  timeMs: number | undefined
  seen(): Record<string, string>
}

async function* recordsOf<File>(
  { logsource, readRecords, readEvents }: ScanOptions<File>,
  engine: SigmaEngine,
  file: File,
  watch: ReadWatch,
): AsyncGenerator<{ records: OfflineRecord[]; unreadable: number }> {
  if (!logsource) {
    for await (const events of readEvents?.(file, watch) ?? []) {
      const records = events.map((event) => ({
        find: () => engine.matchEvent(event),
        timeMs: event.timeMs,
        seen: () => shownFields(event.fields),
      }))
      yield { records, unreadable: 0 }
    }
    return
  }
  for await (const texts of readRecords?.(file, watch) ?? []) {
    const records: OfflineRecord[] = []
    let unreadable = 0
    for (const text of texts) {
      const record = parseRecord(text)
      if (!record) {
        unreadable++
        continue
      }
      const flat = flattenWindowsEvent(record)
      records.push({
        find: () => engine.matchRecord(flat, logsource),
        timeMs: recordTimeMs(flat),
        seen: () => shownFields(flat),
      })
    }
    yield { records, unreadable }
  }
}

function isInside(timeMs: number | undefined, { fromMs, toMs }: Pick<ScanOptions, 'fromMs' | 'toMs'>): boolean {
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
