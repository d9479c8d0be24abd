import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { chunkOf, type SampleEvent } from './chunk-for-tests.ts'
import type { EventJson } from './event-json.ts'
import { evtxChunkBytes, newEvtxCounters, readEvtxChunk } from './reader.ts'
import { fileTime, readValue } from './values.ts'

const events: SampleEvent[] = [
  { id: 1, eventId: 4624, time: '2026-03-01T08:00:00.123Z', data: { User: '张三', Path: 'C:\\a & b' } },
  { id: 2, eventId: 4625, time: '2026-03-01T08:00:01.000Z', data: { User: 'root', Path: '' } },
  { id: 3, eventId: 1102, time: '2026-03-01T08:00:02.000Z', data: {} },
]

function read(chunk: Buffer, recover = false) {
  const counters = newEvtxCounters()
  const found = [...readEvtxChunk(chunk, counters, recover)]
  return { found, counters, ids: found.map(({ recordId }) => Number(recordId)) }
}

describe('records of a Windows event log', () => {
  it('reads templates, substitutions and typed values into the shape of evtx_dump', () => {
    const { found, counters } = read(chunkOf(events))
    expect(found[0]!.json).toEqual({
      Event: {
        '#attributes': { xmlns: 'http://schemas.microsoft.com/win/2004/08/events/event' },
        System: {
          EventID: 4624,
          TimeCreated: { '#attributes': { SystemTime: '2026-03-01T08:00:00.123000Z' } },
          EventRecordID: 1,
          Security: null,
        },
        EventData: { User: '张三', Path: 'C:\\a & b' },
      },
    })
    expect((found[1]!.json.Event as EventJson).EventData).toEqual({ User: 'root', Path: '' })
    expect((found[2]!.json.Event as EventJson).EventData).toEqual({ User: null, Path: null })
    expect(counters).toMatchObject({ chunks: 1, records: 3, damagedChunks: 0, damagedRecords: 0 })
  })

  it('goes on beyond what the header knows when records are numbered on, and else only to recover', () => {
    const open = chunkOf(events, { headerKnows: 1 })
    expect(read(open)).toMatchObject({ ids: [1, 2, 3], counters: { beyondHeader: 2, carved: 0 } })
    const old = chunkOf([events[0]!, { ...events[1]!, id: 700 }], { headerKnows: 1 })
    expect(read(old).ids).toEqual([1])
    expect(read(old, true)).toMatchObject({ ids: [1, 700], counters: { carved: 1 } })
  })

  it('loses only the record that is damaged', () => {
    const chunk = chunkOf(events)
    const second = chunk.indexOf(Buffer.from([0x2a, 0x2a, 0, 0]), 520)
    chunk.writeUInt32LE(0x7fffffff, second + 4)
    expect(read(chunk)).toMatchObject({ ids: [1, 3], counters: { damagedChunks: 1, damagedRecords: 1, carved: 1 } })
    const headless = chunkOf(events)
    headless.fill(0xff, 0, 128)
    expect(read(headless)).toMatchObject({ ids: [1, 2, 3], counters: { damagedChunks: 1, carved: 3 } })
  })

  it('reads the whole records of a chunk that is cut, and nothing of an unused one', () => {
    const chunk = chunkOf(events)
    const third = chunk.lastIndexOf(Buffer.from([0x2a, 0x2a, 0, 0]))
    expect(read(chunk.subarray(0, third + 10)).ids).toEqual([1, 2])
    expect(read(Buffer.alloc(evtxChunkBytes))).toMatchObject({ ids: [], counters: { chunks: 0 } })
  })

  it('ends on any damage, with no error and no loop', () => {
    const whole = chunkOf(events)
    const byte = fc.record({ at: fc.integer({ min: 512, max: 2_600 }), value: fc.integer({ min: 0, max: 255 }) })
    fc.assert(
      fc.property(fc.array(byte, { minLength: 1, maxLength: 30 }), fc.boolean(), (changes, recover) => {
        const chunk = Buffer.from(whole)
        for (const { at, value } of changes) chunk[at] = value
        const { counters } = read(chunk, recover)
        expect(counters.records).toBeLessThan(2_000)
      }),
      { numRuns: 3_000 },
    )
  })

  it('does not follow a template that unfolds without end', () => {
    // A value of binary XML that is its own record, used again and again.
    const bomb = chunkOf([{ ...events[0]!, nests: true }])
    expect(read(bomb).counters).toMatchObject({ records: 0, damagedRecords: 1 })
  })
})

