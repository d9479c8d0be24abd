import type { Chooser } from './choose.ts'
import type { Parser } from './parser.ts'
import { type Memory, NotUnderstood, type Run, type SourceValues } from './run.ts'
import { runStoreFor } from './store-field.ts'
import { emptySyslogHeader, readSyslogHeader, type SyslogHeader } from './syslog.ts'
import type { Zone } from './zone.ts'

/** Most program names whose cleaned form is remembered. */
const namesLimit = 10_000
const noTags: string[] = []
const stores = {
  host: runStoreFor('host.name'),
  facility: runStoreFor('log.syslog.facility.code'),
  severity: runStoreFor('log.syslog.severity.code'),
  level: runStoreFor('log.level'),
  program: runStoreFor('log.syslog.appname'),
  process: runStoreFor('process.name'),
  pid: runStoreFor('process.pid'),
  processId: runStoreFor('log.syslog.procid'),
  messageId: runStoreFor('log.syslog.msgid'),
}
const severityNames = ['emergency', 'alert', 'critical', 'error', 'warning', 'notice', 'informational', 'debug']

/** The `Run` of a normaliser with what only the engine may do. */
export interface EngineRun extends Run {
  baseTags: string[]
  reason: string
  /** Begins a new content: reads its header, forgets everything of the one before. */
  open(text: string, json: SourceValues | undefined, receivedAtMs: number, zone: Zone, memory: Memory): void
  /** Forgets what an attempt has set, keeping header and content. */
  restart(): void
  /** `restart`, and puts the fields of the header. */
  begin(): void
  attempt(parser: Parser): boolean
}

/** The one `Run` of a normaliser. `genericSyslog` takes wrapped lines that have a header but no parser of their own. */
export function createRun(chooser: Chooser, genericSyslog: Parser | undefined, zone: Zone): EngineRun {
  let parsed: SourceValues | undefined
  let parsedText: string | undefined
  let innerDepth = 0
  const cleanNames = new Map<string, string>()

  /** `/usr/sbin/cron` and `sshd(pam_unix)` are cron and sshd. */
  function cleanProgram(program: string): string {
    let name = cleanNames.get(program)
    if (name === undefined) {
      name = program.slice(program.lastIndexOf('/') + 1).replace(/\(.*$/, '')
      if (cleanNames.size < namesLimit) cleanNames.set(program, name)
    }
    return name
  }

  /**
   * Logs that programs write to files begin with a time too, and what follows (a thread, a process) is no host. A parser that knows
   * the whole line is believed when none knows what would be the content.
   */
  function ownsItsTime(text: string): boolean {
    const recognised = () => chooser.recognise(run, { generic: false }).next().done === false
    if (recognised()) return false
    const content = run.text
    run.text = text
    const found = recognised()
    run.text = content
    return found
  }

  function putHeader(header: SyslogHeader): void {
    if (header.host !== '') stores.host(run, header.host)
    if (header.priority >= 0) {
      stores.facility(run, header.priority >> 3)
      stores.severity(run, header.priority & 7)
      stores.level(run, severityNames[header.priority & 7]!)
    }
    if (header.program !== '') {
      stores.program(run, header.program)
      stores.process(run, cleanProgram(header.program))
      if (header.process !== '') {
        const pid = Number(header.process)
        if (Number.isInteger(pid)) stores.pid(run, pid)
        else stores.processId(run, header.process)
      }
    }
    if (header.messageId !== '') stores.messageId(run, header.messageId)
    if (header.structuredData) {
      for (const key in header.structuredData) {
        run.fields[`syslog.structured_data.${key}`] = header.structuredData[key]!
      }
    }
  }

  /** Parsers of the program, then those that know the content, then the generic one when there is a header with a program. */
  function* innerCandidates(): Generator<Parser> {
    const named = chooser.byProgram(run.program)
    yield* named
    for (const parser of chooser.recognise(run, { generic: false })) if (!named.includes(parser)) yield parser
    if (run.hasHeader && run.header.program !== '' && genericSyslog) yield genericSyslog
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
    relatedIp: undefined,
    relatedUser: undefined,
    relatedHosts: undefined,
    derive: 0,
    baseTags: noTags,
    reason: '',
    isPreamble: false,
    auditRecord: undefined,
    json() {
      if (parsedText !== run.text) {
        parsedText = run.text
        parsed = parseObject(run.text)
      }
      return parsed
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
        run.text = withoutLead(run.hasHeader ? content.slice(run.header.contentAt) : content)
        run.program = run.header.program !== '' ? cleanProgram(run.header.program) : cleanProgram(program)
        for (const parser of innerCandidates()) {
          run.fields = { ...outer.fields }
          run.source = {}
          run.tags = [...outer.tags]
          run.isPreamble = false
          if (run.hasHeader) putHeader(run.header)
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
      run.text = withoutLead(run.hasHeader ? text.slice(run.header.contentAt) : text)
      run.program = run.hasHeader ? cleanProgram(run.header.program) : ''
      parsedText = undefined
      if (json !== undefined) {
        parsedText = run.text
        parsed = json
      }
      run.reason = ''
      const bare = run.hasHeader && run.header.priority < 0
      // A host with a colon is an address with its port, and what follows no program.
      if (bare && (run.program === '' || run.header.host.includes(':')) && ownsItsTime(text)) {
        Object.assign(run.header, emptySyslogHeader())
        run.hasHeader = false
        run.text = text
      }
    },
    restart() {
      run.source = {}
      run.fields = {}
      run.tags = run.baseTags.length === 0 ? [] : [...run.baseTags]
      run.isPreamble = false
      run.auditRecord = undefined
      run.timeMs = Number.NaN
      run.relatedIp = undefined
      run.relatedUser = undefined
      run.relatedHosts = undefined
      run.derive = 0
    },
    begin() {
      run.restart()
      if (!run.hasHeader) return
      run.timeMs = run.header.timeMs
      putHeader(run.header)
    },
    attempt(parser) {
      run.begin()
      return understands(run, parser)
    },
  }
  return run
}

/** Blanks, and a colon that some put where a tag would end, stand before the content of odd senders. */
function withoutLead(text: string): string {
  const first = text.charCodeAt(0)
  return first <= 32 || first === 58 ? text.replace(/^\s*:?\s*/, '') : text
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
