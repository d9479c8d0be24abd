import { createSyslogCollector } from '../../server/src/collect/syslog/collector.ts'
import { systemClock } from '../../server/src/seams/clock/clock.ts'
import type { BenchOptions } from './main.ts'
import { runLoad } from './whole-processes.ts'

export const name = 'collect'

/** Syslog over TCP into records, batched and published to a bus that needs 2 ms a batch; generator not counted. */
export async function run({
  seconds = 5,
  rates = [50_000, 150_000],
}: BenchOptions): Promise<Record<string, number | string>[]> {
  const rows: Record<string, number | string>[] = []
  for (const rate of rates) {
    let published = 0
    const publish = async (records: Uint8Array[]) => {
      await systemClock.sleep(2)
      published += records.length
    }
    const collector = await createSyslogCollector({ bind: '127.0.0.1', port: 0, publish, clock: systemClock })
    const { port } = collector.address()
    const cpuBefore = process.cpuUsage()
    const load = await runLoad(['--syslog-port', String(port), '--rate', String(rate), '--seconds', String(seconds)])
      .result
    await collector.close()
    const cpu = process.cpuUsage(cpuBefore)
    const counters = collector.counters()
    rows.push({
      asked: rate,
      sent: load.sent,
      published,
      perSecond: load.ratePerSecond,
      microsecondsPerRecord: Number(((cpu.user + cpu.system) / published).toFixed(2)),
      tcpPauses: counters.tcpPauses,
      generatorCpuSeconds: load.generatorCpuSeconds,
      mix: load.mix,
    })
  }
  return rows
}
