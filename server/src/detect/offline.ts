import type { FieldValue, MatchedField } from '../event/event.ts'
import type { HeldInput, ScanBatch } from './offline-scan.ts'
import { CorrelationEngine, type CorrelationFiring } from './sigma/correlation/engine.ts'
import type { CorrelationInput } from './sigma/correlation/input.ts'
import { silentRules } from './sigma/correlation/order.ts'
import type { SigmaDocument } from './sigma/document.ts'
import type { RuleSet } from './sigma/ruleset.ts'

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

/** What correlations count is held until all files have been read; beyond about this many bytes no more is taken. */
const heldBytesLimit = 512 * 2 ** 20
/** A held match without its values: the object, its id and its place in the list. */
const heldEntryBytes = 300

export interface OfflineOptions {
  ruleSet: RuleSet
  files: readonly string[]
  /** What a file gave, in order; asked for in the order of the files, one after the other. */
  scan(file: string, fileIndex: number): AsyncIterable<ScanBatch>
  /** True for a part that goes on where the file before it in the list ends: both are one file, whose records are counted on. */
  continues?(fileIndex: number): boolean
  /** Rules whose matches are not given out (correlations still count them). */
  isShown?(document: SigmaDocument): boolean
  /** Told what was damaged and read over, and what correlations could not hold. */
  onWarning?(text: string): void
  counters?: OfflineCounters
  heldBytes?: number
}

/**
 * Matches files against rules: single-event matches as they come, in the order of files, records and rules; then what the
 * correlations find over the event times of all files. Throws what `scan` throws.
 */
export async function* detectOffline(options: OfflineOptions): AsyncGenerator<OfflineMatch> {
  const { ruleSet, files, scan } = options
  const silent = silentRules(ruleSet.correlations)
  const counters = options.counters ?? { files: 0, records: 0, matches: 0, unreadable: 0 }
  const correlations = new OfflineCorrelations(ruleSet, options.heldBytes ?? heldBytesLimit)
  let before = 0
  for (const [fileIndex, file] of files.entries()) {
    if (!options.continues?.(fileIndex)) {
      counters.files++
      before = 0
    }
    const base = before
    for await (const batch of scan(file, fileIndex)) {
      for (const text of batch.warnings) options.onWarning?.(text)
      counters.records += batch.records
      before += batch.records
      counters.unreadable += batch.unreadable
      for (const input of batch.held) correlations.add({ ...input, index: base + input.index }, fileIndex)
      for (const { rule, event, seen, matched } of batch.matches) {
        counters.matches++
        yield { rule, event: { ...event, index: base + event.index }, file, seen, matched }
      }
    }
  }
  if (correlations.left > 0)
    options.onWarning?.(
      `correlations count the first ${correlations.size} matches of their rules; ${correlations.left} more could not be held. Narrow the input with --from and --to`,
    )
  for (const firing of correlations.run()) {
    const { document } = firing.correlation
    if (silent.has(document.id) || options.isShown?.(document) === false) continue
    counters.matches++
    yield correlationMatch(firing, files)
  }
}

export function ruleOf({ id, title, level, author, tags }: SigmaDocument): OfflineMatch['rule'] {
  return { id, title, level, author, tags }
}

export function isoTime(timeMs: number | undefined): string | undefined {
  return timeMs === undefined ? undefined : new Date(timeMs).toISOString()
}

/** Gathers what correlations count and runs them in the order of event time when all files have been read. */
class OfflineCorrelations {
  /** Matches that were not taken, since too much is held. */
  left = 0
  private readonly engine: CorrelationEngine
  private readonly inputs: CorrelationInput[] = []
  private readonly bytesLimit: number
  private bytes = 0

  constructor({ correlations }: RuleSet, bytesLimit: number) {
    this.engine = new CorrelationEngine(correlations, { latenessMs: 0 })
    this.bytesLimit = bytesLimit
  }

  get size(): number {
    return this.inputs.length
  }

  add({ ruleId, index, timeMs, values }: HeldInput, fileIndex: number): void {
    const bytes = values.reduce((sum, [, value]) => sum + sizeOf(value), heldEntryBytes)
    if (this.left > 0 || this.bytes + bytes > this.bytesLimit) {
      this.left++
      return
    }
    this.bytes += bytes
    const eventId = `${String(fileIndex).padStart(6, '0')}:${String(index).padStart(12, '0')}`
    const byName = new Map(values)
    this.inputs.push({ ruleId, eventId, timeMs, scope: '', read: (field) => byName.get(field) })
  }

  *run(): Generator<CorrelationFiring> {
    this.inputs.sort((a, b) => a.timeMs - b.timeMs || (a.eventId < b.eventId ? -1 : a.eventId > b.eventId ? 1 : 0))
    for (const input of this.inputs) yield* this.engine.push(input)
    yield* this.engine.flush()
  }
}

function sizeOf(value: FieldValue): number {
  return typeof value === 'string' ? 2 * value.length : typeof value === 'object' ? 2 * JSON.stringify(value).length : 8
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
