/** What a query means, said a second time and as plainly as possible: the judge of what the event store answers. */
import { isIP } from 'node:net'
import { coreFieldByName, isArrayField } from '../../server/src/event/catalogue.ts'
import type { Event, FieldValue } from '../../server/src/event/event.ts'
import type { Bound, Pattern, Query } from '../../server/src/event/query.ts'
import { queryFieldType } from '../../server/src/event/query-value.ts'
import { parseIpv6 } from '../../server/src/lib/ip-address.ts'

export function holds(query: Query, event: Event): boolean {
  switch (query.kind) {
    case 'all':
      return true
    case 'and':
      return query.items.every((item) => holds(item, event))
    case 'or':
      return query.items.some((item) => holds(item, event))
    case 'not':
      return !holds(query.item, event)
    case 'text':
      return eventHolds(event, query.pattern)
    case 'exists':
      return valuesOf(event, query.field).length > 0
    case 'match':
      if (isEmpty(query.pattern) && queryFieldType(query.field) === 'text')
        return valuesOf(event, query.field).length === 0
      return valuesOf(event, query.field).some((value) => matches(query.field, String(value), query.pattern))
    case 'cidr':
      return valuesOf(event, query.field).some((value) => sameNetwork(String(value), query.network, query.prefixBits))
    case 'range':
      return valuesOf(event, query.field).some(
        (value) =>
          within(query.field, String(value), query.low, 1) && within(query.field, String(value), query.high, -1),
      )
  }
}

/** Fields besides the message that free text is looked for in. */
const searched = [
  'host.name',
  'user.name',
  'user.target.name',
  'process.name',
  'process.command_line',
  'file.path',
  'url.original',
  'url.full',
  'dns.question.name',
]

function eventHolds(event: Event, pattern: Pattern): boolean {
  const { fields } = event
  if (isEmpty(pattern)) return String(fields.message ?? '') === ''
  const texts = ['message', ...searched].map((name) => fields[name]).filter((value) => typeof value === 'string')
  const isOwn = ([name]: [string, unknown]) => !coreFieldByName.has(name)
  const own = Object.entries(fields)
    .filter(isOwn)
    .map(([, value]) => unescaped(JSON.stringify(value)))
  const text = [...texts, ...own].join('\n')
  const value = pattern.every((part) => part.kind === 'literal') ? literal(pattern) : ''
  const inText = textHolds(text, pattern)
  const family = isIP(value)
  if (family === 0) return inText
  const address = addressNumber(value)
  const known: unknown[] = ['source.ip', 'destination.ip', 'related.ip'].flatMap((name) => fields[name] as unknown)
  const isKnown = known.some((one) => typeof one === 'string' && addressNumber(one) === address && address !== 0n)
  const written: string[] = text.match(/\d+\.\d+\.\d+\.\d+/g) ?? []
  return isKnown || (family === 4 ? written.includes(value) : inText)
}

/** JSON text with its escapes undone. */
function unescaped(json: string): string {
  return json.replace(/\\([\\"nrt])/g, (_, sign: string) => ('nrt'.includes(sign) ? '\n' : sign))
}

function valuesOf(event: Event, field: string): FieldValue[] {
  if (field === '@timestamp') return [new Date(event.timeMs).toISOString()]
  if (field === 'event.id') return [event.id]
  if (field === 'event.ingested') return [new Date(event.receivedAtMs).toISOString()]
  if (field === 'event.original') return [Buffer.from(event.raw).toString()]
  const value = event.fields[field]
  const values = Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]
  return isArrayField(field) || values.length > 0 ? values : []
}

function matches(field: string, value: string, pattern: Pattern): boolean {
  const type = queryFieldType(field)
  if (type === 'text') return textHolds(value, pattern)
  if (type === 'date') return Date.parse(value) === Date.parse(literal(pattern))
  if (type === 'double') return Number(value) === Number(literal(pattern))
  const source = pattern
    .map((part) => (part.kind === 'any' ? '.*' : part.kind === 'one' ? '.' : escaped(lower(part.text))))
    .join('')
  return new RegExp(`^${source}$`, 'su').test(lower(value))
}

function textHolds(text: string, pattern: Pattern): boolean {
  if (isEmpty(pattern)) return text === ''
  const plain = lower(text)
  if (pattern.every((part) => part.kind === 'literal')) {
    const value = lower(literal(pattern))
    const words = plain.split(/[^0-9a-z]+/)
    const edges = [/^[0-9a-z]+/.exec(value)?.[0], /[0-9a-z]+$/.exec(value)?.[0]]
    return plain.includes(value) && edges.every((edge) => edge === undefined || words.includes(edge))
  }
  const source = pattern
    .map((part) =>
      part.kind === 'any' ? '[^\\t-\\r ]*' : part.kind === 'one' ? '[^\\t-\\r ]' : escaped(lower(part.text)),
    )
    .join('')
  const first = pattern[0]
  const last = pattern.at(-1)
  const before = first?.kind === 'literal' && /^[0-9a-z]/i.test(first.text) ? '(?:^|[^0-9a-z])' : ''
  const after = last?.kind === 'literal' && /[0-9a-z]$/i.test(last.text) ? '(?:$|[^0-9a-z])' : ''
  return new RegExp(before + source + after, 'su').test(plain)
}

function within(field: string, value: string, bound: Bound | undefined, sign: 1 | -1): boolean {
  if (!bound) return true
  const order = compare(field, value, bound.value)
  return order === undefined ? false : order === 0 ? bound.inclusive : order * sign > 0
}

function compare(field: string, value: string, bound: string): number | undefined {
  switch (queryFieldType(field)) {
    case 'long':
      return order(BigInt(value), BigInt(bound))
    case 'double':
      return order(Number(value), Number(bound))
    case 'date':
      return order(Date.parse(value), Date.parse(bound))
    case 'ip':
      return order(addressNumber(value), addressNumber(bound))
    default:
      if (!/^[+-]?\d+(\.\d+)?$/.test(bound)) return Buffer.compare(Buffer.from(lower(value)), Buffer.from(lower(bound)))
      return /^[+-]?\d+(\.\d+)?$/.test(value) ? order(Number(value), Number(bound)) : undefined
  }
}

function order<Value>(one: Value, other: Value): number {
  return one < other ? -1 : one > other ? 1 : 0
}

function sameNetwork(value: string, network: string, prefixBits: number): boolean {
  const shift = BigInt((network.includes(':') ? 128 : 32) - prefixBits)
  const top = network.includes(':') ? 0n : 0xffffn << 32n
  const number = addressNumber(value)
  if (!network.includes(':') && number >> 32n !== top >> 32n) return false
  return number >> shift === addressNumber(network) >> shift
}

/** 128 bits; IPv4 as `::ffff:a.b.c.d`. */
function addressNumber(text: string): bigint {
  if (text.includes(':')) return (parseIpv6(text) ?? []).reduce((number, group) => (number << 16n) | BigInt(group), 0n)
  return text.split('.').reduce((number, part) => (number << 8n) | BigInt(part), 0xffffn)
}

function isEmpty(pattern: Pattern): boolean {
  return pattern.length === 0
}

function literal(pattern: Pattern): string {
  return pattern.map((part) => (part.kind === 'literal' ? part.text : '')).join('')
}

function lower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

function escaped(text: string): string {
  return text.replace(/[\\^$.|?*+()[\]{}/]/g, '\\$&')
}
