import { expect, test } from 'vitest'
import { createUtcOffset, localTimeText, utcOffsetText } from './utc-offset.ts'

const winter = Date.UTC(2026, 0, 15, 12)
const summer = Date.UTC(2026, 6, 15, 12)

test.each([
  ['UTC', winter, '2026-01-15 12:00:00', 'UTC+00:00'],
  ['Asia/Shanghai', summer, '2026-07-15 20:00:00', 'UTC+08:00'],
  ['Europe/Berlin', winter, '2026-01-15 13:00:00', 'UTC+01:00'],
  ['Europe/Berlin', summer, '2026-07-15 14:00:00', 'UTC+02:00'],
  ['Asia/Kathmandu', winter, '2026-01-15 17:45:00', 'UTC+05:45'],
  ['America/St_Johns', winter, '2026-01-15 08:30:00', 'UTC-03:30'],
  ['-0330', winter, '2026-01-15 08:30:00', 'UTC-03:30'],
])('%s', (zone, atMs, local, offset) => {
  const offsetMs = createUtcOffset(zone)!(atMs)
  expect(localTimeText(atMs, offsetMs)).toBe(local)
  expect(utcOffsetText(offsetMs)).toBe(offset)
})

test('a name that is no zone has no offset', () => {
  expect(createUtcOffset('Mars/Olympus')).toBeUndefined()
  expect(createUtcOffset('')).toBeUndefined()
})
