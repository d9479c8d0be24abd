import { createUtcOffset } from '../lib/utc-offset.ts'

/** A time zone: how far local time is ahead of UTC at a local moment. */
export interface Zone {
  name: string
  /** Offset in milliseconds at the local time given as if it were UTC. */
  offsetMs(localMs: number): number
}

const hourMs = 3_600_000

/** UTC, or a fixed offset such as `+08:00`, or a name of the IANA list. Undefined when the name is none of these. */
export function createZone(name: string): Zone | undefined {
  const utcOffset = createUtcOffset(name)
  if (!utcOffset) return undefined
  // Offsets change on whole quarter hours at most a few times a year: one answer an hour is kept, boundedly many.
  const cache = new Map<number, number>()
  let lastHour = Number.NaN
  let lastOffset = 0
  return {
    name,
    offsetMs(localMs) {
      const hour = Math.floor(localMs / hourMs)
      if (hour === lastHour) return lastOffset
      let offset = cache.get(hour)
      if (offset === undefined) {
        // The offset at UTC is near; the second look settles the hours around a change of daylight saving.
        const near = utcOffset(hour * hourMs)
        offset = utcOffset(hour * hourMs - near)
        if (cache.size >= 10_000) cache.clear()
        cache.set(hour, offset)
      }
      lastHour = hour
      lastOffset = offset
      return offset
    },
  }
}
