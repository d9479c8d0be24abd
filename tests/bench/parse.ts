// Records per second of the normaliser alone, on one core: the samples of each source, repeated, as a bus batch has them.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadParsers } from '../../server/src/normalise/load.ts'
import { createNormaliser, type PlacedRecord } from '../../server/src/normalise/normalise.ts'
import type { BenchOptions } from './main.ts'

export const name = 'parse'

const contentDir = join(import.meta.dirname, '../../content')
const batchSize = 2_000
const receivedAtMs = Date.UTC(2026, 2, 2, 4)

/** The samples whose speed is watched: file below content/sources, and how it is named in the table. */
const lanes: [label: string, folder: string, file: string][] = [
  ['syslog sshd', 'linux-auth', 'sshd.log'],
  ['syslog accounts', 'linux-auth', 'accounts.log'],
  ['nginx access', 'nginx', 'access.log'],
  ['generic syslog', 'syslog', 'devices.log'],
  ['kernel firewall', 'linux-kernel-firewall', 'kernel.log'],
  ['FortiGate key=value', 'fortinet-fortigate', 'fortigate.log'],
  ['key=value', 'key-value', 'devices.log'],
  ['CEF', 'cef', 'cef.log'],
  ['Suricata EVE', 'suricata-eve', 'eve.ndjson'],
  ['Zeek JSON', 'zeek', 'json.ndjson'],
  ['Windows evtx_dump', 'windows-event', 'evtx-dump.ndjson'],
  ['auditd', 'auditd', 'audit.log'],
  ['generic JSON', 'json', 'json.ndjson'],
  ['ECS', 'ecs', 'ecs.ndjson'],
]

export async function run(options: BenchOptions = {}): Promise<Record<string, number | string>[]> {
  const { parsers } = loadParsers([contentDir])
  const durationMs = (options.seconds ?? 1) * 1000
  const rows: Record<string, number | string>[] = []
  for (const [label, folder, file] of lanes) {
    const lines = readFileSync(join(contentDir, 'sources', folder, 'samples', file), 'utf8')
      .split('\n')
      .filter(Boolean)
    const normaliser = createNormaliser(parsers, { zone: 'Asia/Shanghai' })
    const batch: PlacedRecord[] = Array.from({ length: batchSize }, (_, offset) => ({
      partition: 0,
      offset,
      record: {
        receivedAtMs,
        transport: 'syslog-udp',
        sender: '192.0.2.1',
        source: file,
        body: Buffer.from(lines[offset % lines.length]!),
      },
    }))
    const bytes = batch.reduce((sum, { record }) => sum + record.body.length, 0)
    measure(() => normaliser.normalise(batch), durationMs)
    const { rounds, cpuMs } = measure(() => normaliser.normalise(batch), durationMs)
    const row: Record<string, number | string> = {
      lane: label,
      'bytes a record': Math.round(bytes / batchSize),
      'records/s/core': Math.round((rounds * batchSize) / (cpuMs / 1000)),
      'µs a record': Number(((cpuMs * 1000) / (rounds * batchSize)).toFixed(2)),
      'MB/s': Number(((rounds * bytes) / 1e6 / (cpuMs / 1000)).toFixed(1)),
    }
    if (batch[0]!.record.body[0] === 123) {
      const parse = measure(() => {
        for (const { record } of batch) JSON.parse(record.body.toString())
      }, durationMs / 2)
      row['of which JSON.parse'] = `${Math.round((100 * (parse.cpuMs / parse.rounds)) / (cpuMs / rounds))} %`
    }
    rows.push(row)
  }
  return rows
}

/** Repeats the work for some time; CPU time of this process, so that a busy machine does not spoil the figure. */
function measure(work: () => unknown, durationMs: number): { rounds: number; cpuMs: number } {
  const before = process.cpuUsage()
  const until = performance.now() + durationMs
  let rounds = 0
  while (performance.now() < until) {
    work()
    rounds++
  }
  const used = process.cpuUsage(before)
  return { rounds, cpuMs: (used.user + used.system) / 1000 }
}
