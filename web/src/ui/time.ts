/** Times: milliseconds since the epoch inside, local time with its zone on screen, UTC on hover. */

const two = (value: number) => String(value).padStart(2, '0')
const three = (value: number) => String(value).padStart(3, '0')

/** "2026-11-23 15:04:05" in the browser's zone; with `millis` also ".123". */
export function formatTime(timeMs: number, millis = false): string {
  const time = new Date(timeMs)
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`
  return millis ? `${day} ${clock}.${three(time.getMilliseconds())}` : `${day} ${clock}`
}

/** "11-23 15:04:05": for tables, where the year is clear from the range; another year is written out. */
export function formatTimeShort(timeMs: number): string {
  const full = formatTime(timeMs)
  return new Date(timeMs).getFullYear() === new Date().getFullYear() ? full.slice(5) : full
}

export function formatUtc(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('T', ' ').replace('Z', ' UTC')
}

/** "UTC+8", "UTC-3:30": the zone of the browser at this time. */
export function zoneName(timeMs: number = Date.now()): string {
  const minutes = -new Date(timeMs).getTimezoneOffset()
  const sign = minutes < 0 ? '-' : '+'
  const rest = Math.abs(minutes) % 60
  return `UTC${sign}${Math.floor(Math.abs(minutes) / 60)}${rest ? `:${two(rest)}` : ''}`
}

/** Server times are ISO strings; some lists carry milliseconds. Absent stays absent. */
export function toMs(value: string | number | null | undefined): number | undefined {
  if (value === null || value === undefined || value === '') return undefined
  const ms = typeof value === 'number' ? value : Date.parse(value)
  return Number.isNaN(ms) ? undefined : ms
}

export interface TimeRange {
  /** Relative ("now-24h"), absolute (ISO) or "now". */
  from: string
  to: string
}

const unitMs: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** "now", "now-15m", "now-7d", "now/d" (start of the local day) or an ISO time, as milliseconds; undefined when it is none. */
export function resolveTime(text: string, nowMs: number): number | undefined {
  if (text === 'now') return nowMs
  if (text === 'now/d') return new Date(nowMs).setHours(0, 0, 0, 0)
  const relative = /^now-(\d{1,6})([smhdw])$/.exec(text)
  if (relative) return nowMs - Number(relative[1]) * (unitMs[relative[2]!] ?? 0)
  return toMs(text)
}

export interface Span {
  fromMs: number
  toMs: number
}

/** Falls back to the last 24 hours when the link carries nonsense, so that a broken link still shows something. */
export function resolveRange(range: TimeRange, nowMs: number): Span {
  const to = resolveTime(range.to, nowMs) ?? nowMs
  const from = resolveTime(range.from, nowMs) ?? to - 86_400_000
  return from < to ? { fromMs: from, toMs: to } : { fromMs: to, toMs: from + 1 }
}
