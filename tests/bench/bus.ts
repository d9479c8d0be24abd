import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { openLocalBus } from '../../server/src/seams/bus/local.ts'
import { systemClock } from '../../server/src/seams/clock/clock.ts'

export const name = 'bus'

/** Publishes and reads records of 300 bytes in one thread, at several sizes of publication. */
export async function run(): Promise<Record<string, number | string>[]> {
  const rows: Record<string, number | string>[] = []
  for (const [perPublication, concurrent, total] of [
    [1000, 4, 1_000_000],
    [100, 16, 500_000],
    [1, 512, 200_000],
  ] as const) {
    rows.push(await measure(perPublication, concurrent, total))
  }
  return rows
}

async function measure(perPublication: number, concurrent: number, total: number) {
  const directory = mkdtempSync(join(tmpdir(), 'watchfire-bench-bus-'))
  const logger = pino({ level: 'warn' })
  const bus = await openLocalBus({ directory, partitions: [0], limitBytes: 4 * 2 ** 30, logger, clock: systemClock })
  const records = Array.from({ length: perPublication }, (_, index) => Buffer.alloc(300, 65 + (index % 26)))
  let read = 0
  let allRead: () => void = () => {}
  const done = new Promise<void>((resolve) => {
    allRead = resolve
  })
  await bus.subscribe('raw', 'bench', {
    async onBatch(batch) {
      read += batch.records.length
      if (read >= total) allRead()
    },
  })
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  let published = 0
  const latenciesMs: number[] = []
  const publisher = async () => {
    while (published < total) {
      published += perPublication
      const before = performance.now()
      await bus.publish('raw', records)
      latenciesMs.push(performance.now() - before)
    }
  }
  await Promise.all(Array.from({ length: concurrent }, publisher))
  await done
  const seconds = (performance.now() - startedAt) / 1000
  const cpu = process.cpuUsage(cpuBefore)
  await bus.close()
  rmSync(directory, { recursive: true })
  latenciesMs.sort((a, b) => a - b)
  return {
    perPublication,
    concurrent,
    records: read,
    recordsPerSecond: Math.round(read / seconds),
    cpuMicrosecondsPerRecord: Number(((cpu.user + cpu.system) / read).toFixed(2)),
    publishP50Ms: Number(latenciesMs[latenciesMs.length >> 1]!.toFixed(2)),
    publishP99Ms: Number(latenciesMs[Math.floor(latenciesMs.length * 0.99)]!.toFixed(2)),
  }
}
