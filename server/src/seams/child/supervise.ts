import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Logger } from 'pino'
import { CodedError } from '../../event/errors.ts'
import type { Clock } from '../clock/clock.ts'

/** `starting`: the process runs but does not answer yet; `ready`: it answers; `down`: it ended and will be started again. */
export type ChildState = 'starting' | 'ready' | 'down'

/** What the supervisor must know of a child. */
export interface ChildRecipe {
  /** Name in the log, e.g. `postgresql`. */
  name: string
  /** Starts the process; also clears away what a killed predecessor left behind. */
  spawn(): Promise<ChildProcess>
  /** Asks the server something that only a working server answers; rejects while it does not. */
  probe(): Promise<void>
  /** Asks the process to end in good order; the supervisor kills it when it lingers. */
  requestStop(child: ChildProcess): Promise<void>
  /** A server that recovers a long log may take minutes before it answers. */
  readyTimeoutMs: number
}

export interface SupervisedChild {
  state(): ChildState
  /** Calls `listener` at every change of state; returns the function that stops listening. */
  onState(listener: (state: ChildState) => void): () => void
  pid(): number | undefined
  stop(): Promise<void>
}

const firstBackOffMs = 100
const longestBackOffMs = 10_000
const startAttempts = 3
const probeIntervalMs = 5_000
const probeFailureLimit = 4
const stopTimeoutMs = 20_000

/**
 * Starts a child, waits until it answers, and starts it again whenever it ends or stops answering, with a back-off
 * that doubles from 0.1 s to 10 s. Rejects when the first start fails three times, with the last lines it printed.
 */
export async function supervise(
  recipe: ChildRecipe,
  { logger, clock }: { logger: Logger; clock: Clock },
): Promise<SupervisedChild> {
  const listeners = new Set<(state: ChildState) => void>()
  const stopping = new AbortController()
  let state: ChildState = 'down'
  let current: ChildProcess | undefined

  const enter = (next: ChildState) => {
    if (state === next) return
    state = next
    logger.info({ child: recipe.name, state, pid: current?.pid }, `${recipe.name} is ${state}`)
    for (const listener of listeners) listener(state)
  }

  const startOnce = async () => {
    const child = await recipe.spawn()
    current = child
    const output = keepTail(child)
    enter('starting')
    try {
      await untilReady(recipe, child, clock, stopping.signal)
    } catch (cause) {
      await kill(child)
      enter('down')
      throw new CodedError(
        'CHILD_FAILED',
        `${recipe.name} did not start: ${(cause as Error).message}\n${output()}`.trimEnd(),
        {},
        { cause },
      )
    }
    if (stopping.signal.aborted) return child
    enter('ready')
    return child
  }

  const watch = async (first: ChildProcess) => {
    let child = first
    for (;;) {
      await untilEnded(recipe, child, clock, logger, stopping.signal)
      if (stopping.signal.aborted) return
      enter('down')
      for (let backOffMs = firstBackOffMs; ; backOffMs = Math.min(backOffMs * 2, longestBackOffMs)) {
        await clock.sleep(backOffMs, stopping.signal).catch(() => undefined)
        if (stopping.signal.aborted) return
        try {
          child = await startOnce()
          break
        } catch (error) {
          logger.error({ child: recipe.name, err: error, backOffMs }, `${recipe.name} could not be started again`)
        }
      }
    }
  }

  let started: ChildProcess | undefined
  for (let attempt = 1; started === undefined; attempt++) {
    try {
      started = await startOnce()
    } catch (error) {
      if (attempt === startAttempts) throw error
      logger.warn({ child: recipe.name, err: error, attempt }, `${recipe.name} did not start, trying again`)
      await clock.sleep(firstBackOffMs * 2 ** attempt)
    }
  }
  const watching = watch(started)

  return {
    state: () => state,
    onState(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    pid: () => current?.pid,
    async stop() {
      if (stopping.signal.aborted) return
      stopping.abort()
      await watching
      if (current !== undefined && isRunning(current)) {
        const ended = once(current, 'exit')
        await recipe
          .requestStop(current)
          .catch((error) => logger.warn({ err: error }, `${recipe.name} refused to stop`))
        const timer = setTimeout(() => current?.kill('SIGKILL'), stopTimeoutMs)
        await ended
        clearTimeout(timer)
      }
      enter('down')
      listeners.clear()
    },
  }
}

function isRunning(child: ChildProcess): boolean {
  // A program that could not be run at all has no process id and never tells of its end.
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null
}

function endOf(child: ChildProcess): string {
  if (child.pid === undefined) return 'it could not be run'
  return `it ended with ${child.signalCode ?? `code ${child.exitCode}`}`
}

async function kill(child: ChildProcess): Promise<void> {
  if (!isRunning(child)) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

/** Probes until the first answer; rejects when the child ends or the time is over. */
async function untilReady(recipe: ChildRecipe, child: ChildProcess, clock: Clock, signal: AbortSignal): Promise<void> {
  const deadline = clock.now() + recipe.readyTimeoutMs
  let last: unknown
  for (let waitMs = 10; clock.now() < deadline; waitMs = Math.min(waitMs * 1.5, 500)) {
    if (signal.aborted) return
    if (!isRunning(child)) throw new CodedError('CHILD_FAILED', endOf(child))
    try {
      return await withTimeout(recipe.probe(), 5_000)
    } catch (error) {
      last = error
    }
    await clock.sleep(waitMs)
  }
  throw new CodedError(
    'CHILD_FAILED',
    `no answer within ${recipe.readyTimeoutMs} ms: ${(last as Error | undefined)?.message}`,
  )
}

/** Resolves when the child has ended; one that no longer answers is killed first. */
async function untilEnded(
  recipe: ChildRecipe,
  child: ChildProcess,
  clock: Clock,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  const ended = new AbortController()
  const onExit = () => ended.abort()
  child.once('exit', onExit)
  if (!isRunning(child)) return
  signal.addEventListener('abort', onExit, { once: true })
  for (let failures = 0; !ended.signal.aborted && !signal.aborted; ) {
    await clock.sleep(probeIntervalMs, ended.signal).catch(() => undefined)
    if (ended.signal.aborted) break
    try {
      await withTimeout(recipe.probe(), 10_000)
      failures = 0
    } catch (error) {
      failures++
      logger.warn({ child: recipe.name, err: error, failures }, `${recipe.name} did not answer`)
      if (failures >= probeFailureLimit) await kill(child)
    }
  }
  signal.removeEventListener('abort', onExit)
  child.removeListener('exit', onExit)
}

function withTimeout(work: Promise<void>, limitMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new CodedError('CHILD_FAILED', `no answer within ${limitMs} ms`)), limitMs)
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

/** Keeps the last 4 KiB a child prints, for the message of a failed start. */
function keepTail(child: ChildProcess): () => string {
  let tail = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      tail = (tail + chunk.toString()).slice(-4096)
    })
  }
  return () => tail
}
