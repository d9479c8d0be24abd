import type { Event } from '../event/event.ts'
import { type RawRecord, sourceKey } from '../event/raw-record.ts'
import { createAuditJoiner, type UnfinishedAudit } from './audit-join.ts'
import { createChooser } from './choose.ts'
import { decode, rawBytesLimit } from './decode.ts'
import { createRun } from './engine-run.ts'
import { eventId, partId } from './event-id.ts'
import { deriveFields, plausibleTime } from './finish.ts'
import { type ZeekColumns, zeekColumnsName } from './formats/zeek-tsv.ts'
import { type Parser, shapeOf } from './parser.ts'
import { type Part, splitParts, trimEnd } from './parts.ts'
import type { Memory } from './run.ts'
import { countParser, emptyTally, finishTally, type SourceStatistics, type Tally } from './statistics.ts'
import { createZone, type Zone } from './zone.ts'

export type { SourceStatistics }

export interface NormaliserOptions {
  /** IANA name of the zone of times that say none, e.g. `Asia/Shanghai`; a source's own setting goes before it. */
  zone: string
  /** How far an event time may lie ahead of the receipt before it is not believed. */
  aheadLimitMs?: number
  /** Columns that header lines named before, by sender; see `Normalised.columns`. */
  columns?: Iterable<[sourceKey: string, columns: ZeekColumns]>
}

/** What an operator has settled for one sender. */
export interface SourcePin {
  /** Parser name; nothing else is tried then. */
  parser?: string | undefined
  /** IANA name of the zone its times are in. */
  zone?: string | undefined
}

/** A record and its place on the bus, which makes the id of its events. */
export interface PlacedRecord {
  record: RawRecord
  partition: number
  offset: number
}

export interface Normalised {
  events: Event[]
  /** Offset of the record each event came from, beside `events`. */
  offsets: number[]
  sources: SourceStatistics[]
  /** Records, or parts of records, that went into the event of an earlier one. */
  joined: number
  /** Columns that header lines of this batch named, by sender: rows that come after a restart need them. */
  columns: ReadonlyMap<string, ZeekColumns>
}

export interface Normaliser {
  /** Every record becomes at least one event (audit records of one serial in one batch become one together). */
  normalise(records: readonly PlacedRecord[], pins?: ReadonlyMap<string, SourcePin>): Normalised
  /** Kernel audit events of a partition that may go on in the records to come, newest first and within a bound. */
  unfinished(partition: number): UnfinishedAudit[]
  /** Goes on from what `unfinished` told before a restart. */
  resume(partition: number, unfinished: readonly UnfinishedAudit[]): void
  /** The parser most of the lines are for, and how sure that is (0 to 100). */
  recognise(lines: readonly string[]): { parser: string; confidence: number }
}

/** Most senders whose parser and columns are remembered; the one seen first is forgotten first. */
const sourcesLimit = 20_000
const programsPerSourceLimit = 1000
/** A generic parser is questioned on the first records of a sender, then on one of so many. */
const questionEvery = 64
const dayMs = 86_400_000

interface Sticky {
  parser: Parser
  /** Falls when records do not fit; below zero the sender is looked at afresh. */
  score: number
  seen: number
}

interface SourceState {
  memory: Memory
  sticky: Record<'json' | 'xml' | 'text', Map<string, Sticky>>
}

/** Where a record comes from and how it is to be read. */
interface Place {
  partition: number
  key: string
  record: RawRecord
  state: SourceState
  pin: SourcePin | undefined
}

/**
 * RawRecord -> Event. Reads a syslog header once, finds the parser by the pin of the sender, the program in the
 * header or the look of the content, and remembers it for the sender. What no parser understands becomes an event
 * with the dataset `unparsed` and the reason: nothing is dropped.
 */
