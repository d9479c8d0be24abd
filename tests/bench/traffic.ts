// The sensor on one core: packets of a made capture in, full records written out (to /dev/null), by CPU time; beside it, where
// Debian has them, other programs on the same file.
import { spawnSync } from 'node:child_process'
import { closeSync, createReadStream, existsSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packetStorm, trafficMix } from './traffic-mix.ts'

export const name = 'traffic'

const mixFlows = 30_000
const stormPackets = 4_000_000

export async function run(): Promise<Record<string, number | string>[]> {
  const folder = mkdtempSync(join(tmpdir(), 'watchfire-traffic-'))
  const rows: Record<string, number | string>[] = []
  try {
    const mix = join(folder, 'mix.pcap')
    const storm = join(folder, 'storm.pcap')
    await write(mix, trafficMix({ flows: mixFlows }))
    await write(storm, packetStorm({ packets: stormPackets, flows: 1_000_000 }))
    for (const [lane, file] of [
      ['mix', mix],
      ['54 B storm', storm],
    ] as const) {
      rows.push({ lane, ...ours(file) })
      rows.push(...anchors(file).map((row) => ({ lane, ...row })))
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return rows
}

async function write(path: string, pieces: AsyncIterable<Buffer> | Iterable<Buffer>): Promise<void> {
  const file = openSync(path, 'w')
  for await (const piece of pieces) writeSync(file, piece)
  closeSync(file)
  // Read once, so that every program finds it in memory.
  for await (const _ of createReadStream(path));
}

/** Runs the sensor in a process of its own, so that its memory is its own. */
function ours(file: string): Record<string, number | string> {
  const script = fileURLToPath(new URL('./traffic-run.ts', import.meta.url))
  const result = spawnSync(process.execPath, ['--import', 'tsx', script, file], { encoding: 'utf8', maxBuffer: 1e8 })
  if (result.status !== 0) throw new Error(result.stderr)
  return { program: 'watchfire', ...(JSON.parse(result.stdout) as Record<string, number>) }
}

const others: [program: string, output: string, parameters: (file: string) => string[]][] = [
  ['ndpiReader', 'flows, protocols, JA3', (file) => ['-i', file, '-q']],
  ['softflowd', 'flows', (file) => ['-r', file, '-n', '127.0.0.1:9']],
  ['argus', 'flows', (file) => ['-X', '-r', file, '-w', '/dev/null']],
]

function anchors(file: string): Record<string, number | string>[] {
  const bytes = statSync(file).size
  return others.flatMap(([program, output, parameters]): Record<string, number | string>[] => {
    const path = ['/usr/bin', '/usr/sbin'].map((folder) => join(folder, program)).find(existsSync)
    if (!path) return []
    const startedMs = performance.now()
    const result = spawnSync(
      '/usr/bin/env',
      ['bash', '-c', 'time "$@" >/dev/null 2>&1', 'bash', path, ...parameters(file)],
      {
        encoding: 'utf8',
        timeout: 120_000,
      },
    )
    const seconds = /user\s+(\d+)m([\d.]+)s\s+sys\s+(\d+)m([\d.]+)s/.exec(result.stderr)
    const cpuSeconds = seconds
      ? Number(seconds[1]) * 60 + Number(seconds[2]) + Number(seconds[3]) * 60 + Number(seconds[4])
      : 0
    if (result.status !== 0 || cpuSeconds === 0) return [{ program, note: `failed (${result.status})` }]
    return [
      {
        program,
        output,
        cpuSeconds: Number(cpuSeconds.toFixed(2)),
        gigabitsPerCpuSecond: Number(((bytes * 8) / cpuSeconds / 1e9).toFixed(2)),
        wallSeconds: Number(((performance.now() - startedMs) / 1e3).toFixed(1)),
      },
    ]
  })
}
