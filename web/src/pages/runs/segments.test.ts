import { expect, test } from 'vitest'
import { segmentsOf } from './segments.ts'

const window = (hour: number, state: 'done' | 'due' | 'given_up', cause: 'scheduled' | 'catch_up' = 'scheduled') => ({
  from: new Date(hour * 3_600_000).toISOString(),
  to: new Date((hour + 1) * 3_600_000).toISOString(),
  ...{ state, cause, attempts: 0, answeredAt: null },
})

test('alike and adjacent windows are one piece; a hole or another state begins the next', () => {
  const windows = [
    window(0, 'done'),
    window(1, 'done'),
    window(2, 'done', 'catch_up'),
    window(4, 'done'),
    window(5, 'due'),
  ]
  expect(segmentsOf(windows).map(({ kind, windows: count }) => [kind, count])).toEqual([
    ['done', 2],
    ['filled', 1],
    ['done', 1],
    ['due', 1],
  ])
  expect(segmentsOf([])).toEqual([])
})
