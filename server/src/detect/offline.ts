import { createReadStream } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'
import { createGunzip } from 'node:zlib'
import { CodedError } from '../event/errors.ts'
import type { Event, FieldValue, MatchedField } from '../event/event.ts'
import { JsonSplitter } from '../lib/json-splitter.ts'
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
  matched: MatchedField[]
  /** Places of all records a correlation counted; undefined for other rules. */
  counted?: { file: string; index: number }[]
}

export interface OfflineCounters {
  files: number
  records: number
  matches: number
  /** Lines that are no JSON object. */
  unreadable: number
}

export interface OfflineOptions {
  ruleSet: RuleSet
  lookups: Lookups
  files: readonly string[]
  /**
   * Declared logsource: the files hold JSON objects, one a line or in a list (gzip or not), whose fields have the names the
   * rules use; Windows event shapes are flattened. Leave it out to have `readEvents` recognise and map the records.
   */
  logsource?: Logsource
  /** Reads a file of any format as normalised events, in order; used without `logsource`. */
  readEvents?(file: string): AsyncIterable<Event> | Iterable<Event>
  counters?: OfflineCounters
}

/**
 * Matches files against rules: single-event matches as they come, in the order of files, records and rules; then what the
 * correlations find over the event times of all files. Throws IMPORT_DAMAGED, or what `readEvents` throws.
 */
export async function* detectOffline(options: OfflineOptions): AsyncGenerator<OfflineMatch> {
  const { ruleSet, lookups, files, logsource, readEvents } = options
  const engine = new SigmaEngine(ruleSet, lookups)
  const silent = silentRules(ruleSet.correlations)
  const counters = options.counters ?? { files: 0, records: 0, matches: 0, unreadable: 0 }
  const correlations = new OfflineCorrelations(ruleSet)
  for (const [fileIndex, file] of files.entries()) {
    counters.files++
    let index = 0
    const records = logsource ? readJsonRecords(file, counters) : (readEvents?.(file) ?? [])
    for await (const record of records) {
      counters.records++
      const found = logsource
        ? engine.matchRecord(flattenWindowsEvent(record as JsonRecord), logsource)
        : engine.matchEvent(record as Event)
      if (found.length > 0) {
        const timeMs = logsource ? recordTimeMs(record as JsonRecord) : (record as Event).timeMs
        for (const match of found) {
          const { document } = match.rule
          correlations.add(match, timeMs, fileIndex, index)
          if (silent.has(document.id)) continue
          counters.matches++
          yield { rule: ruleOf(document), event: { index, timestamp: isoTime(timeMs) }, file, matched: match.explain() }
        }
      }
      index++
    }
  }
  for (const firing of correlations.run()) {
    if (silent.has(firing.correlation.id)) continue
    counters.matches++
    yield correlationMatch(firing, files)
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
    matched: [...matched, { part: 'correlation', field: correlation.type, value: String(measured) }],
    counted: eventIds.map(place),
  }
}

const timeFields = [
  '@timestamp', 'timestamp', 'TimeCreated_SystemTime', 'UtcTime', 'SystemTime', 'EventTime', 'eventTime', 'CreationTime',
  'time', 'ts', '_time', 'datetime', 'date',
] // biome-ignore format: a list

/** The time a record tells of itself, in milliseconds since the epoch; texts without a zone are UTC. */
function recordTimeMs(record: JsonRecord): number | undefined {
  const flat = flattenWindowsEvent(record)
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

/** A record longer than this is refused, in bytes. */
const recordLimit = 64 * 2 ** 20

/**
 * JSON objects of a file: one a line, else pretty-printed or in a list; gzip is recognised by its first bytes. A file whose first line
 * is an object goes line by line, so that a damaged line costs only itself. Throws TOO_LARGE and IMPORT_DAMAGED.
 */
async function* readJsonRecords(file: string, counters: { unreadable: number }): AsyncGenerator<JsonRecord> {
  let split: Splitter | undefined
  for await (const chunk of byteChunks(file)) {
    split ??= isObjectLine(chunk) ? new LineSplitter() : new ValueSplitter()
    try {
      split.push(chunk)
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause
      throw new CodedError('TOO_LARGE', `${file} holds a record of more than ${recordLimit} bytes`, { file }, { cause })
    }
    for (const piece of split.pieces.splice(0)) yield* parseRecord(piece, counters)
  }
  split?.end()
  for (const piece of split?.pieces ?? []) yield* parseRecord(piece, counters)
}

/** Cuts bytes into the texts of single values. */
interface Splitter {
  pieces: string[]
  push(chunk: Buffer): void
  end(): void
}

class LineSplitter implements Splitter {
  pieces: string[] = []
  private readonly decoder = new StringDecoder('utf8')
  private rest = ''

  push(chunk: Buffer): void {
    const lines = this.decoder.write(chunk).split('\n')
    lines[0] = this.rest + lines[0]!
    this.rest = lines.pop()!
    if (this.rest.length > recordLimit) throw new RangeError('the line is too long')
    for (const line of lines) this.pieces.push(line)
  }

  end(): void {
    this.pieces.push(this.rest + this.decoder.end())
  }
}

class ValueSplitter implements Splitter {
  pieces: string[] = []
  private readonly splitter = new JsonSplitter(recordLimit, (bytes) => this.pieces.push(bytes.toString('utf8')))

  push(chunk: Buffer): void {
    this.splitter.push(chunk)
  }

  end(): void {
    this.splitter.end()
  }
}

function isObjectLine(chunk: Buffer): boolean {
  const text = chunk.toString('utf8').trimStart()
  const end = text.indexOf('\n')
  try {
    return isRecord(JSON.parse(end < 0 ? text : text.slice(0, end)))
  } catch {
    // A first line that goes on beyond the first chunk is a line still.
    return end < 0 && text.startsWith('{"') && chunk.length >= chunkBytes
  }
}

function* parseRecord(line: string, counters: { unreadable: number }): Generator<JsonRecord> {
  if (line.trim() === '') return
  try {
    const value: unknown = JSON.parse(line)
    if (isRecord(value)) yield value
    else counters.unreadable++
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    counters.unreadable++
  }
}

function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const chunkBytes = 1 << 18

async function* byteChunks(file: string): AsyncGenerator<Buffer> {
  try {
    const gzip = await startsWithGzip(file)
    const bytes = createReadStream(file, { highWaterMark: chunkBytes })
    const plain = gzip ? bytes.pipe(createGunzip({ chunkSize: chunkBytes })) : bytes
    bytes.on('error', (error) => plain.destroy(error))
    for await (const chunk of plain) yield chunk as Buffer
  } catch (cause) {
    if (cause instanceof CodedError) throw cause
    throw new CodedError('IMPORT_DAMAGED', `${file} cannot be read: ${(cause as Error).message}`, { file }, { cause })
  }
}

async function startsWithGzip(file: string): Promise<boolean> {
  for await (const chunk of createReadStream(file, { end: 1 }))
    return (chunk as Buffer)[0] === 0x1f && (chunk as Buffer)[1] === 0x8b
  return false
}
