import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CodedError } from '../event/errors.ts'

/** What a running instance tells other commands on the same machine; lies in the data directory, mode 0600. */
export interface InstanceFile {
  pid: number
  /** Start time of the process in clock ticks since boot (Linux), so that a reused pid is not taken for ours. */
  startedTicks: string
  /** Filled in when the platform is up: where its API listens, and the state store for commands on this machine. */
  httpUrl?: string
  storeUrl?: string
}

const fileName = 'instance.json'

/**
 * Claims the data directory for this process. Throws INSTANCE_RUNNING when another live process holds it,
 * DATA_DIR_UNUSABLE when it cannot be made, read or written; what a killed process left behind is taken over.
 */
export function claimDataDir(dataDir: string): {
  publish(facts: { httpUrl: string; storeUrl: string }): void
  release(): void
} {
  const orUnusable = <Result>(work: () => Result): Result => {
    try {
      return work()
    } catch (cause) {
      const message = `${dataDir} cannot be used: ${(cause as Error).message}`
      throw new CodedError('DATA_DIR_UNUSABLE', message, { dataDir }, { cause })
    }
  }
  orUnusable(() => mkdirSync(dataDir, { recursive: true, mode: 0o700 }))
  const running = orUnusable(() => runningInstance(dataDir))
  if (running) {
    throw new CodedError('INSTANCE_RUNNING', `${dataDir} is in use by process ${running.pid}`, { pid: running.pid })
  }
  const own: InstanceFile = { pid: process.pid, startedTicks: startTicks(process.pid) ?? '' }
  const path = join(dataDir, fileName)
  const save = (file: InstanceFile) => writeFileSync(path, JSON.stringify(file), { mode: 0o600 })
  orUnusable(() => save(own))
  return {
    publish: (facts) => save({ ...own, ...facts }),
    release: () => rmSync(path, { force: true }),
  }
}

/** Where the API of this process listens, once it does. */
export function ownHttpUrl(dataDir: string): string | undefined {
  return readInstance(dataDir)?.httpUrl
}

/** The live instance that holds the data directory, if any. */
export function runningInstance(dataDir: string): InstanceFile | undefined {
  const file = readInstance(dataDir)
  return file && isAlive(file) ? file : undefined
}

function readInstance(dataDir: string): InstanceFile | undefined {
  try {
    return JSON.parse(readFileSync(join(dataDir, fileName), 'utf8')) as InstanceFile
  } catch (error) {
    // Missing: never started. Torn: the writer was killed while writing, so it does not live.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || error instanceof SyntaxError) return undefined
    throw error
  }
}

function isAlive({ pid, startedTicks }: InstanceFile): boolean {
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false
  }
  const ticks = startTicks(pid)
  return ticks === undefined || startedTicks === '' || ticks === startedTicks
}

/** Field 22 of /proc/PID/stat (proc(5)); undefined where there is no /proc. */
function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}
