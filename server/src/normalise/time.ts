import type { Zone } from './zone.ts'

const months = new Map(
  ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'].map((name, index) => [
    name,
    index,
  ]),
)
const dayMs = 86_400_000

/** Named zones that log formats write out; anything else that is named is taken as the source's zone. */
const namedOffsets: Record<string, number> = {
  Z: 0,
  UTC: 0,
  GMT: 0,
  CST: 8,
  HKT: 8,
  JST: 9,
  EST: -5,
  EDT: -4,
  PST: -8,
  PDT: -7,
  CET: 1,
  CEST: 2,
}

interface Cursor {
  text: string
  at: number
}

/**
 * Milliseconds since the epoch for any of the time formats that logs use, or NaN. The format is told by its shape:
 * ISO 8601 with `T` or a blank, `2026/01/31 10:00:00`, `Jan 31 10:00:00 [2026]`, `Jan 31 2026 10:00:00`, with a
 * weekday in front, `31/Jan/2026:10:00:00 +0800`, `31 Jan 2026 10:00:00`, `20260131100000`, `20260131 10:00:00`,
 * `260131 10:00:00`, and seconds, milliseconds, microseconds or nanoseconds since the epoch. A time without a zone is
 * in `zone`; one without a year gets the year that puts it nearest to `referenceMs`. `CST` is China Standard Time.
 */
export function parseTime(value: unknown, zone: Zone, referenceMs: number): number {
  if (typeof value === 'number') return epochMs(value)
  if (typeof value !== 'string') return Number.NaN
  const text = value.trim()
  if (text.length < 4 || text.length > 64) return Number.NaN
  const first = text.charCodeAt(0)
  if (first >= 48 && first <= 57) {
    const fifth = text.charCodeAt(4)
    if (fifth === 45 || fifth === 47 || fifth === 46) return parseYearFirst(text, zone)
    if (/^\d{9,10}(?:\.\d+)?$/.test(text) || /^\d{13}(?:\.\d+)?$|^\d{16}$|^\d{19}$/.test(text))
      return epochMs(Number(text))
    const compact =
      /^(\d{4})(\d{2})(\d{2})[T ]?(\d{2}):?(\d{2}):?(\d{2})(.*)$/.exec(text) ??
      /^(\d{2})(\d{2})(\d{2}) {1,2}(\d{1,2}):(\d{2}):(\d{2})(.*)$/.exec(text)
    if (compact) return parseCompact(compact, zone)
    const third = text.charCodeAt(2)
    if (third === 47 || third === 32 || third === 45 || text.charCodeAt(1) === 32) return parseDayFirst(text, zone)
    return Number.NaN
  }
  if (first === 91) return parseTime(text.replace(/^\[|\]$/g, ''), zone, referenceMs)
  return parseMonthFirst(text, zone, referenceMs)
}

/** A number of seconds, milliseconds, microseconds or nanoseconds since the epoch, told apart by its size. */
function epochMs(value: number): number {
  if (!Number.isFinite(value) || value < 0) return Number.NaN
  if (value < 1e11) return Math.round(value * 1000)
  if (value < 1e14) return Math.round(value)
  if (value < 1e17) return Math.floor(value / 1e3)
  return Math.floor(value / 1e6)
}

let cachedDay = ''
let cachedDayMs = Number.NaN

/** `2026-01-31T10:00:00.123+08:00` and its kin with `/` or `.` in the date and a blank or `:` before the time. */
export function parseYearFirst(text: string, zone: Zone): number {
  const day = text.slice(0, 10)
  if (day !== cachedDay) {
    const year = digits(text, 0, 4)
    const month = digits(text, 5, 2)
    const date = digits(text, 8, 2)
    if (year < 0 || month < 1 || month > 12 || date < 1 || date > 31) return parseLoose(text, zone)
    const ms = Date.UTC(year, month - 1, date)
    if (new Date(ms).getUTCDate() !== date) return Number.NaN
    cachedDay = day
    cachedDayMs = ms
  }
  if (text.length === 10) return cachedDayMs - zone.offsetMs(cachedDayMs)
  const cursor = { text, at: text.charCodeAt(10) === 32 && text.charCodeAt(11) === 32 ? 12 : 11 }
  const time = clock(cursor)
  return time < 0 ? Number.NaN : withZone(cachedDayMs + time, cursor, zone)
}

