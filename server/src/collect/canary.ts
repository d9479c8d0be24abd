import { createHmac, timingSafeEqual } from 'node:crypto'
import { type CanaryMark, canarySource } from '../event/canary.ts'
import type { RawRecord } from '../event/raw-record.ts'

/** First byte of a marked record, for a check that costs nothing on the others. */
const firstByte = 0x40
const word = '@watchfire-canary'
const markPattern = /^@watchfire-canary ([0-9a-f]{8,64}) ([\w.-]{1,64}) ([0-9a-f]{64}) /
const markBytesMax = 256

/** Proof that the platform itself made the record: HMAC-SHA-256 (RFC 2104) under a key that lives as long as the process. */
function proof(key: string, { id, parser }: CanaryMark, body: Uint8Array): Buffer {
  return createHmac('sha256', Buffer.from(key, 'hex'))
    .update(`${id} ${parser || '-'} `)
    .update(body)
    .digest()
}

/** The record as it is sent through a real input. `key` is hexadecimal. */
export function markCanary(key: string, mark: CanaryMark, body: Uint8Array): Buffer {
  const head = `${word} ${mark.id} ${mark.parser || '-'} ${proof(key, mark, body).toString('hex')} `
  return Buffer.concat([Buffer.from(head), body])
}

/**
 * A record with a valid proof, without its mark and under the transport `canary`; every other record as it is, also one that
 * only looks like a canary.
 */
export function recogniseCanary(record: RawRecord, key: string | undefined): RawRecord {
  const { body } = record
  if (key === undefined || body[0] !== firstByte) return record
  const head = Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, markBytesMax)).toString('latin1')
  const match = markPattern.exec(head)
  if (!match) return record
  const mark: CanaryMark = { id: match[1]!, parser: match[2] === '-' ? '' : match[2]! }
  const rest = body.subarray(match[0].length)
  if (!timingSafeEqual(Buffer.from(match[3]!, 'hex'), proof(key, mark, rest))) return record
  return { ...record, transport: 'canary', source: canarySource(mark), body: rest }
}
