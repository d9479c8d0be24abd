import { CodedError } from '../event/errors.ts'
import { type Detection, type Entity, type Fields, severityRank } from '../event/event.ts'
import { storableJson } from '../lib/storable-text.ts'

const detectors = new Set(['sigma', 'correlation', 'intel', 'model', 'analytic'])
const entityTypes = new Set(['host', 'user', 'ip', 'domain', 'process', 'file', 'url'])
const roles = new Set(['actor', 'target', 'observed'])
/** The end of the year 9999: later times have another text form in PostgreSQL. Times before 1970 are no log's times. */
const timeLimitMs = 253_402_300_799_999
const unitPathPattern = /^\/(?:\d+\/)+$/
/** What PostgreSQL's text and jsonb refuse can only arrive as an escape, since bytes are decoded as UTF-8. */
const suspiciousEscape = /\\u(?:0000|[dD][89a-fA-F])/

/** Longest texts kept, in UTF-16 units; ids and entity values are keys of indexes. */
const limits = { id: 256, entity: 512, title: 500, summary: 1_000, list: 64 }

/** One record of the bus to a Detection, bounded and storable. Throws BAD_REQUEST naming what is wrong with it. */
export function decodeMatch(record: Uint8Array): Detection {
  const text = Buffer.from(record.buffer, record.byteOffset, record.byteLength).toString('utf8')
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new CodedError('BAD_REQUEST', 'The match is not JSON', {}, { cause })
  }
  if (suspiciousEscape.test(text)) value = storableJson(value)
  const wrong = problem(value)
  if (wrong) throw new CodedError('BAD_REQUEST', `The match has a wrong ${wrong}`, { part: wrong })
  return bounded(value as Detection)
}

function problem(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return 'shape'
  const match = value as Partial<Record<keyof Detection, unknown>>
  if (!isKey(match.id)) return 'id'
  if (!isKey(match.ruleId)) return 'ruleId'
  for (const part of ['ruleTitle', 'summary', 'sourceKey'] as const) if (typeof match[part] !== 'string') return part
  for (const part of ['ruleTitleZh', 'summaryZh'] as const)
    if (match[part] !== undefined && typeof match[part] !== 'string') return part
  if (!detectors.has(match.detector as string)) return 'detector'
  if (typeof match.severity !== 'string' || !Object.hasOwn(severityRank, match.severity)) return 'severity'
  if (!Number.isFinite(match.timeMs) || (match.timeMs as number) < 0 || (match.timeMs as number) > timeLimitMs)
    return 'timeMs'
  if (typeof match.unitPath !== 'string' || !unitPathPattern.test(match.unitPath)) return 'unitPath'
  for (const part of ['techniques', 'tactics', 'eventIds'] as const) if (!isTextList(match[part])) return part
  if (!Array.isArray(match.entities) || !match.entities.every(isEntity)) return 'entities'
  if (!Array.isArray(match.matched)) return 'matched'
  if (typeof match.fields !== 'object' || match.fields === null || Array.isArray(match.fields)) return 'fields'
  if (match.ruleAttribution !== undefined && !isAttribution(match.ruleAttribution)) return 'ruleAttribution'
  return undefined
}

function isAttribution(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((text) => typeof text === 'string')
  )
}

function isKey(value: unknown): boolean {
  return typeof value === 'string' && value.length > 0 && value.length <= limits.id
}

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}

function isEntity(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const entity = value as Partial<Entity>
  return entityTypes.has(entity.type!) && typeof entity.value === 'string' && roles.has(entity.role!)
}

function bounded(match: Detection): Detection {
  match.timeMs = Math.trunc(match.timeMs)
  match.ruleTitle = match.ruleTitle.slice(0, limits.title)
  match.summary = match.summary.slice(0, limits.summary)
  if (match.ruleTitleZh !== undefined) match.ruleTitleZh = match.ruleTitleZh.slice(0, limits.title)
  if (match.summaryZh !== undefined) match.summaryZh = match.summaryZh.slice(0, limits.summary)
  if (match.ruleAttribution !== undefined) {
    const { author, license, reference } = match.ruleAttribution
    const texts = Object.entries({ author, license, reference })
    match.ruleAttribution = Object.fromEntries(
      texts.flatMap(([name, text]) => (text === undefined ? [] : [[name, text.slice(0, limits.title)]])),
    )
  }
  match.sourceKey = match.sourceKey.slice(0, limits.entity)
  match.techniques = match.techniques.slice(0, limits.list)
  match.tactics = match.tactics.slice(0, limits.list)
  match.entities = match.entities.filter((entity) => entity.value !== '').slice(0, limits.list)
  for (const entity of match.entities) {
    if (entity.value.length > limits.entity) entity.value = entity.value.slice(0, limits.entity)
  }
  return match
}

/** First value of a field as text; empty when the event has none. */
export function fieldText(fields: Fields, name: string): string {
  const value = fields[name]
  const first = Array.isArray(value) ? value[0] : value
  return first === null || first === undefined ? '' : String(first)
}