/** `2026-1-3 9:05:07`: one-digit parts. */
function parseLoose(text: string, zone: Zone): number {
  const match = /^(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})[ T]+(\d{1,2}:\d{1,2}:\d{1,2}.*)$/.exec(text)
  if (!match) return Number.NaN
  const pad = (part: string) => part.padStart(2, '0')
  if (Number(match[2]) > 12 || Number(match[2]) < 1 || Number(match[3]) > 31 || Number(match[3]) < 1) return Number.NaN
  const time = match[4]!.replace(/\d+/g, (part, offset: number) => (offset < 8 ? pad(part) : part))
  return parseYearFirst(`${match[1]}-${pad(match[2]!)}-${pad(match[3]!)} ${time}`, zone)
}

/** Parts of `20260131100000`, `20260131 10:00:00` and, as MySQL writes it, `260131  9:00:00`. */
function parseCompact([, year, month, date, hour, minute, second, rest]: string[], zone: Zone): number {
  const century = year!.length === 2 ? '20' : ''
  return parseYearFirst(`${century}${year}-${month}-${date}T${hour!.padStart(2, '0')}:${minute}:${second}${rest}`, zone)
}

/** `31/Jan/2026:10:00:00 +0800`, `31 Jan 2026 10:00:00`, `31/01/2026 10:00:00`. */
function parseDayFirst(text: string, zone: Zone): number {
  let at = text.charCodeAt(1) >= 48 && text.charCodeAt(1) <= 57 ? 2 : 1
  const date = digits(text, 0, at)
  at++
  let month = months.get(text.slice(at, at + 3).toLowerCase())
  if (month === undefined) {
    month = digits(text, at, 2) - 1
    at += 3
  } else at += 4
  const year = digits(text, at, 4)
  if (date < 1 || date > 31 || month < 0 || month > 11 || year < 0) return Number.NaN
  const cursor = { text, at: at + 5 }
  const time = clock(cursor)
  return time < 0 ? Number.NaN : withZone(Date.UTC(year, month, date) + time, cursor, zone)
}

function parseMonthFirst(text: string, zone: Zone, referenceMs: number): number {
  let at = 0
  let month = months.get(text.slice(0, 3).toLowerCase())
  if (month === undefined) {
    // A weekday in front: `Sun, 31 Jan 2026`, `Sun Jan 31`.
    at = text.indexOf(' ') + 1
    if (at < 4 || at > 11) return Number.NaN
    while (text.charCodeAt(at) === 32) at++
    if (text.charCodeAt(at) >= 48 && text.charCodeAt(at) <= 57) return parseDayFirst(text.slice(at), zone)
    month = months.get(text.slice(at, at + 3).toLowerCase())
    if (month === undefined) return Number.NaN
  }
  at += 3
  while (text.charCodeAt(at) === 32 || text.charCodeAt(at) === 46) at++
  const width = text.charCodeAt(at + 1) >= 48 && text.charCodeAt(at + 1) <= 57 ? 2 : 1
  const date = digits(text, at, width)
  if (date < 1 || date > 31) return Number.NaN
  at += width
  while (text.charCodeAt(at) === 32 || text.charCodeAt(at) === 44) at++
  let year = -1
  if (text.charCodeAt(at + 2) !== 58 && digits(text, at, 4) > 0) {
    year = digits(text, at, 4)
    at += 5
  }
  const cursor = { text, at }
  const time = clock(cursor)
  if (time < 0) return Number.NaN
  if (year < 0 && text.charCodeAt(cursor.at) === 32 && digits(text, cursor.at + 1, 4) > 0) {
    year = digits(text, cursor.at + 1, 4)
    cursor.at += 5
  }
  if (year >= 0) return withZone(Date.UTC(year, month, date) + time, cursor, zone)
  const local = nearestYear(month, date, time, referenceMs, zone)
  return Number.isNaN(local) ? local : withZone(local, cursor, zone)
}

/**
 * Time of an RFC 3164 header, `Jan 31 10:00:00` or with a one-digit day, at a position of the text. NaN when it is
 * none. Kept apart from `parseTime` because every syslog line passes here.
 */
