import { Worker } from 'node:worker_threads'
import type { Logger } from 'pino'
import { CodedError, errorTable } from '../event/errors.ts'
import type { Clock } from '../seams/clock/clock.ts'

/** What a thread tells the main thread. */
export type ThreadMessage = { kind: 'ready' } | { kind: 'stats'; stats: Record<string, number> } | { kind: 'stopped' }

/** A supervised worker thread: restarted with back-off when it dies, asked to stop and given time to finish. */
export interface Thread {
  name: string
  state(): 'starting' | 'ready' | 'down'
  /** Counters last reported, about once a second. */
  stats(): Record<string, number>
  restarts(): number
  /** Resolves when the thread first said it is ready; rejects when its first starts failed three times. */
  ready: Promise<void>
  stop(): Promise<void>
}

const firstRestartDelayMs = 200
const longestRestartDelayMs = 10_000
const stopTimeoutMs = 10_000
const firstStartAttempts = 3
/** Records of a batch die young when there is room for some batches; below this the collector carries them on instead. */
const maxYoungGenerationSizeMb = 96

export function startThread(
  name: string,
  file: URL,
  data: unknown,
  { logger, clock }: { logger: Logger; clock: Clock },
): Thread {
  let worker: Worker
  let state: 'starting' | 'ready' | 'down' = 'starting'
  let stats: Record<string, number> = {}
  let restarts = 0
  let delayMs = firstRestartDelayMs
  let stopping = false
  let markReady: () => void = () => {}
  let giveUp: (error: Error) => void = () => {}
  const ready = new Promise<void>((resolve, reject) => {
    markReady = resolve
    giveUp = reject
  })
  ready.catch(() => undefined)

  const start = () => {
    state = 'starting'
    worker = new Worker(file, { workerData: data, name, resourceLimits: { maxYoungGenerationSizeMb } })
    worker.on('message', (message: ThreadMessage) => {
      if (message.kind === 'ready') {
        state = 'ready'
        delayMs = firstRestartDelayMs
        markReady()
      } else if (message.kind === 'stats') stats = message.stats
    })
    worker.on('error', (error) => {
      logger.error({ thread: name, err: error }, 'thread failed')
      if (restarts + 1 >= firstStartAttempts) giveUp(codedAgain(error as Error))
    })
    worker.on('exit', () => {
      state = 'down'
      if (stopping) return
      restarts++
      logger.warn({ thread: name, restarts, delayMs }, 'thread ended and is restarted')
      void clock.sleep(delayMs).then(() => {
        if (!stopping) start()
      })
      delayMs = Math.min(delayMs * 2, longestRestartDelayMs)
    })
  }
  start()

  return {
    name,
    state: () => state,
    stats: () => stats,
    restarts: () => restarts,
    ready,
    async stop() {
      stopping = true
      if (state === 'down') return
      const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
      worker.postMessage({ kind: 'stop' })
      const timeout = new AbortController()
      await Promise.race([
        exited,
        clock.sleep(stopTimeoutMs, timeout.signal).then(
          async () => {
            logger.warn({ thread: name }, 'thread did not stop in time and is ended')
            await worker.terminate()
          },
          () => undefined,
        ),
      ])
      timeout.abort()
    },
  }
}

/** An error loses its class on the way between threads, not its properties. */
function codedAgain(error: Error & Partial<Pick<CodedError, 'code' | 'detail'>>): Error {
  const { code, detail, message } = error
  return code !== undefined && code in errorTable ? new CodedError(code, message, detail, { cause: error }) : error
}
