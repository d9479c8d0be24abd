import {
  coreFieldByName,
  coreFields,
  fieldType,
  isArrayField,
  isKnownField,
  isVendorField,
} from '../event/catalogue.ts'
import { ecsFieldNames } from '../event/catalogue-ecs.ts'
import type { FieldValue } from '../event/event.ts'
import type { FieldType } from '../event/field-type.ts'
import { canonicalIp } from '../lib/ip-address.ts'
import { type FilePath, ParserProblem } from './problem.ts'
import type { Run } from './run.ts'
import { runStoreFor } from './store-field.ts'
import { parseTime } from './time.ts'

/** Puts a value into a field in the field's type; false when the value does not fit and was left out. */
export type Setter = (run: Run, value: unknown) => boolean

const endpoints = new Set(['source', 'destination', 'client', 'server'])

/** A setter for a field of the catalogue; throws a ParserProblem with suggestions when there is none of that name. */
export function createSetter(name: string, path: FilePath, options: { append?: boolean } = {}): Setter {
  requireField(name, path)
  const type = fieldType(name)!
  const scalar = scalarSetter(name, type)
  const store = runStoreFor(name)
  if (isArrayField(name) || options.append) return arraySetter(name, type)
  if (isVendorField(name)) return vendorSetter(name)
  return (run, value) => {
    if (Array.isArray(value)) {
      if (value.length === 0) return false
      if (value.length === 1 || coreFieldByName.has(name)) return scalar(run, value[0])
      const converted = value.map((item) => convert(item, type, run)).filter((item) => item !== undefined)
      if (converted.length === 0) return false
      store(run, converted)
      return true
    }
    return scalar(run, value)
  }
}

/** Throws when the catalogue does not know the name or it is not one of the event's fields. */
export function requireField(name: string, path: FilePath): void {
  if (fieldType(name) !== undefined) return
  if (isKnownField(name)) throw new ParserProblem(path, `${name} is not set by parsers: it stands beside the fields`)
  const near = nearestNames(name)
  const hint = near.length > 0 ? `; did you mean ${near.join(' or ')}?` : ''
  throw new ParserProblem(path, `${name} is not in the field catalogue${hint}`)
}

function nearestNames(name: string): string[] {
  const last = name.split('.').at(-1)!
  const known = new Set([...coreFields.map((field) => field.name), ...ecsFieldNames()])
  return [...known]
    .filter((candidate) => candidate.split('.').at(-1) === last || editDistance(candidate, name) <= 2)
    .slice(0, 3)
}

function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 1; i <= left.length; i++) {
    const next = [i]
    for (let j = 1; j <= right.length; j++) {
      const swap = row[j - 1]! + (left[i - 1] === right[j - 1] ? 0 : 1)
      next.push(Math.min(swap, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[right.length]!
}

/** What logs write for "nothing". */
function isNothing(value: unknown): boolean {
  return value === undefined || value === null || value === '' || value === '-'
}

function scalarSetter(name: string, type: FieldType): Setter {
  const store = runStoreFor(name)
  if (type === 'keyword' || type === 'text') {
    return (run, value) => {
      if (typeof value === 'string') {
        if (value === '' || value === '-') return false
        store(run, value)
        return true
      }
      if (isNothing(value)) return false
      store(run, typeof value === 'object' ? JSON.stringify(value) : String(value))
      return true
    }
  }
  if (type === 'ip') return ipSetter(name)
  return (run, value) => {
    if (isNothing(value)) return false
    const converted = convert(value, type, run)
    if (converted === undefined) return false
    store(run, converted)
    return true
  }
}

/** An address goes into the field; a host name in its place goes into `<side>.address` and `<side>.domain`. */
function ipSetter(name: string): Setter {
  const side = name.endsWith('.ip') ? name.slice(0, -3) : ''
  const store = runStoreFor(name)
  const storeAddress = endpoints.has(side) ? runStoreFor(`${side}.address`) : undefined
  const storeDomain = endpoints.has(side) ? runStoreFor(`${side}.domain`) : undefined
  return (run, value) => {
    if (typeof value !== 'string' || value === '' || value === '-') return false
    const ip = canonicalIp(value)
    if (ip !== undefined) {
      store(run, ip)
      return true
    }
    if (storeAddress === undefined || value.length > 255) return false
    storeAddress(run, value)
    if (/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(value) && /[A-Za-z]/.test(value)) storeDomain?.(run, value.toLowerCase())
    return true
  }
}

function vendorSetter(name: string): Setter {
  const store = runStoreFor(name)
  return (run, value) => {
    if (value === undefined) return false
    store(run, asFieldValue(value))
    return true
  }
}

function arraySetter(name: string, type: FieldType): Setter {
  const store = runStoreFor(name)
  return (run, value) => {
    const present = run.fields[name]
    const members: FieldValue[] = Array.isArray(present) ? [...present] : []
    for (const item of Array.isArray(value) ? value : [value]) {
      if (isNothing(item)) continue
      const converted = convert(item, type, run)
      if (converted !== undefined && !members.includes(converted)) members.push(converted)
    }
    if (members.length === 0) return false
    store(run, members)
    return true
  }
}

/** A value in the type of a field, or undefined when it cannot be. */
function convert(value: unknown, type: FieldType, run: Run): FieldValue | undefined {
  switch (type) {
    case 'keyword':
    case 'text':
      return typeof value === 'string' ? value : typeof value === 'object' ? JSON.stringify(value) : String(value)
    case 'long':
    case 'double':
      return toNumber(value, type === 'long')
    case 'boolean':
      return toBoolean(value)
    case 'ip':
      return typeof value === 'string' ? canonicalIp(value) : undefined
    case 'date': {
      const ms = parseTime(value, run.zone, run.receivedAtMs)
      return Number.isNaN(ms) || Math.abs(ms) > 8.64e15 ? undefined : new Date(ms).toISOString()
    }
  }
}

function toNumber(value: unknown, whole: boolean): number | undefined {
  if (typeof value === 'boolean') return undefined
  const number =
    typeof value === 'number' ? value : typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN
  if (!Number.isFinite(number)) return undefined
  return whole ? Math.trunc(number) : number
}

function toBoolean(value: unknown): boolean | undefined {
  if (typeof value === 'boolean') return value
  const text = String(value).toLowerCase()
  if (text === 'true' || text === 't' || text === 'yes' || text === '1') return true
  if (text === 'false' || text === 'f' || text === 'no' || text === '0') return false
  return undefined
}

/** A JSON value as a field value: objects inside arrays become JSON text. */
export function asFieldValue(value: unknown): FieldValue {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || value === null)
    return value
  if (Array.isArray(value)) return value.map(asFieldValue)
  return value === undefined ? null : JSON.stringify(value)
}
