import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** CPU and memory of one process, from /proc (Linux only; empty elsewhere). */
export interface ProcessUse {
  name: string
  cpuSeconds: number
  residentMiB: number
}

/** Clock ticks of /proc/<pid>/stat; 100 on every Linux architecture Node runs on (`getconf CLK_TCK`). */
const ticksPerSecond = 100

/** The process and everything it started, oldest first. */
export function processTree(rootPid: number): Map<number, ProcessUse> {
  const found = new Map<number, ProcessUse & { parent: number }>()
  let pids: string[]
  try {
    pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  } catch {
    return new Map()
  }
  for (const pid of pids) {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      // The name stands in parentheses and may hold spaces.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      const resident = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0'
      const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
      const cpuSeconds = (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
      found.set(Number(pid), {
        name: nameOf(commandLine),
        parent: Number(fields[1]),
        cpuSeconds,
        residentMiB: Math.round(Number(resident) / 1_024),
      })
    } catch {
      // It ended while we looked.
    }
  }
  const tree = new Map<number, ProcessUse>()
  const add = (pid: number) => {
    const use = found.get(pid)
    if (!use || tree.has(pid)) return
    tree.set(pid, { name: use.name, cpuSeconds: use.cpuSeconds, residentMiB: use.residentMiB })
    for (const [child, { parent }] of found) if (parent === pid) add(child)
  }
  add(rootPid)
  return tree
}

function nameOf(commandLine: string[]): string {
  const text = commandLine.join(' ')
  if (/clickhouse|chdb/i.test(text)) return 'events'
  if (/postgres/i.test(text)) return 'state'
  return text.includes('watchfire') ? 'watchfire' : 'other'
}

/** Sums by name, and what was used since `before`. */
export function useSince(
  before: Map<number, ProcessUse>,
  after: Map<number, ProcessUse>,
): Record<string, { cpuSeconds: number; residentMiB: number }> {
  const sums: Record<string, { cpuSeconds: number; residentMiB: number }> = {}
  for (const [pid, use] of after) {
    const sum = sums[use.name] ?? { cpuSeconds: 0, residentMiB: 0 }
    sums[use.name] = sum
    sum.cpuSeconds += use.cpuSeconds - (before.get(pid)?.cpuSeconds ?? 0)
    sum.residentMiB += use.residentMiB
  }
  return sums
}

/** Bytes of all files below a folder; none when it is not there yet. */
export function folderBytes(folder: string): number {
  if (!existsSync(folder)) return 0
  let bytes = 0
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    try {
      bytes += entry.isDirectory() ? folderBytes(path) : statSync(path).size
    } catch (error) {
      // Parts are merged away while we count.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  }
  return bytes
}

/** Bytes that `zstd -3` makes of the same lines; undefined where the command is missing. */
export function zstdBytes(content: Buffer): number | undefined {
  const result = spawnSync('zstd', ['-3', '-c'], { input: content, maxBuffer: 1 << 30 })
  return result.status === 0 ? result.stdout.length : undefined
}

export interface LoadResult {
  sent: number
  bytes: number
  refused: number
  blockedTicks: number
  seconds: number
  ratePerSecond: number
  generatorCpuSeconds: number
  mix: string
}

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Runs the load generator in a process of its own and resolves with what it says at the end. */
export function runLoad(parameters: string[]): { process: ChildProcess; result: Promise<LoadResult> } {
  const child = spawn(process.execPath, ['--import', 'tsx', 'tests/bench/load.ts', ...parameters], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const result = new Promise<LoadResult>((resolve, reject) => {
    let output = ''
    child.stdout?.on('data', (text) => (output += text))
    child.on('error', reject)
    child.on('close', (status) => {
      if (status === 0) resolve(JSON.parse(output) as LoadResult)
      else reject(new Error(`the load generator ended with ${status}: ${output}`))
    })
  })
  return { process: child, result }
}
