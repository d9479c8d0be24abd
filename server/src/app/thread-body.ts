import { readFileSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import type { ThreadMessage } from './threads.ts'

const statsIntervalMs = 1000

/**
 * The common frame of every worker thread: start, say ready, report counters once a second, stop when asked.
 * A start that fails ends the thread, and the main thread starts it again.
 */
export async function runThread(
  start: () => Promise<{ stats(): Record<string, number>; stop(): Promise<void> }>,
): Promise<void> {
  const port = parentPort
  if (!port) throw new TypeError('a thread body runs in a worker thread')
  const tell = (message: ThreadMessage) => port.postMessage(message)
  const body = await start()
  const timer = setInterval(() => tell({ kind: 'stats', stats: { ...body.stats(), ...ownCpu() } }), statsIntervalMs)
  port.on('message', async (message: { kind: 'stop' }) => {
    if (message.kind !== 'stop') return
    clearInterval(timer)
    await body.stop()
    tell({ kind: 'stopped' })
    port.close()
  })
  tell({ kind: 'ready' })
}

/** Time on a processor of this very thread, from /proc/thread-self/schedstat (proc(5)); nothing where there is none. */
function ownCpu(): { cpuMs?: number } {
  try {
    const [nanoseconds = ''] = readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ', 1)
    return { cpuMs: Math.round(Number(nanoseconds) / 1e6) }
  } catch {
    return {}
  }
}
