/** A time zone: how far local time is ahead of UTC at a local moment. */
export interface Zone {
  name: string
  /** Offset in milliseconds at the local time given as if it were UTC. */
  offsetMs(localMs: number): number
}

const hourMs = 3_600_000

/** UTC, or a fixed offset such as `+08:00`, or a name of the IANA list. Undefined when the name is none of these. */
export function createZone(name: string): Zone | undefined {
  if (name === 'UTC' || name === 'Z') return { name, offsetMs: () => 0 }
  const fixed = /^([+-])(\d{2}):?(\d{2})$/.exec(name)
  if (fixed) {
    const offset = (fixed[1] === '-' ? -1 : 1) * (Number(fixed[2]) * 60 + Number(fixed[3])) * 60_000
    return { name, offsetMs: () => offset }
  }
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  } catch {
    return undefined
  }
  const utcOffset = (utcMs: number) => {
    const part: Record<string, number> = {}
    for (const { type, value } of format.formatToParts(utcMs)) part[type] = Number(value)
    const local = Date.UTC(part.year!, part.month! - 1, part.day!, part.hour!, part.minute!, part.second!)
    return local - Math.floor(utcMs / 1000) * 1000
  }
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
