import type { Detection, Event, Fields } from './event.ts'

/**
 * One event that matched rules which raise no detection alone: what correlations need of it, once for all these rules.
 * Such rules ("any web request") match a large part of all events, so nothing is computed for them that only a reader sees.
 */
export interface SilentMatch {
  /** What correlations know the event by; see `Detection.eventIds`. */
  eventId: string
  /** Event time, milliseconds since the epoch. */
  timeMs: number
  unitPath: string
  sourceKey: string
  rules: SilentRule[]
  /** Fields of the event, texts cut at 1 KiB, as JSON: read only when it completes a correlation. */
  fieldsText: string
}

/** A silent rule that matched, and the values by which correlations group and count it, by the names the rule uses. */
export interface SilentRule {
  ruleId: string
  counted: Fields
}

/** What a rule, or several silent rules, found in one event. */
export type Match = Detection | SilentMatch

export function isSilent(match: Match): match is SilentMatch {
  return 'fieldsText' in match
}

/** What was found in one event. */
export interface EventMatches {
  event: Event
  matches: Match[]
}

/** All matches of one record of `raw`, in the order of its events: one record of the topic `matches`. */
export interface RecordMatches {
  /** Where the record lies on `raw`; strictly ascending within a partition of `matches`, so that a replay is seen. */
  partition: number
  offset: number
  matches: Match[]
}

/** Version of the form below. Version 1 began with the partition and the offset alone, and was the same behind. */
const formatVersion = 2

/**
 * Bytes of a record of `matches`: lines of JSON. First version, partition and offset; then for each detection a line, for each
 * silent match a line with all but its fields, and one with these.
 */
export function encodeMatches({ partition, offset, matches }: RecordMatches): Uint8Array {
  let text = `[${formatVersion},${partition},${offset}]`
  for (const match of matches) {
    if (isSilent(match)) {
      const { eventId, timeMs, unitPath, sourceKey, rules, fieldsText } = match
      const head = [eventId, timeMs, unitPath, sourceKey, rules.map(({ ruleId, counted }) => [ruleId, counted])]
      text += `\n${JSON.stringify(head)}\n${fieldsText}`
    } else text += `\n${JSON.stringify(match)}`
  }
  return Buffer.from(text)
}

type Head = [
  eventId: string,
  timeMs: number,
  unitPath: string,
  sourceKey: string,
  rules: [ruleId: string, counted: Fields][],
]

/**
 * The inverse of `encodeMatches`, and of the version before it: what lies on the bus when the program is upgraded is read.
 * Throws RangeError (or SyntaxError) when the bytes are none of these.
 */
export function decodeMatches(record: Uint8Array): RecordMatches {
  const text = Buffer.from(record.buffer, record.byteOffset, record.byteLength).toString('utf8')
  const lines = text.split('\n')
  const head: unknown = JSON.parse(lines[0]!)
  if (!Array.isArray(head) || head.length < 2 || !head.every(Number.isInteger))
    throw new RangeError('a record of matches begins with its version and its place on the bus')
  const [version, partition, offset] = (head.length === 2 ? [1, ...head] : head) as [number, number, number]
  if (version < 1 || version > formatVersion || head.length > 3)
    throw new RangeError(`matches of the unknown version ${version}`)
  const matches: Match[] = []
  for (let index = 1; index < lines.length; index++) {
    const value = JSON.parse(lines[index]!) as Head | Detection
    if (!Array.isArray(value)) {
      matches.push(value)
      continue
    }
    const fieldsText = lines[++index]
    if (fieldsText === undefined) throw new RangeError('a silent match lacks its fields')
    const [eventId, timeMs, unitPath, sourceKey, rules] = value
    const named = rules.map(([ruleId, counted]): SilentRule => ({ ruleId, counted }))
    matches.push({ eventId, timeMs, unitPath, sourceKey, rules: named, fieldsText })
  }
  return { partition, offset, matches }
}
