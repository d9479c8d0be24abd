import { parseSyslogTime, parseTime, parseYearFirst } from './time.ts'
import type { Zone } from './zone.ts'

/**
 * What a syslog header says (RFC 3164 and RFC 5424, and what devices make of them). One object is reused for every
 * record, so that the hot path allocates nothing but the strings.
 */
export interface SyslogHeader {
  /** -1 when there is no `<PRI>`. */
  priority: number
  /** NaN when the header has no time. */
  timeMs: number
  host: string
  program: string
  /** Process id as written. */
  process: string
  messageId: string
  structuredData: Record<string, string> | undefined
  /** 3164, 5424, or 0 for a bare priority. */
  version: 0 | 3164 | 5424
  /** Where the content begins. */
  contentAt: number
}

export function emptySyslogHeader(): SyslogHeader {
  return {
    priority: -1,
    timeMs: Number.NaN,
    host: '',
    program: '',
    process: '',
    messageId: '',
    structuredData: undefined,
    version: 0,
    contentAt: 0,
  }
}

/** Most structured-data parameters that are read; more stay in the raw bytes. */
const parametersLimit = 256

/** Fills `header` from the start of the text; false when the text does not begin with a syslog header. */
export function readSyslogHeader(text: string, header: SyslogHeader, zone: Zone, receivedAtMs: number): boolean {
  header.priority = -1
  header.timeMs = Number.NaN
  header.host = ''
  header.program = ''
  header.process = ''
  header.messageId = ''
  header.structuredData = undefined
  header.version = 0
  header.contentAt = 0
  let at = 0
  if (text.charCodeAt(0) === 60) {
    let priority = 0
    at = 1
    for (let digit = text.charCodeAt(at) - 48; digit >= 0 && digit <= 9 && at < 5; digit = text.charCodeAt(++at) - 48) {
      priority = priority * 10 + digit
    }
    if (at === 1 || text.charCodeAt(at) !== 62 || priority > 191) return false
    header.priority = priority
    at++
    if (text.charCodeAt(at) === 49 && text.charCodeAt(at + 1) === 32)
      return read5424(text, at + 2, header, zone, receivedAtMs)
    at = skipSequence(text, at)
  }
  const code = text.charCodeAt(at)
  let end = -1
  if ((code >= 65 && code <= 90) || code === 42) {
    // `*` and `.` mark a clock that is not set on routers.
    if (code === 42) at++
    end = readMonthTime(text, at, header, zone, receivedAtMs)
  } else if (code >= 48 && code <= 57 && text.charCodeAt(at + 4) === 45) {
    end = readIsoTime(text, at, header, zone)
  }
  if (end < 0) {
    if (header.priority < 0) return false
    header.contentAt = at
    // A bare priority: `<134>CEF:0|…`, `<189>date=…`, `<30>program[12]: text`.
    readTag(text, at, header)
    return true
  }
  header.version = 3164
  readHostAndTag(text, end, header)
  return true
}

/** Devices put a sequence number before the time (`<189>1234: Jan 31 …`). */
function skipSequence(text: string, start: number): number {
  let at = start
  while (text.charCodeAt(at) === 32) at++
  const from = at
  while (at < from + 10 && text.charCodeAt(at) >= 48 && text.charCodeAt(at) <= 57) at++
  return at > from && text.charCodeAt(at) === 58 && text.charCodeAt(at + 1) === 32 ? at + 2 : from
}

