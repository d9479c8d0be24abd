/** How far a zone is ahead of UTC at a moment, both in milliseconds. */
export type UtcOffset = (utcMs: number) => number

/** Of `UTC`, of a fixed offset such as `+08:00`, or of a name of the IANA list; undefined when the name is none of these. */
export function createUtcOffset(name: string): UtcOffset | undefined {
  if (name === 'UTC' || name === 'Z') return () => 0
  const fixed = /^([+-])(\d{2}):?(\d{2})$/.exec(name)
  if (fixed) {
    const offset = (fixed[1] === '-' ? -1 : 1) * (Number(fixed[2]) * 60 + Number(fixed[3])) * 60_000
    return () => offset
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
  return (utcMs) => {
    const part: Record<string, number> = {}
    for (const { type, value } of format.formatToParts(utcMs)) part[type] = Number(value)
    const local = Date.UTC(part.year!, part.month! - 1, part.day!, part.hour!, part.minute!, part.second!)
    return local - Math.floor(utcMs / 1000) * 1000
  }
}

/** `2026-03-01 09:05:07` where clocks are so far ahead of UTC. */
export function localTimeText(timeMs: number, utcOffsetMs: number): string {
  return new Date(timeMs + utcOffsetMs).toISOString().slice(0, 19).replace('T', ' ')
}

/** `UTC+08:00` */
export function utcOffsetText(utcOffsetMs: number): string {
  const minutes = Math.round(Math.abs(utcOffsetMs) / 60_000)
  const two = (number: number) => String(number).padStart(2, '0')
  return `UTC${utcOffsetMs < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

/** As `createUtcOffset`, of a name that the configuration has checked. Throws RangeError for any other. */
export function requireUtcOffset(name: string): UtcOffset {
  const offset = createUtcOffset(name)
  if (!offset) throw new RangeError(`${name} is no time zone`)
  return offset
}
