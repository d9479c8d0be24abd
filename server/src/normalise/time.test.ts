import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseTime } from './time.ts'
import { createZone } from './zone.ts'

const shanghai = createZone('Asia/Shanghai')!
const reference = Date.UTC(2026, 2, 2, 4)
const iso = (value: unknown, zone = shanghai) => {
  const ms = parseTime(value, zone, reference)
  return Number.isNaN(ms) ? undefined : new Date(ms).toISOString()
}

describe('times', () => {
  it.each([
    ['2026-03-02T09:00:00Z', '2026-03-02T09:00:00.000Z'],
    ['2026-03-02T09:00:00.1234567+08:00', '2026-03-02T01:00:00.123Z'],
    ['2026-03-02 09:00:00,5', '2026-03-02T01:00:00.500Z'],
    ['2026-03-02 09:00:00 +0000', '2026-03-02T09:00:00.000Z'],
    ['2026/03/02 09:00:00', '2026-03-02T01:00:00.000Z'],
    ['2026-3-2 9:05:07', '2026-03-02T01:05:07.000Z'],
    ['2026-03-02', '2026-03-01T16:00:00.000Z'],
    ['20260302090000', '2026-03-02T01:00:00.000Z'],
    ['20260302T090000Z', '2026-03-02T09:00:00.000Z'],
    ['20260302 09:00:00', '2026-03-02T01:00:00.000Z'],
    ['260302  9:00:00', '2026-03-02T01:00:00.000Z'],
    ['260302090000', undefined],
    ['Mar  2 09:00:00', '2026-03-02T01:00:00.000Z'],
    ['Mar 2 09:00:00 2025', '2025-03-02T01:00:00.000Z'],
    ['Mar 02 2025 09:00:00.250', '2025-03-02T01:00:00.250Z'],
    ['Mar 02 2025 09:00:00 UTC', '2025-03-02T09:00:00.000Z'],
    ['Mon Mar 02 09:00:00.123456 2026', '2026-03-02T01:00:00.123Z'],
    ['Mon, 02 Mar 2026 09:00:00 GMT', '2026-03-02T09:00:00.000Z'],
    ['02/Mar/2026:09:00:00 +0800', '2026-03-02T01:00:00.000Z'],
    ['2 Mar 2026 09:00:00', '2026-03-02T01:00:00.000Z'],
    ['2026-03-02 09:00:00 PM', '2026-03-02T13:00:00.000Z'],
    [1772413200, '2026-03-02T01:00:00.000Z'],
    ['1772413200.5', '2026-03-02T01:00:00.500Z'],
    ['1772413200123', '2026-03-02T01:00:00.123Z'],
    ['1772413200123456', '2026-03-02T01:00:00.123Z'],
    ['1772413200123456789', '2026-03-02T01:00:00.123Z'],
    ['2026-02-30T00:00:00Z', undefined],
    ['2026-13-01T00:00:00Z', undefined],
    ['not a time', undefined],
    ['12', undefined],
    ['', undefined],
    [null, undefined],
    [-5, undefined],
  ])('%s is %s', (text, expected) => expect(iso(text)).toBe(expected))

  it('knows daylight saving on both sides of its changes', () => {
    const berlin = createZone('Europe/Berlin')!
    expect(iso('2026-03-29 01:59:59', berlin)).toBe('2026-03-29T00:59:59.000Z')
    expect(iso('2026-03-29 03:00:00', berlin)).toBe('2026-03-29T01:00:00.000Z')
    expect(iso('2026-10-25 04:00:00', berlin)).toBe('2026-10-25T03:00:00.000Z')
    expect(createZone('Nowhere/Land')).toBeUndefined()
    expect(createZone('-03:30')!.offsetMs(0)).toBe(-12_600_000)
  })

  it('reads back every instant that ISO 8601 writes', () => {
    fc.assert(
      fc.property(fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }), (date) => {
        expect(parseTime(date.toISOString(), shanghai, reference)).toBe(date.getTime())
      }),
    )
  })

  it('never throws on text', () => {
    fc.assert(fc.property(fc.string({ maxLength: 40 }), (text) => void parseTime(text, shanghai, reference)))
  })
})
