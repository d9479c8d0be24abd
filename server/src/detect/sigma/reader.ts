import type { Event, FieldValue } from '../../event/event.ts'
import { type FieldView, fieldSource } from './logsource.ts'
import { transforms } from './transforms.ts'

/** A record as it came from a file: parsed JSON, nested or flat, with the source's own names. */
export type JsonRecord = { readonly [name: string]: unknown }

/** Reads one field of a record: undefined when it is absent. */
export type Reader<Source> = (record: Source) => unknown

/** How a plan gets at one field. */
export interface FieldAccess<Source> {
  /** Equal keys, equal readers. */
  key: string
  reader: Reader<Source>
  /** Names of the record without which the field is absent; undefined: look always. */
  names: readonly string[] | undefined
}

/** Every top-level name under which `recordReader(name)` may find something: the name and the heads of its path. */
export function recordNames(name: string): string[] {
  const names = [name]
  for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) names.push(name.slice(0, dot))
  return names
}

/** Names of event fields from which `eventReader` takes its value. */
export function eventNames(name: string, view: FieldView): readonly string[] | undefined {
  return envelopeReaders[name] ? undefined : fieldSource(name, view).from
}

/** Reads a field by the name a rule uses: a flat key first, then the path; a path through a list fans out. */
export function recordReader(name: string): Reader<JsonRecord> {
  if (name in Object.prototype) return (record) => (Object.hasOwn(record, name) ? record[name] : undefined)
  if (!name.includes('.')) return (record) => record[name]
  const segments = name.split('.')
  return (record) => {
    const flat = record[name]
    return flat === undefined ? descend(record, segments, 0) : flat
  }
}

function descend(value: unknown, segments: string[], from: number): unknown {
  if (from === segments.length) return value
  if (Array.isArray(value)) {
    const members = value.map((member) => descend(member, segments, from)).filter((member) => member !== undefined)
    return members.length === 0 ? undefined : members.flat(1)
  }
  if (typeof value !== 'object' || value === null) return undefined
  let key = ''
  for (let end = from; end < segments.length; end++) {
    key = end === from ? segments[end]! : `${key}.${segments[end]}`
    if (!Object.hasOwn(value, key)) continue
    const found = descend((value as JsonRecord)[key], segments, end + 1)
    if (found !== undefined) return found
  }
  return undefined
}

/** Reads a field of a normalised event through a view. */
export function eventReader(name: string, view: FieldView): Reader<Event> {
  const { from, transform } = fieldSource(name, view)
  const envelope = envelopeReaders[name]
  if (envelope) return envelope
  if (transform !== undefined) {
    const change = transforms[transform]!
    return ({ fields }) => {
      const values = new Map<string, FieldValue>()
      let empty: null | undefined
      for (const field of from) {
        const value = fields[field]
        if (value === undefined) continue
        if (isEmpty(value)) empty = null
        else values.set(field, value)
      }
      const first = values.values().next()
      return first.done ? empty : change(first.value, values)
    }
  }
  const [only] = from
  if (only !== undefined && from.length === 1) return ({ fields }) => fields[only]
  return ({ fields }) => {
    let empty: null | undefined
    for (let i = 0; i < from.length; i++) {
      const value = fields[from[i]!]
      if (value === undefined) continue
      if (!isEmpty(value)) return value
      empty = null
    }
    return empty
  }
}

/** Null, or a list that holds nothing else. */
function isEmpty(value: FieldValue): boolean {
  return value === null || (Array.isArray(value) && value.every(isEmpty))
}

/** What stands beside the fields of an event. */
const envelopeReaders: Record<string, Reader<Event>> = {
  '@timestamp': (event) => new Date(event.timeMs).toISOString(),
  'event.ingested': (event) => new Date(event.receivedAtMs).toISOString(),
  'event.id': (event) => event.id,
  'event.original': (event) => Buffer.from(event.raw).toString('utf8'),
}

const depthLimit = 64

/** Every text and number of a record, at any depth: where keywords are searched. Names are not values. */
export function allValues(record: JsonRecord): unknown[] {
  const found: unknown[] = []
  collect(record, 0, found)
  return found
}

function collect(value: unknown, depth: number, found: unknown[]): void {
  if (typeof value === 'object' && value !== null) {
    if (depth > depthLimit) return
    if (Array.isArray(value)) for (let i = 0; i < value.length; i++) collect(value[i], depth + 1, found)
    else for (const key in value) collect((value as JsonRecord)[key], depth + 1, found)
  } else if (value !== null && value !== undefined) found.push(value)
}

/** Where keywords are searched in an event: its values, and the record as it came when it is text and no `message` holds it. */
export function eventValues(event: Event): unknown[] {
  const found = allValues(event.fields)
  const raw = messageText(event)
  if (raw !== undefined) found.push(raw)
  return found
}

const openingBrace = 0x7b
const openingBracket = 0x5b

/** The record as it came, when it is text and no field `message` holds it. */
export function messageText({ fields, raw }: Event): string | undefined {
  if (fields.message !== undefined || raw.length === 0 || raw[0] === openingBrace || raw[0] === openingBracket)
    return undefined
  return Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString('utf8')
}