/** Returns where the time ends, or -1. */
function readMonthTime(text: string, at: number, header: SyslogHeader, zone: Zone, receivedAtMs: number): number {
  if (text.charCodeAt(at + 3) !== 32) return -1
  const timeMs = parseSyslogTime(text, at, zone, receivedAtMs)
  const afterDate = text.charCodeAt(at + 6)
  if (!Number.isNaN(timeMs) && text.charCodeAt(at + 9) === 58 && afterDate === 32) {
    let end = at + 15
    const next = text.charCodeAt(end)
    if (next === 32 && isYear(text, end + 1)) {
      // `Jan 31 10:00:00 2026 host`
      header.timeMs = parseTime(text.slice(at, end + 5), zone, receivedAtMs)
      return end + 5
    }
    header.timeMs = timeMs
    if (next === 46 || next === 44) {
      let ms = 0
      let weight = 100
      for (end++; text.charCodeAt(end) >= 48 && text.charCodeAt(end) <= 57; end++) {
        ms += (text.charCodeAt(end) - 48) * weight
        weight /= 10
      }
      header.timeMs += Math.floor(ms + 1e-6)
    }
    return end
  }
  // `Jan 31 2026 10:00:00`, `Jan 3 10:00:00`
  const match = /^[A-Z][a-z]{2} +\d{1,2} (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d+)?/.exec(text.slice(at, at + 40))
  if (!match) return -1
  header.timeMs = parseTime(match[0], zone, receivedAtMs)
  return Number.isNaN(header.timeMs) ? -1 : at + match[0].length
}

function isYear(text: string, at: number): boolean {
  const first = text.charCodeAt(at)
  const after = text.charCodeAt(at + 4)
  if ((first !== 49 && first !== 50) || (after !== 32 && after !== 58 && !Number.isNaN(after))) return false
  for (let index = at + 1; index < at + 4; index++) {
    const code = text.charCodeAt(index)
    if (!(code >= 48 && code <= 57)) return false
  }
  return true
}

function readIsoTime(text: string, at: number, header: SyslogHeader, zone: Zone): number {
  // The time ends at the second blank when the first stands between date and clock.
  const separator = text.charCodeAt(at + 10)
  if (separator !== 84 && separator !== 32) return -1
  let end = text.indexOf(' ', at + 11)
  if (end < 0 || end > at + 36) return -1
  let stampEnd = end
  if (text.charCodeAt(stampEnd - 1) === 58 || text.charCodeAt(stampEnd - 1) === 44) stampEnd--
  const timeMs = parseYearFirst(text.slice(at, stampEnd), zone)
  if (Number.isNaN(timeMs)) return -1
  header.timeMs = timeMs
  const signed = text.charCodeAt(end + 1)
  if ((signed === 43 || signed === 45) && text.charCodeAt(end + 6) === 32) {
    header.timeMs = parseYearFirst(text.slice(at, end + 6), zone)
    end += 6
  }
  return end
}