export function parseSyslogTime(text: string, at: number, zone: Zone, referenceMs: number): number {
  const month = months.get(text.slice(at, at + 3).toLowerCase())
  if (month === undefined) return Number.NaN
  const tens = text.charCodeAt(at + 4)
  const date = tens === 32 ? text.charCodeAt(at + 5) - 48 : digits(text, at + 4, 2)
  const hour = digits(text, at + 7, 2)
  const minute = digits(text, at + 10, 2)
  const second = digits(text, at + 13, 2)
  if (date < 1 || date > 31 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60)
    return Number.NaN
  const local = nearestYear(month, date, ((hour * 60 + minute) * 60 + second) * 1000, referenceMs, zone)
  return local - zone.offsetMs(local)
}

let nearestKey = -1
let nearestReferenceDay = -1
let nearestDayMs = Number.NaN

/** Local milliseconds of a date without a year: the year that is nearest to the reference, at most 2 days ahead of it. */
function nearestYear(month: number, date: number, timeMs: number, referenceMs: number, zone: Zone): number {
  const referenceLocal = referenceMs + zone.offsetMs(referenceMs)
  const referenceDay = Math.floor(referenceLocal / dayMs)
  const key = month * 32 + date
  if (key !== nearestKey || referenceDay !== nearestReferenceDay) {
    let year = new Date(referenceLocal).getUTCFullYear() + 1
    // At most nine steps back reach a leap year for 29 February, whatever the century.
    for (let steps = 0; steps < 10; steps++, year--) {
      const day = Date.UTC(year, month, date)
      if (new Date(day).getUTCDate() === date && day <= referenceLocal + 2 * dayMs) {
        nearestDayMs = day
        break
      }
      nearestDayMs = Number.NaN
    }
    nearestKey = key
    nearestReferenceDay = referenceDay
  }
  return nearestDayMs + timeMs
}

/** `10:00:00`, with `.123456` or `,123`: milliseconds of the day, or -1. Moves the cursor behind it. */
function clock(cursor: Cursor): number {
  const { text } = cursor
  let at = cursor.at
  const hour = digits(text, at, 2)
  const minute = digits(text, at + 3, 2)
  if (hour < 0 || hour > 24 || minute < 0 || minute > 59 || text.charCodeAt(at + 2) !== 58) return -1
  let ms = (hour * 60 + minute) * 60_000
  at += 5
  if (text.charCodeAt(at) === 58) {
    const second = digits(text, at + 1, 2)
    if (second < 0 || second > 60) return -1
    ms += second * 1000
    at += 3
    const mark = text.charCodeAt(at)
    if (mark === 46 || mark === 44) {
      let weight = 100
      at++
      for (let code = text.charCodeAt(at); code >= 48 && code <= 57; code = text.charCodeAt(++at)) {
        ms += (code - 48) * weight
        weight /= 10
      }
      ms = Math.floor(ms + 1e-6)
    }
  }
  cursor.at = at
  return ms
}

/** Applies what follows the time: `Z`, `+08:00`, `+0800`, ` CST`, ` AM`; else the zone of the source. */
function withZone(localMs: number, cursor: Cursor, zone: Zone): number {
  const { text } = cursor
  let at = cursor.at
  while (text.charCodeAt(at) === 32) at++
  if (at >= text.length) return localMs - zone.offsetMs(localMs)
  const code = text.charCodeAt(at)
  if (code === 90 || code === 122) return localMs
  if (code === 43 || code === 45) {
    const hour = digits(text, at + 1, 2)
    const minute = text.charCodeAt(at + 3) === 58 ? digits(text, at + 4, 2) : digits(text, at + 3, 2)
    if (hour < 0) return Number.NaN
    return localMs - (code === 45 ? -1 : 1) * (hour * 60 + Math.max(minute, 0)) * 60_000
  }
  const word = /^[A-Za-z]{1,4}/.exec(text.slice(at, at + 4))?.[0].toUpperCase() ?? ''
  if (word === 'PM') {
    const local = Math.floor(localMs / 3_600_000) % 24 < 12 ? localMs + 12 * 3_600_000 : localMs
    return local - zone.offsetMs(local)
  }
  const offset = namedOffsets[word]
  return offset === undefined ? localMs - zone.offsetMs(localMs) : localMs - offset * 3_600_000
}

/** The number written in `count` digits at a position, or -1. */
function digits(text: string, at: number, count: number): number {
  let number = 0
  for (let index = at; index < at + count; index++) {
    const digit = text.charCodeAt(index) - 48
    if (!(digit >= 0 && digit <= 9)) return -1
    number = number * 10 + digit
  }
  return number
}
