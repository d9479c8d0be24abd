import { canonicalIp } from '../lib/ip-address.ts'
import { envelopeFields, fieldType } from './catalogue.ts'
import type { FieldType } from './field-type.ts'
import { literalText, type Pattern, type Query } from './query.ts'
import { queryInvalid } from './query-problem.ts'

/** The type a query compares a field by; the catalogue knows the name. */
export function queryFieldType(field: string): FieldType {
  return envelopeFields.get(field) ?? fieldType(field) ?? 'keyword'
}

/**
 * `field:value` as a query, the value checked and in canonical text for the field's type.
 * `at` and `length` are its place in the query text. Throws QUERY_INVALID.
 */
export function matchOf(field: string, pattern: Pattern, at: number, length: number): Query {
  const type = queryFieldType(field)
  if (type === 'keyword' || type === 'text') return { kind: 'match', field, pattern }
  const text = literalText(pattern)
  if (type === 'ip') {
    if (text === undefined) return { kind: 'match', field, pattern }
    if (text.includes('/')) return networkOf(field, text, at, length)
  }
  if (text === undefined) {
    throw queryInvalid('wildcard_of_type', at, length, { field, type })
  }
  return { kind: 'match', field, pattern: [{ kind: 'literal', text: canonicalValue(field, type, text, at, length) }] }
}

/** One end of a range in canonical text for the field's type. Throws QUERY_INVALID. */
export function boundOf(field: string, pattern: Pattern, at: number, length: number): string {
  const text = literalText(pattern)
  const type = queryFieldType(field)
  if (text === undefined || text === '') throw queryInvalid('range_end', at, length)
  if (type === 'boolean') throw queryInvalid('range_of_boolean', at, length, { field })
  return canonicalValue(field, type, text, at, length)
}

const examples: Record<FieldType, string> = {
  keyword: '',
  text: '',
  long: '443',
  double: '0.5',
  boolean: 'true',
  ip: '10.0.0.1, 10.0.0.0/8 or 2001:db8::1',
  date: '2026-01-31 or 2026-01-31T08:30:00Z',
}

function canonicalValue(field: string, type: FieldType, text: string, at: number, length: number): string {
  const canonical = canonicalByType[type](text)
  if (canonical !== undefined) return canonical
  throw queryInvalid('wrong_value', at, length, { field, type, value: text.slice(0, 60), example: examples[type] })
}

const canonicalByType: Record<FieldType, (text: string) => string | undefined> = {
  keyword: (text) => text,
  text: (text) => text,
  long: canonicalLong,
  double: (text) =>
    /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?$/i.test(text) && Number.isFinite(Number(text))
      ? String(Number(text))
      : undefined,
  boolean: (text) => (/^(true|false)$/i.test(text) ? text.toLowerCase() : undefined),
  ip: canonicalIp,
  date: canonicalDate,
}

function canonicalLong(text: string): string | undefined {
  if (!/^[+-]?\d{1,19}$/.test(text)) return undefined
  const value = BigInt(text)
  return BigInt.asIntN(64, value) === value ? value.toString() : undefined
}

/** ISO 8601; without a zone it is UTC. Milliseconds, `Z`. */
function canonicalDate(text: string): string | undefined {
  const found = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(:\d\d)?(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?)?$/i.exec(text)
  if (!found) return undefined
  const [, day, minute = '00:00', second = ':00', fraction = '', zone = 'Z'] = found
  const timeMs = Date.parse(
    `${day}T${minute}${second}${fraction.slice(0, 4)}${zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase()}`,
  )
  return Number.isNaN(timeMs) ? undefined : new Date(timeMs).toISOString()
}

function networkOf(field: string, text: string, at: number, length: number): Query {
  const slash = text.lastIndexOf('/')
  const network = canonicalIp(text.slice(0, slash))
  const bits = text.slice(slash + 1)
  const largest = network?.includes(':') ? 128 : 32
  if (network === undefined || !/^\d{1,3}$/.test(bits) || Number(bits) > largest) {
    throw queryInvalid('wrong_network', at, length, { value: text.slice(0, 60) })
  }
  return { kind: 'cidr', field, network, prefixBits: Number(bits) }
}
