import { describe, expect, it } from 'vitest'
import { canaryOf } from '../event/canary.ts'
import { decodeRawRecord, encodeRawRecord, type RawRecord, sourceKey } from '../event/raw-record.ts'
import { markCanary, recogniseCanary } from './canary.ts'

const key = 'ab'.repeat(32)
const mark = { id: '0123456789abcdef', parser: '' }
const body = Buffer.from('<38>Oct 11 22:14:15 host sshd[1]: Accepted password')

function arrived(bytes: Uint8Array): RawRecord {
  return { receivedAtMs: 1, transport: 'syslog-udp', sender: '10.0.0.9', source: '', body: bytes }
}

describe('a canary at the collector', () => {
  it('is recognised by its proof, and its bytes are those of the sample', () => {
    const record = recogniseCanary(arrived(markCanary(key, mark, body)), key)
    expect(record.transport).toBe('canary')
    expect(Buffer.from(record.body).equals(body)).toBe(true)
    const again = decodeRawRecord(encodeRawRecord(record))
    expect(canaryOf(sourceKey(again))).toEqual(mark)
    const pinned = recogniseCanary(arrived(markCanary(key, { ...mark, parser: 'linux-auth' }, body)), key)
    expect(canaryOf(sourceKey(pinned))).toEqual({ ...mark, parser: 'linux-auth' })
  })

  it('is never another record: a forged, changed or cut one stays what it is, and visible', () => {
    const good = markCanary(key, mark, body)
    const changed = Buffer.from(good)
    changed[changed.length - 1]! ^= 1
    const attempts = [
      markCanary('cd'.repeat(32), mark, body),
      changed,
      good.subarray(0, 80),
      Buffer.from('@watchfire-canary'),
      Buffer.from(`@watchfire-canary ${mark.id} - ${'0'.repeat(64)} ${body.toString()}`),
      Buffer.alloc(0),
      body,
    ]
    for (const bytes of attempts) {
      const record = arrived(bytes)
      expect(recogniseCanary(record, key)).toBe(record)
      expect(canaryOf(sourceKey(record))).toBeUndefined()
    }
    expect(recogniseCanary(arrived(good), undefined).transport).toBe('syslog-udp')
  })

  it('cannot be named by a sender: other transports have other keys', () => {
    expect(canaryOf(sourceKey({ transport: 'http', sender: 'x', source: 'canary:0123456789abcdef' }))).toBeUndefined()
  })
})
