import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { expect, test } from 'vitest'
import { systemClock } from '../clock/clock.ts'
import { openLocalBus } from './local.ts'

test('a reader that stands in a segment misses nothing that is written to it before it is closed', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'watchfire-reader-'))
  const limits = { segmentBytes: 2_000, reserveBytes: 0 }
  const surroundings = { limitBytes: 1 << 24, logger: pino({ level: 'silent' }), clock: systemClock, limits }
  const bus = await openLocalBus({ directory, partitions: [0], ...surroundings })
  const seen: string[] = []
  let letGo: () => void = () => undefined
  const held = new Promise<void>((resolve) => {
    letGo = resolve
  })
  try {
    await bus.publish('raw', [Buffer.from('0')])
    await bus.subscribe('raw', 'test', {
      async onBatch({ records }) {
        seen.push(...records.map((record) => Buffer.from(record).toString()))
        await held
      },
    })
    await expect.poll(() => seen).toEqual(['0'])
    // The segment grows while the reader has it open, and is closed before the reader goes on.
    const texts = Array.from({ length: 40 }, (_, index) => `${index + 1} ${'x'.repeat(200)}`)
    for (const text of texts) await bus.publish('raw', [Buffer.from(text)])
    letGo()
    await expect.poll(() => seen.length).toBe(41)
    expect(seen).toEqual(['0', ...texts])
  } finally {
    letGo()
    await bus.close()
    rmSync(directory, { recursive: true, force: true })
  }
})
