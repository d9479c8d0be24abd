import { Damaged } from './damaged.ts'

/** What a value of an event becomes in JSON. Integers beyond 2^53 are given as decimal text, so that no digit is lost. */
export type EventValue = string | number | boolean | null | EventValue[]

const isArray = 0x80
/** Bytes of one item of an array, by type; types that are not named cannot stand in arrays. */
const itemBytes: Record<number, number> = {
  3: 1, 4: 1, 5: 2, 6: 2, 7: 4, 8: 4, 9: 8, 10: 8, 11: 4, 12: 8, 13: 4, 15: 16, 17: 8, 18: 16, 20: 4, 21: 8,
} // biome-ignore format: a table

export const binXmlType = 0x21

/**
 * Decodes a typed value (MS-EVEN6 2.2.12, "Type System") as evtx_dump writes it: integers as numbers, hexadecimal integers as
 * `0x…` in lower case, times as ISO 8601 in UTC with microseconds, identifiers without braces, bytes in upper-case hex.
 * Throws Damaged when the value does not have the size its type needs.
 */
export function readValue(bytes: Buffer, type: number, start: number, size: number): EventValue {
  if (type === 0) return null
  if (type & isArray) return readArray(bytes, type & ~isArray, start, size)
  switch (type) {
    case 0x01:
      return utf16(bytes, start, start + size)
    case 0x02:
      return untilNul(bytes.toString('latin1', start, start + size))
    case 0x0e:
      return bytes.toString('hex', start, start + size).toUpperCase()
    case 0x10:
      if (size === 4) return `0x${bytes.readUInt32LE(start).toString(16)}`
      if (size === 8) return `0x${bytes.readBigUInt64LE(start).toString(16)}`
      throw new Damaged(`a size of ${size} bytes`)
    case 0x13:
      return sid(bytes, start, size)
    case 0x20:
    case 0x23:
      return bytes.toString('hex', start, start + size).toUpperCase()
    case 0x0d:
      if (size === 1) return bytes[start] !== 0
      break
  }
  const needed = itemBytes[type]
  if (needed === undefined) throw new Damaged(`a value of unknown type ${type}`)
  if (size < needed) throw new Damaged(`a value of type ${type} in ${size} bytes`)
  return readItem(bytes, type, start)
}

function readItem(bytes: Buffer, type: number, at: number): EventValue {
  switch (type) {
    case 0x03:
      return bytes.readInt8(at)
    case 0x04:
      return bytes.readUInt8(at)
    case 0x05:
      return bytes.readInt16LE(at)
    case 0x06:
      return bytes.readUInt16LE(at)
    case 0x07:
      return bytes.readInt32LE(at)
    case 0x08:
      return bytes.readUInt32LE(at)
    case 0x09:
      return safeInteger(bytes.readBigInt64LE(at))
    case 0x0a:
      return safeInteger(bytes.readBigUInt64LE(at))
    case 0x0b:
      return finite(bytes.readFloatLE(at))
    case 0x0c:
      return finite(bytes.readDoubleLE(at))
    case 0x0d:
      return bytes.readUInt32LE(at) !== 0
    case 0x0f:
      return guid(bytes, at)
    case 0x11:
      return fileTime(bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4))
    case 0x12:
      return systemTime(bytes, at)
    case 0x14:
      return `0x${bytes.readUInt32LE(at).toString(16)}`
    default:
      return `0x${bytes.readBigUInt64LE(at).toString(16)}`
  }
}

function readArray(bytes: Buffer, type: number, start: number, size: number): EventValue[] {
  if (type === 0x01 || type === 0x02) {
    const text =
      type === 0x01 ? bytes.toString('utf16le', start, start + size) : bytes.toString('latin1', start, start + size)
    // Each item ends with NUL.
    return (text.endsWith('\0') ? text.slice(0, -1) : text).split('\0')
  }
  const step = itemBytes[type]
  if (step === undefined) throw new Damaged(`an array of type ${type}`)
  const items: EventValue[] = []
  for (let at = start; at + step <= start + size; at += step) items.push(readItem(bytes, type, at))
  return items
}

/** Text up to its NUL, if it has one. */
export function utf16(bytes: Buffer, start: number, end: number): string {
  return untilNul(bytes.toString('utf16le', start, end))
}

function untilNul(text: string): string {
  const end = text.indexOf('\0')
  return end < 0 ? text : text.slice(0, end)
}

function safeInteger(value: bigint): number | string {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value.toString()
}

function finite(value: number): number | string {
  return Number.isFinite(value) ? value : String(value)
}

function guid(bytes: Buffer, at: number): string {
  const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0')
  const text = `${hex(bytes.readUInt32LE(at), 8)}-${hex(bytes.readUInt16LE(at + 4), 4)}-${hex(bytes.readUInt16LE(at + 6), 4)}`
  return `${text}-${bytes.toString('hex', at + 8, at + 10)}-${bytes.toString('hex', at + 10, at + 16)}`.toUpperCase()
}

/** S-R-I-S… (MS-DTYP 2.4.2): revision, count of parts, authority of six bytes in network order, parts of four bytes. */
function sid(bytes: Buffer, start: number, size: number): string {
  if (size < 8) throw new Damaged(`a SID of ${size} bytes`)
  const count = bytes[start + 1]!
  if (8 + 4 * count > size) throw new Damaged(`a SID with ${count} parts in ${size} bytes`)
  const parts = [bytes[start]!, bytes.readUIntBE(start + 2, 6)]
  for (let index = 0; index < count; index++) parts.push(bytes.readUInt32LE(start + 8 + 4 * index))
  return `S-${parts.join('-')}`
}

/** Milliseconds between 1601-01-01 and 1970-01-01. */
const epochOffsetMs = 11_644_473_600_000
/** `Date` goes no further than this. */
const lastDateMs = 8.64e15

/** A FILETIME (100 ns since 1601-01-01 UTC) in two halves; microseconds are kept. */
export function fileTime(low: number, high: number): string {
  // 2^32 * 100 ns = 429,496.7296 ms: the parts are kept apart so that doubles lose nothing.
  const microseconds = BigInt(high) * 429_496_729n + (BigInt(high) * 6n + BigInt(low)) / 10n
  const timeMs = Number(microseconds / 1000n) - epochOffsetMs
  if (Math.abs(timeMs) > lastDateMs) return `0x${((BigInt(high) << 32n) | BigInt(low)).toString(16)}`
  return `${new Date(timeMs).toISOString().slice(0, -1)}${String(microseconds % 1000n).padStart(3, '0')}Z`
}

/** A SYSTEMTIME: year, month, day of week, day, hour, minute, second, millisecond, two bytes each. */
function systemTime(bytes: Buffer, at: number): string {
  const part = (index: number) => bytes.readUInt16LE(at + 2 * index)
  const two = (index: number) => String(part(index)).padStart(2, '0')
  const date = `${String(part(0)).padStart(4, '0')}-${two(1)}-${two(3)}`
  return `${date}T${two(4)}:${two(5)}:${two(6)}.${String(part(7)).padStart(3, '0')}000Z`
}
