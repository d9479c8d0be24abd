import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { systemClock } from '../../server/src/seams/clock/clock.ts'
import { BlockEncoder } from '../../server/src/seams/events/encoder.ts'
import { openEvents } from '../../server/src/seams/events/open.ts'
import { createLineMix } from './lines.ts'

export const name = 'insert'

/** Events to the store: encoding alone, then inserting at several block sizes, generator not counted. */
export async function run(): Promise<Record<string, number | string>[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'watchfire-bench-insert-'))
  const events = await openEvents(
    { events: 'embedded', dataDir, retentionDays: 190 },
    { logger: pino({ level: 'warn' }), clock: systemClock },
  )
  const rows: Record<string, number | string>[] = []
  const mix = createLineMix(7, Date.now(), 10_000)
  const lines = mix.take(50_000)
  const encoder = new BlockEncoder(() => 190)
  const encode = () => {
    encoder.reset()
    encoder.add(lines)
    encoder.finish()
  }
  encode()
  const encodeStart = process.cpuUsage()
  for (let round = 0; round < 5; round++) encode()
  const encodeCpu = process.cpuUsage(encodeStart)
  rows.push({
    what: 'encode',
    rowsPerBlock: lines.length,
    rowsPerSecond: Math.round((lines.length * 5e6) / (encodeCpu.user + encodeCpu.system)),
    microsecondsPerRow: Number(((encodeCpu.user + encodeCpu.system) / lines.length / 5).toFixed(2)),
  })
  for (const [size, blocks] of [
    [1_000, 50],
    [10_000, 20],
    [50_000, 12],
  ] as const) {
    const all = Array.from({ length: blocks }, () => mix.take(size))
    const cpuBefore = process.cpuUsage()
    const startedAt = performance.now()
    for (const [index, block] of all.entries()) await events.insertBlock(block, `bench:${size}-${index}`)
    const seconds = (performance.now() - startedAt) / 1000
    const cpu = process.cpuUsage(cpuBefore)
    rows.push({
      what: 'insert',
      rowsPerBlock: size,
      rowsPerSecond: Math.round((size * blocks) / seconds),
      microsecondsPerRow: Number(((cpu.user + cpu.system) / size / blocks).toFixed(2)),
    })
  }
  await events.close()
  rmSync(dataDir, { recursive: true })
  return rows
}
