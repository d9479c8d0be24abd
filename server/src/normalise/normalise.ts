import type { Event, Fields } from '../event/event.ts'
import { type RawRecord, sourceKey, type Transport } from '../event/raw-record.ts'
import { type Chooser, createChooser } from './choose.ts'
import { decode, rawBytesLimit } from './decode.ts'
import { deriveFields, plausibleTime } from './finish.ts'
import { type AuditRecord, joinAudit } from './formats/audit.ts'
import { type Parser, shapeOf } from './parser.ts'
import { type Memory, NotUnderstood, type Run, type SourceValues } from './run.ts'
import { emptySyslogHeader, readSyslogHeader, type SyslogHeader } from './syslog.ts'
import { createZone, type Zone } from './zone.ts'

export interface NormaliserOptions {
  /** IANA name of the zone of times that say none, e.g. `Asia/Shanghai`; a source's own setting goes before it. */
  zone: string
  /** How far an event time may lie ahead of the receipt before it is not believed. */
  aheadLimitMs?: number
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

/** What one batch held of one sender. */
export interface SourceStatistics {
  sourceKey: string
  transport: Transport
  sender: string
  /** Name the sender gave, or empty. */
  source: string
  records: number
  /** Records a parser understood, and those stored as `unparsed`. */
  parsed: number
  failed: number
  bytes: number
  /** Parser of most of the records, `unparsed` when none. */
  parser: string
  lastReceivedAtMs: number
  lastEventTimeMs: number
  /** Why the last record failed; empty when none did. */
  lastReason: string
}

export interface Normalised {
  events: Event[]
  /** Offset of the record each event came from, beside `events`. */
  offsets: number[]
  sources: SourceStatistics[]
}

export interface Normaliser {
  /** Every record becomes at least one event (audit records of one serial become one together). */
  normalise(records: readonly PlacedRecord[], pins?: ReadonlyMap<string, SourcePin>): Normalised
  /** The parser most of the lines are for, and how sure that is (0 to 100). */
  recognise(lines: readonly string[]): { parser: string; confidence: number }
}

/** Most senders whose parser and columns are remembered; the one seen first is forgotten first. */
const sourcesLimit = 20_000
const programsPerSourceLimit = 1000
/** Most events one record may become. */
const partsLimit = 10_000
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

interface Pending {
  event: Event
  parser: Parser
  records: AuditRecord[]
  raws: Uint8Array[]
  base: Fields
  header: SyslogHeader
  hasHeader: boolean
  zone: Zone
}

const severityNames = ['emergency', 'alert', 'critical', 'error', 'warning', 'notice', 'informational', 'debug']

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
  let pending = new Map<string, Pending>()

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
    deriveFields(fields)
    const timeMs = plausibleTime(run.timeMs, record.receivedAtMs, aheadLimitMs, fields, tags)
    if (tags.length > 0)
      fields.tags = Array.isArray(fields.tags) ? [...new Set([...fields.tags, ...tags])] : [...new Set(tags)]
    return { id, timeMs, receivedAtMs: record.receivedAtMs, raw, sourceKey: key, unitPath: '/1/', fields }
  }

  /** Audit records of one serial and sender, in one batch, become the event of the first of them. */
  function joinPending(): void {
    for (const held of pending.values()) {
      if (held.records.length === 1) continue
      const event = held.event
      run.header = held.header
      run.hasHeader = held.hasHeader
      run.zone = held.zone
      run.receivedAtMs = event.receivedAtMs
      run.restart()
      run.timeMs = held.records[0]!.timeMs
      run.source = joinAudit(held.records)
      Object.assign(run.fields, held.base)
      try {
        held.parser.apply(run)
      } catch (thrown) {
        if (!(thrown instanceof NotUnderstood)) throw thrown
      }
      deriveFields(run.fields)
      if (event.fields.tags !== undefined) run.fields.tags = event.fields.tags
      event.fields = run.fields
      event.raw = Buffer.concat(held.raws.flatMap((raw, index) => (index === 0 ? [raw] : [newline, raw])))
    }
    pending = new Map()
  }

  function processPart(
    text: string,
    json: SourceValues | undefined,
    raw: Uint8Array,
    id: string,
    placed: PlacedRecord,
    key: string,
    state: SourceState,
    pin: SourcePin | undefined,
  ): { event: Event | undefined; parser: string } {
    const { record } = placed
    run.open(text, json, record.receivedAtMs, pin?.zone === undefined ? defaultZone : zoneOf(pin.zone), state.memory)
    const pinned = pin?.parser === undefined ? undefined : chooser.byName(pin.parser)
    const parser = parseContent(state, pinned)
    if (!parser) unparsed()
    const audit = run.auditRecord
    if (parser && audit) {
      const joinKey = `${key}\n${audit.node || run.header.host}\n${audit.serial}`
      const held = pending.get(joinKey)
      if (held) {
        held.records.push(audit)
        held.raws.push(raw)
        return { event: undefined, parser: parser.name }
      }
      const event = finish(id, record, key, raw)
      const base = run.baseFields()
      pending.set(joinKey, {
        event,
        parser,
        records: [audit],
        raws: [raw],
        base,
        header: { ...run.header },
        hasHeader: run.hasHeader,
        zone: run.zone,
      })
      return { event, parser: parser.name }
    }
    return { event: finish(id, record, key, raw), parser: parser?.name ?? 'unparsed' }
  }

  return {
    normalise(records, pins) {
      const events: Event[] = []
      const offsets: number[] = []
      const sources = new Map<string, SourceStatistics & { byParser: Map<string, number> }>()
      for (const placed of records) {
        const { record } = placed
        const key = sourceKey(record)
        const state = stateOf(key)
        let statistics = sources.get(key)
        if (!statistics) {
          statistics = emptyStatistics(key, record)
          sources.set(key, statistics)
        }
        statistics.records++
        statistics.bytes += record.body.length
        statistics.lastReceivedAtMs = record.receivedAtMs
        const decoded = decode(record.body)
        run.tags = decoded.tags ?? noTags
        run.baseTags = run.tags
        const raw = record.body.length > rawBytesLimit ? record.body.subarray(0, rawBytesLimit) : record.body
        if (raw !== record.body) run.baseTags = [...run.baseTags, 'raw_truncated']
        const text = trimEnd(decoded.text)
        const parts = splitParts(text)
        const id = eventId(placed.partition, placed.offset)
        const pin = pins?.get(key)
        let failed = 0
        let count = 0
        if (parts === undefined) {
          const { event, parser } = processPart(text, undefined, raw, id, placed, key, state, pin)
          if (parser === 'unparsed') failed++
          countParser(statistics, parser)
          if (event) {
            events.push(event)
            offsets.push(placed.offset)
            statistics.lastEventTimeMs = Math.max(statistics.lastEventTimeMs, event.timeMs)
          }
        } else {
          for (const part of parts) {
            const partRaw = parts.length === 1 ? raw : Buffer.from(part.text)
            const partId = count === 0 ? id : `${id}-${sortable(count)}`
            count++
            const { event, parser } = processPart(part.text, part.json, partRaw, partId, placed, key, state, pin)
            if (parser === 'unparsed') failed++
            countParser(statistics, parser)
            if (!event) continue
            events.push(event)
            offsets.push(placed.offset)
            statistics.lastEventTimeMs = Math.max(statistics.lastEventTimeMs, event.timeMs)
          }
        }
        if (failed > 0) {
          statistics.failed++
          statistics.lastReason = run.reason
        } else statistics.parsed++
      }
      if (pending.size > 0) joinPending()
      return { events, offsets, sources: [...sources.values()].map(withMainParser) }
    },

    recognise(lines) {
      const votes = new Map<string, number>()
      const state: SourceState = { memory: new Map(), sticky: { json: new Map(), xml: new Map(), text: new Map() } }
      let confidence = 0
      for (const line of lines.slice(0, 200)) {
        run.tags = noTags
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
const newline = Buffer.from('\n')

/** The `Run` of a normaliser with what only the engine may do. */
interface EngineRun extends Run {
  baseTags: string[]
  reason: string
  /** Begins a new content: reads its header, forgets everything of the one before. */
  open(text: string, json: SourceValues | undefined, receivedAtMs: number, zone: Zone, memory: Memory): void
  /** Forgets what an attempt has set, keeping header and content. */
  restart(): void
  /** `restart`, and puts the fields of the header. */
  begin(): void
  baseFields(): Fields
  attempt(parser: Parser): boolean
}

function createRun(chooser: Chooser, genericSyslog: Parser | undefined, zone: Zone): EngineRun {
  let value: SourceValues | undefined
  let valueOf: string | undefined
  let innerDepth = 0
  const cleanNames = new Map<string, string>()

  /** `/usr/sbin/cron` and `sshd(pam_unix)` are cron and sshd. */
  function cleanProgram(program: string): string {
    let name = cleanNames.get(program)
    if (name === undefined) {
      name = program.slice(program.lastIndexOf('/') + 1).replace(/\(.*$/, '')
      if (cleanNames.size < programsPerSourceLimit) cleanNames.set(program, name)
    }
    return name
  }

  function putHeader(fields: Fields, header: SyslogHeader): void {
    if (header.host !== '') fields['host.name'] = header.host
    if (header.priority >= 0) {
      fields['log.syslog.facility.code'] = header.priority >> 3
      fields['log.syslog.severity.code'] = header.priority & 7
      fields['log.level'] = severityNames[header.priority & 7]!
    }
    if (header.program !== '') {
      fields['log.syslog.appname'] = header.program
      fields['process.name'] = cleanProgram(header.program)
      if (header.process !== '') {
        const pid = Number(header.process)
        if (Number.isInteger(pid)) fields['process.pid'] = pid
        else fields['log.syslog.procid'] = header.process
      }
    }
    if (header.messageId !== '') fields['log.syslog.msgid'] = header.messageId
    if (header.structuredData)
      for (const key in header.structuredData) fields[`syslog.structured_data.${key}`] = header.structuredData[key]!
  }

  const run: EngineRun = {
    text: '',
    header: emptySyslogHeader(),
    hasHeader: false,
    program: '',
    source: {},
    fields: {},
    timeMs: Number.NaN,
    receivedAtMs: 0,
    zone,
    memory: new Map(),
    tags: noTags,
    baseTags: noTags,
    reason: '',
    isPreamble: false,
    auditRecord: undefined,
    json() {
      if (valueOf !== run.text) {
        valueOf = run.text
        value = parseObject(run.text)
      }
      return value
    },
    inner(text, program) {
      if (innerDepth > 0) return false
      innerDepth++
      const outer = {
        text: run.text,
        header: run.header,
        hasHeader: run.hasHeader,
        program: run.program,
        source: run.source,
        fields: run.fields,
        timeMs: run.timeMs,
        tags: run.tags,
      }
      try {
        run.header = emptySyslogHeader()
        const content = text.trimEnd()
        run.hasHeader = readSyslogHeader(content, run.header, run.zone, run.receivedAtMs)
        run.text = run.hasHeader ? content.slice(run.header.contentAt) : content
        run.program = run.header.program !== '' ? cleanProgram(run.header.program) : cleanProgram(program)
        const candidates = [...chooser.byProgram(run.program)]
        for (const parser of chooser.recognise(run))
          if (!parser.isGeneric && !candidates.includes(parser)) candidates.push(parser)
        if (run.hasHeader && run.header.program !== '' && genericSyslog) candidates.push(genericSyslog)
        for (const parser of candidates) {
          run.fields = { ...outer.fields }
          run.source = {}
          run.tags = [...outer.tags]
          run.isPreamble = false
          if (run.hasHeader) putHeader(run.fields, run.header)
          if (!Number.isNaN(run.header.timeMs)) run.timeMs = run.header.timeMs
          if (understands(run, parser)) return true
          run.timeMs = outer.timeMs
          run.auditRecord = undefined
        }
        run.fields = outer.fields
        run.tags = outer.tags
        return false
      } finally {
        run.text = outer.text
        run.header = outer.header
        run.hasHeader = outer.hasHeader
        run.program = outer.program
        run.source = outer.source
        innerDepth--
      }
    },
    open(text, json, receivedAtMs, ofZone, memory) {
      run.receivedAtMs = receivedAtMs
      run.zone = ofZone
      run.memory = memory
      run.hasHeader = readSyslogHeader(text, run.header, ofZone, receivedAtMs)
      run.text = run.hasHeader ? text.slice(run.header.contentAt) : text
      run.program = run.hasHeader ? cleanProgram(run.header.program) : ''
      valueOf = undefined
      if (json !== undefined) {
        valueOf = run.text
        value = json
      }
      run.reason = ''
    },
    restart() {
      run.source = {}
      run.fields = {}
      run.tags = run.baseTags.length === 0 ? [] : [...run.baseTags]
      run.isPreamble = false
      run.auditRecord = undefined
      run.timeMs = Number.NaN
    },
    begin() {
      run.restart()
      if (!run.hasHeader) return
      run.timeMs = run.header.timeMs
      putHeader(run.fields, run.header)
    },
    baseFields() {
      const fields: Fields = {}
      if (run.hasHeader) putHeader(fields, run.header)
      return fields
    },
    attempt(parser) {
      run.begin()
      return understands(run, parser)
    },
  }
  return run
}

function understands(run: Run, parser: Parser): boolean {
  try {
    parser.read(run)
    parser.apply(run)
    return true
  } catch (thrown) {
    if (thrown instanceof NotUnderstood) run.reason = thrown.reason
    // One hostile record must not stop the worker for ever: it is stored with what went wrong, and the next is read.
    else run.reason = `the parser ${parser.name} failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`
    return false
  }
}

function parseObject(text: string): SourceValues | undefined {
  if (text.charCodeAt(0) !== 123) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as SourceValues) : undefined
  } catch {
    return undefined
  }
}

/** Line ends, blanks and zero bytes behind the content say nothing. */
function trimEnd(text: string): string {
  let end = text.length
  while (end > 0) {
    const code = text.charCodeAt(end - 1)
    if (code !== 10 && code !== 13 && code !== 0) break
    end--
  }
  return end === text.length ? text : text.slice(0, end)
}

interface Part {
  text: string
  json: SourceValues | undefined
}

/**
 * The parts of a record that holds several: a JSON array of objects, lines of JSON objects, a Zeek log with its
 * header. Undefined when the record is one.
 */
function splitParts(text: string): Part[] | undefined {
  const first = text.charCodeAt(0)
  if (first === 91 && text.charCodeAt(text.length - 1) === 93) {
    let list: unknown
    try {
      list = JSON.parse(text)
    } catch {
      return undefined
    }
    if (!Array.isArray(list) || list.length === 0 || list.length > partsLimit) return undefined
    if (list.some((item) => typeof item !== 'object' || item === null || Array.isArray(item))) return undefined
    return list.map((item: SourceValues) => ({ text: JSON.stringify(item), json: item }))
  }
  const isZeek = first === 35 && text.startsWith('#separator')
  if ((first !== 123 && !isZeek) || !text.includes('\n')) return undefined
  const lines = text.split('\n', partsLimit + 1).filter((line) => line.trim() !== '')
  if (lines.length < 2 || lines.length > partsLimit) return undefined
  if (!isZeek && !lines.every((line) => line.charCodeAt(0) === 123 && /\}\s*$/.test(line))) return undefined
  return lines.map((line) => ({ text: trimEnd(line), json: undefined }))
}

/** Sorts like the place on the bus: partition, then offset. */
export function eventId(partition: number, offset: number): string {
  return `${partition.toString(36)}-${sortable(offset)}`
}

/** Base 36 with its length in front, so that texts sort as the numbers do. */
function sortable(number: number): string {
  const digits = number.toString(36)
  return digits.length.toString(36) + digits
}

function emptyStatistics(key: string, record: RawRecord): SourceStatistics & { byParser: Map<string, number> } {
  return {
    sourceKey: key,
    transport: record.transport,
    sender: record.sender,
    source: record.source,
    records: 0,
    parsed: 0,
    failed: 0,
    bytes: 0,
    parser: '',
    lastReceivedAtMs: record.receivedAtMs,
    lastEventTimeMs: 0,
    lastReason: '',
    byParser: new Map(),
  }
}

function countParser(statistics: { byParser: Map<string, number> }, parser: string): void {
  statistics.byParser.set(parser, (statistics.byParser.get(parser) ?? 0) + 1)
}

function withMainParser({
  byParser,
  ...statistics
}: SourceStatistics & { byParser: Map<string, number> }): SourceStatistics {
  let most = 0
  for (const [parser, count] of byParser) {
    if (count > most) {
      most = count
      statistics.parser = parser
    }
  }
  return statistics
}
