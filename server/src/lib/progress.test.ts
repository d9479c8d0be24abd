import { expect, it } from 'vitest'
import { createProgress, formatBytes } from './progress.ts'

it('draws share, rate and time left, on a terminal in place and elsewhere now and then', () => {
  for (const isTTY of [true, false]) {
    let nowMs = 0
    const written: string[] = []
    const progress = createProgress({ isTTY, write: (text) => written.push(text) }, 'auth.log', 4_096, () => nowMs)
    progress.update(0)
    for (nowMs = 10; nowMs <= 2_000; nowMs += 10) progress.update(nowMs, '7 records')
    progress.done()
    expect(written.length).toBe(isTTY ? 1 + 20 + 2 : 2)
    expect(written.at(isTTY ? -2 : -1)).toMatch(/auth\.log █{12}░{12} {2}49 % {2}\d+ B\/s {2}7 records {2}2 s left/)
  }
  expect([formatBytes(0), formatBytes(1_536), formatBytes(3 * 2 ** 30)]).toEqual(['0 B', '1.5 KiB', '3.0 GiB'])
})