describe('typed values', () => {
  const value = (type: number, hex: string) => readValue(Buffer.from(hex, 'hex'), type, 0, hex.length / 2)

  it('writes each type as evtx_dump does', () => {
    expect(value(0x03, 'ff')).toBe(-1)
    expect(value(0x06, '1002')).toBe(528)
    expect(value(0x09, 'ffffffffffffffff')).toBe(-1)
    expect(value(0x0a, 'ffffffffffffffff')).toBe('18446744073709551615')
    expect(value(0x0d, '01000000')).toBe(true)
    expect(value(0x0e, 'deadbeef')).toBe('DEADBEEF')
    expect(value(0x0f, '00112233445566778899aabbccddeeff')).toBe('33221100-5544-7766-8899-AABBCCDDEEFF')
    expect(value(0x12, 'ea07030001000200030004000500060000')).toBe('2026-03-02T03:04:05.006000Z')
    expect(value(0x13, '010500000000000515000000010000000200000003000000f4010000')).toBe('S-1-5-21-1-2-3-500')
    expect(value(0x15, '0000000000002080')).toBe('0x8020000000000000')
    expect(value(0x81, Buffer.from('a\0bc\0', 'utf16le').toString('hex'))).toEqual(['a', 'bc'])
    for (const [type, hex, reason] of [
      [0x13, '0109000000000005', 'SID'],
      [0x0a, 'ff', 'in 1 bytes'],
      [0x6f, 'ff', 'unknown type'],
    ] as const) {
      expect(() => value(type, hex)).toThrow(
        expect.objectContaining({ reason: expect.stringContaining(reason) }) as unknown as Error,
      )
    }
  })

  it('keeps the microseconds of any time', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2_650_467_743_999_999_999n }), (ticks) => {
        const text = fileTime(Number(ticks & 0xffffffffn), Number(ticks >> 32n))
        expect(Date.parse(text)).toBe(Number(ticks / 10_000n) - 11_644_473_600_000)
        expect(text.slice(-4, -1)).toBe(String((ticks / 10n) % 1000n).padStart(3, '0'))
      }),
    )
  })
})

const archive = join(
  process.env.WATCHFIRE_SHARED ?? join(import.meta.dirname, '../../../../../../shared'),
  'data/windows/evtx.tar.gz',
)

describe.skipIf(!existsSync(archive))('logs of attacks of ../shared', () => {
  it('every record that the header of its chunk knows is read', () => {
    const folder = mkdtempSync(join(tmpdir(), 'evtx-'))
    try {
      execFileSync('tar', ['xzf', archive, '-C', folder])
      let files = 0
      let records = 0
      for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((n) =>
        n.endsWith('.evtx'),
      )) {
        files++
        const bytes = readFileSync(join(folder, name))
        for (let at = 4_096; at < bytes.length; at += evtxChunkBytes) {
          const chunk = bytes.subarray(at, at + evtxChunkBytes)
          const { counters } = read(chunk)
          if (counters.chunks === 0) continue
          expect(counters).toMatchObject({ damagedChunks: 0, damagedRecords: 0 })
          expect(counters.records).toBe(Number(chunk.readBigUInt64LE(16) - chunk.readBigUInt64LE(8)) + 1)
          records += counters.records
        }
      }
      expect({ files, records }).toEqual({ files: 299, records: 10_161 })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