export function createNormaliser(parsers: readonly Parser[], options: NormaliserOptions): Normaliser {
  const defaultZone = createZone(options.zone) ?? createZone('UTC')!
  const aheadLimitMs = options.aheadLimitMs ?? dayMs
  const chooser = createChooser(parsers)
  const genericSyslog = chooser.byName('syslog')
  const states = new Map<string, SourceState>()
  const zones = new Map<string, Zone>()
  const run = createRun(chooser, genericSyslog, defaultZone)
  const audits = createAuditJoiner(run)
  for (const [key, columns] of options.columns ?? []) stateOf(key).memory.set(zeekColumnsName, columns)

  function stateOf(key: string): SourceState {
    let state = states.get(key)
    if (!state) {
      if (states.size >= sourcesLimit) states.delete(states.keys().next().value!)
      state = { memory: new Map(), sticky: { json: new Map(), xml: new Map(), text: new Map() } }
      states.set(key, state)
    }
    return state
  }

  function zoneOf(name: string | undefined): Zone {
    if (name === undefined) return defaultZone
    let zone = zones.get(name)
    if (!zone) {
      zone = createZone(name) ?? defaultZone
      zones.set(name, zone)
    }
    return zone
  }

  /** Parses `run.text` with the best parser; returns it, or undefined with `run.reason` set. */
  function parseContent(state: SourceState, pinned: Parser | undefined): Parser | undefined {
    if (pinned) return run.attempt(pinned) ? pinned : undefined
    for (const parser of chooser.byProgram(run.program)) if (run.attempt(parser)) return parser
    const remembered = state.sticky[shapeOf(run.text)]
    const sticky = remembered.get(run.program)
    if (sticky) {
      sticky.seen++
      const question = sticky.parser.isGeneric && (sticky.seen < 16 || sticky.seen % questionEvery === 0)
      if (!question && chooser.stillFits(sticky.parser, run) && run.attempt(sticky.parser)) {
        if (sticky.score < 16) sticky.score++
        return sticky.parser
      }
      sticky.score -= question ? 0 : 2
      if (sticky.score < 0) remembered.delete(run.program)
    }
    let reason = ''
    for (const parser of chooser.recognise(run)) {
      if (run.attempt(parser)) {
        if (!sticky || (sticky.parser.isGeneric && !parser.isGeneric)) {
          if (remembered.size < programsPerSourceLimit)
            remembered.set(run.program, { parser, score: 4, seen: sticky?.seen ?? 0 })
        }
        return parser
      }
      if (reason === '') reason = `${parser.name}: ${run.reason}`
    }
    if (run.hasHeader && genericSyslog && run.attempt(genericSyslog)) return genericSyslog
    run.reason =
      reason || (shapeOf(run.text) === 'json' ? 'the JSON is malformed or cut' : 'no parser recognises the content')
    return undefined
  }

  function unparsed(): void {
    run.begin()
    const { fields } = run
    fields['event.dataset'] = 'unparsed'
    fields['event.kind'] = 'pipeline_error'
    fields.message = run.text
    fields['error.message'] = run.reason
    run.tags.push('unparsed')
  }

  function finish(id: string, record: RawRecord, key: string, raw: Uint8Array): Event {
    const { fields, tags } = run
    deriveFields(run)
    const timeMs = plausibleTime(run.timeMs, record.receivedAtMs, aheadLimitMs, fields, tags)
    if (tags.length > 0)
      fields.tags = Array.isArray(fields.tags) ? [...new Set([...fields.tags, ...tags])] : [...new Set(tags)]
    return { id, timeMs, receivedAtMs: record.receivedAtMs, raw, sourceKey: key, unitPath: '/1/', fields }
  }

  /** One event of one part of a record; none when it joined the event of an earlier one. */
  function processPart(
    part: Part,
    raw: Uint8Array,
    id: string,
    place: Place,
  ): { event: Event | undefined; parser: string } {
    const { partition, key, record, state, pin } = place
    const zone = pin?.zone === undefined ? defaultZone : zoneOf(pin.zone)
    run.open(part.text, part.json, record.receivedAtMs, zone, state.memory)
    const pinned = pin?.parser === undefined ? undefined : chooser.byName(pin.parser)
    const parser = parseContent(state, pinned)
    if (!parser) unparsed()
    const audit = run.auditRecord
    if (!parser || !audit) return { event: finish(id, record, key, raw), parser: parser?.name ?? 'unparsed' }
    // The kernel tells its events apart by time and serial together: serials begin anew at every start.
    const joinKey = `${key}\n${audit.node || run.header.host}\n${audit.timeMs}:${audit.serial}`
    if (audits.joins(joinKey, audit, raw, id)) return { event: undefined, parser: parser.name }
    const event = finish(id, record, key, raw)
    audits.hold(joinKey, audit, { partition, event, parser, raw, zone })
    return { event, parser: parser.name }
  }

  return {
    normalise(records, pins) {
      const events: Event[] = []
      const offsets: number[] = []
      const tallies = new Map<string, Tally>()
      const columns = new Map<string, ZeekColumns>()
      let joined = 0
      for (const placed of records) {
        const { record } = placed
        const key = sourceKey(record)
        const tally = tallies.get(key) ?? emptyTally(key, record)
        if (tally.records === 0) tallies.set(key, tally)
        const decoded = decode(record.body)
        run.baseTags = decoded.tags ?? noTags
        let raw = record.body
        if (raw.length > rawBytesLimit) {
          raw = raw.subarray(0, rawBytesLimit)
          run.baseTags = [...run.baseTags, 'raw_truncated']
        }
        const text = trimEnd(decoded.text)
        const parts = splitParts(text) ?? [{ text, json: undefined }]
        const id = eventId(placed.partition, placed.offset)
        const place: Place = { partition: placed.partition, key, record, state: stateOf(key), pin: pins?.get(key) }
        let failed = false
        for (let index = 0; index < parts.length; index++) {
          const part = parts[index]!
          const partRaw = parts.length === 1 ? raw : Buffer.from(part.text)
          const { event, parser } = processPart(part, partRaw, partId(id, index), place)
          countParser(tally, parser)
          if (run.isPreamble) {
            const named = place.state.memory.get(zeekColumnsName) as ZeekColumns | undefined
            if (named) columns.set(key, named)
          }
          if (parser === 'unparsed') {
            failed = true
            tally.lastReason = run.reason
          }
          if (!event) {
            joined++
            continue
          }
          events.push(event)
          offsets.push(placed.offset)
          if (event.timeMs > tally.lastEventTimeMs) tally.lastEventTimeMs = event.timeMs
        }
        tally.records++
        tally.bytes += record.body.length
        tally.lastReceivedAtMs = record.receivedAtMs
        if (failed) tally.failed++
        else tally.parsed++
      }
      audits.finish()
      return { events, offsets, sources: [...tallies.values()].map(finishTally), joined, columns }
    },

    unfinished: audits.unfinished,
    resume: audits.resume,

    recognise(lines) {
      const votes = new Map<string, number>()
      const state: SourceState = { memory: new Map(), sticky: { json: new Map(), xml: new Map(), text: new Map() } }
      let confidence = 0
      for (const line of lines.slice(0, 200)) {
        run.baseTags = noTags
        run.open(line, undefined, 0, defaultZone, state.memory)
        const parser = parseContent(state, undefined)
        const name = parser?.name ?? 'unparsed'
        votes.set(name, (votes.get(name) ?? 0) + 1)
        confidence = Math.max(confidence, parser?.confidence ?? 0)
      }
      const [parser, count] = [...votes].sort((left, right) => right[1] - left[1])[0] ?? ['unparsed', 0]
      const sure = chooser.byName(parser)?.confidence ?? 0
      return { parser, confidence: lines.length === 0 ? 0 : Math.round((sure * count) / Math.min(lines.length, 200)) }
    },
  }
}

const noTags: string[] = []