function readHostAndTag(text: string, start: number, header: SyslogHeader): void {
  let at = start
  while (text.charCodeAt(at) === 32 || text.charCodeAt(at) === 58) at++
  const space = text.indexOf(' ', at)
  if (space < 0) {
    header.contentAt = at
    return
  }
  const word = text.slice(at, space)
  // Without a host the program comes at once: `Jan 31 10:00:00 sshd[12]: …`; so do CEF and `key=value` content.
  if (isContent(word) || /[[({"=]|:$/.test(word)) {
    header.contentAt = at
    readTag(text, at, header)
    return
  }
  header.host = word
  at = space + 1
  while (text.charCodeAt(at) === 32) at++
  header.contentAt = at
  readTag(text, at, header)
}

function isContent(word: string): boolean {
  return word.startsWith('CEF:') || word.startsWith('LEEF:') || word.startsWith('%')
}

/** `sshd[1234]: `, `sudo:  `, `su(pam_unix)[12]: `; leaves the content alone when there is none. */
function readTag(text: string, start: number, header: SyslogHeader): void {
  let at = start
  const limit = Math.min(text.length, start + 64)
  for (; at < limit; at++) {
    const code = text.charCodeAt(at)
    const word =
      (code >= 97 && code <= 122) ||
      (code >= 65 && code <= 90) ||
      (code >= 48 && code <= 57) ||
      code === 45 ||
      code === 95 ||
      code === 46 ||
      code === 47 ||
      code === 40 ||
      code === 41 ||
      code === 64
    if (!word) break
  }
  if (at === start || at >= text.length || text.charCodeAt(start) === 40) return
  const code = text.charCodeAt(at)
  let end = at
  let pidStart = 0
  if (code === 91) {
    const close = text.indexOf(']', at)
    if (close < 0 || close > at + 32) return
    pidStart = at + 1
    end = close + 1
    if (text.charCodeAt(end) !== 58) {
      // `program[12] text` is written by some; `name[index]=…` is not a tag.
      if (text.charCodeAt(end) !== 32 || !/^\d+$/.test(text.slice(pidStart, close))) return
    }
  } else if (code !== 58) return
  // `https://…` and `C:\…` and `12:30` are no programs; `CEF:0|` is content.
  const next = text.charCodeAt(end + 1)
  if (code === 58 && next !== 32 && !Number.isNaN(next)) return
  const program = text.slice(start, at)
  if (/^\d+$/.test(program)) {
    // A sequence number where the program would stand.
    header.contentAt = end + 1
    while (text.charCodeAt(header.contentAt) === 32) header.contentAt++
    return
  }
  if (program === 'CEF' || program === 'LEEF') return
  header.program = program
  if (pidStart > 0) header.process = text.slice(pidStart, end - 1)
  if (text.charCodeAt(end) === 58) end++
  while (text.charCodeAt(end) === 32) end++
  header.contentAt = end
}

/** `<PRI>1 TIME HOST APP PROCID MSGID SD [MSG]`, `-` for what is not there. */
function read5424(text: string, start: number, header: SyslogHeader, zone: Zone, receivedAtMs: number): boolean {
  let at = start
  const words: string[] = []
  for (let index = 0; index < 5; index++) {
    const space = text.indexOf(' ', at)
    if (space < 0) {
      header.contentAt = start
      return true
    }
    words.push(text.slice(at, space))
    at = space + 1
  }
  header.version = 5424
  if (words[0] !== '-') header.timeMs = parseTime(words[0], zone, receivedAtMs)
  if (words[1] !== '-') header.host = words[1]!
  if (words[2] !== '-') header.program = words[2]!
  if (words[3] !== '-') header.process = words[3]!
  if (words[4] !== '-') header.messageId = words[4]!
  if (text.charCodeAt(at) === 91) at = readStructuredData(text, at, header)
  else if (text.charCodeAt(at) === 45) at++
  if (text.charCodeAt(at) === 32) at++
  if (text.charCodeAt(at) === 0xfeff) at++
  header.contentAt = at
  return true
}

/** `[id name="value" …][…]`; returns where it ends. Escapes `\"`, `\\` and `\]` are resolved. */
function readStructuredData(text: string, start: number, header: SyslogHeader): number {
  const data: Record<string, string> = Object.create(null)
  let count = 0
  let at = start
  while (text.charCodeAt(at) === 91) {
    const element = /\[([^ \]="]{1,64})/y
    element.lastIndex = at
    const opened = element.exec(text)
    if (!opened) break
    at = element.lastIndex
    for (;;) {
      while (text.charCodeAt(at) === 32) at++
      if (text.charCodeAt(at) === 93) {
        at++
        break
      }
      const parameter = /([^ \]="]{1,128})="((?:[^"\\]|\\.)*)"/sy
      parameter.lastIndex = at
      const read = parameter.exec(text)
      if (!read || ++count > parametersLimit) {
        // Not what RFC 5424 describes (Check Point writes `key:"value";`): leave the rest to the content.
        return start
      }
      data[`${opened[1]}.${read[1]}`] = read[2]!.includes('\\') ? read[2]!.replace(/\\(["\\\]])/g, '$1') : read[2]!
      at = parameter.lastIndex
    }
  }
  header.structuredData = data
  return at
}
