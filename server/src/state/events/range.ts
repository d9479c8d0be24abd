import { CodedError } from '../../event/errors.ts'
import type { Clock } from '../../seams/clock/clock.ts'

/** Half open: `fromMs` belongs to it, `toMs` does not. Milliseconds since the epoch, UTC. */
export interface TimeRange {
  fromMs: number
  toMs: number
}

export type TimeInput = string | number

const unitMs: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** What the store can hold: DateTime64(3) from 1900 to 2299; a little less, so that sums stay within. */
const bounds = { fromMs: Date.UTC(1900, 0, 2), toMs: Date.UTC(2299, 11, 30) }

/** Both ends resolved against one "now". Throws BAD_REQUEST when an end is no time, or `to` does not lie after `from`. */
export function resolveRange(from: TimeInput, to: TimeInput, clock: Clock): TimeRange {
  const nowMs = clock.now()
  const fromMs = resolve(from, nowMs, 'from')
  // Up to and including the present moment.
  const toMs = to === 'now' ? nowMs + 1 : resolve(to, nowMs, 'to')
  if (toMs <= fromMs) throw new CodedError('BAD_REQUEST', 'The time range ends before it begins', { from, to })
  return { fromMs, toMs }
}

function resolve(input: TimeInput, nowMs: number, name: string): number {
  const timeMs = typeof input === 'number' ? input : parse(input, nowMs)
  if (Number.isNaN(timeMs))
    throw new CodedError('BAD_REQUEST', `${name} is no point in time: ${input}`, { [name]: input })
  return Math.min(Math.max(timeMs, bounds.fromMs), bounds.toMs)
}

function parse(text: string, nowMs: number): number {
  const relative = /^now(?:-(\d{1,6})([smhdw]))?$/.exec(text)
  if (relative) return nowMs - Number(relative[1] ?? 0) * (unitMs[relative[2] ?? 's'] ?? 0)
  if (/^\d{9,16}$/.test(text)) return Number(text)
  // Without a zone it is UTC, never the zone of the server.
  const withTime = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00` : text.replace(' ', 'T')
  const zoned = /(Z|[+-]\d\d:?\d\d)$/i.test(withTime.slice(10)) ? withTime : `${withTime}Z`
  return Date.parse(zoned.replace(/(\.\d{3})\d+/, '$1'))
}
