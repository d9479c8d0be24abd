import { execFileSync } from 'node:child_process'
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CodedError } from '../../event/errors.ts'

/**
 * Holds `directory` for this process: a second program on the same data is refused with DATA_DIR_BUSY. The lock file
 * names the process and when it started, so that a lock left by a killed process, or by an earlier boot, is taken over.
 * Returns the function that lets go. With `evenFromThisProcess` a lock that this very process holds is taken over: the
 * caller has made sure that the thread that took it has ended.
 */
export function lockDirectory(directory: string, { evenFromThisProcess = false } = {}): () => void {
  mkdirSync(directory, { recursive: true })
  const path = join(directory, 'lock')
  const mine = `${process.pid} ${processStart(process.pid)}\n`
  const draft = `${path}.${process.pid}`
  writeFileSync(draft, mine)
  try {
    for (let attempt = 0; attempt < 5; attempt++) {
      try {
        linkSync(draft, path)
        return () => {
          if (readLock(path) === mine) rmSync(path, { force: true })
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
      }
      const holder = readLock(path)
      const [pid, start] = holder.trim().split(' ')
      const isReleased = evenFromThisProcess && Number(pid) === process.pid
      if (!isReleased && start && processStart(Number(pid)) === start) {
        throw new CodedError('DATA_DIR_BUSY', `${directory} is in use by process ${pid}`, {
          directory,
          pid: Number(pid),
        })
      }
      setAside(path, holder)
    }
  } finally {
    rmSync(draft, { force: true })
  }
  throw new CodedError('DATA_DIR_BUSY', `${directory} is being taken by another process`, { directory })
}

/**
 * Removes the lock of a process that has ended. Another process may be doing the same and have taken the lock since we
 * read it: what was moved away is looked at again, and put back when it is not the one we meant.
 */
function setAside(path: string, stale: string): void {
  const aside = `${path}.stale.${process.pid}`
  try {
    renameSync(path, aside)
    if (readLock(aside) !== stale) linkSync(aside, path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'ENOENT' && code !== 'EEXIST') throw error
  } finally {
    rmSync(aside, { force: true })
  }
}

/** True while a living process holds `directory`. */
export function isDirectoryLocked(directory: string): boolean {
  const [pid, start] = readLock(join(directory, 'lock')).trim().split(' ')
  return start !== undefined && start !== '' && processStart(Number(pid)) === start
}

function readLock(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** When a process started, in the system's own words (it tells a reused process id from the first bearer); '' when there is none. */
function processStart(pid: number): string {
  if (!Number.isInteger(pid) || pid <= 0) return ''
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      // The command in parentheses may hold blanks; field 3 is the state and field 22 the start time in ticks since boot.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      if (fields[0] === 'Z') return ''
      return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}:${fields[19]}`
    }
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' })
      .trim()
      .replaceAll(' ', '_')
  } catch {
    return ''
  }
}

/** The command line of a process, arguments separated by blanks; '' when there is none. */
export function processCommand(pid: number): string {
  if (!Number.isInteger(pid) || pid <= 0) return ''
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' }).trim()
  } catch {
    return ''
  }
}
