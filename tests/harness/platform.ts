import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../server/src/seams/child/free-port.ts'
import { systemClock } from '../../server/src/seams/clock/clock.ts'

const binary = fileURLToPath(new URL('../../server/bin/watchfire.js', import.meta.url))

/** The built program as a user runs it, on its own data folder and free ports. */
export interface Platform {
  url: string
  token: string
  syslogPort: number
  dataDir: string
  process: ChildProcess
  /** Everything the program printed so far. */
  output(): string
  /** First accounts as printed at first start: user name -> one-time password. */
  accounts(): Record<string, string>
  request<Body = unknown>(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer<Body>>
  /** Asks the program to stop, as Ctrl-C does. */
  stop(): Promise<number | null>
  /** kill -9 of the program alone; its children are left to notice. */
  kill(): Promise<void>
  /** Starts the program again on the same data and ports. */
  restart(): Promise<void>
  remove(): void
}

export interface Answer<Body> {
  status: number
  headers: Headers
  body: Body
}

const startTimeoutMs = 180_000

/** Starts the platform and waits until `/readyz` answers 200. */
export async function startPlatform(
  options: {
    environment?: Record<string, string>
    arguments?: string[]
    dataDir?: string
    /** Options of Node itself, such as a profiler's. */
    nodeArguments?: string[]
  } = {},
): Promise<Platform> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'watchfire-'))
  const httpPort = await freePort(systemClock)
  const syslogPort = await freePort(systemClock)
  const token = `wf_test_${randomBytes(24).toString('hex')}`
  const url = `http://127.0.0.1:${httpPort}`
  let output = ''
  let child: ChildProcess

  const start = async () => {
    child = spawn(process.execPath, [...(options.nodeArguments ?? []), binary, 'serve', ...(options.arguments ?? [])], {
      env: {
        ...process.env,
        WATCHFIRE_HTTP_PORT: String(httpPort),
        WATCHFIRE_SYSLOG_PORT: String(syslogPort),
        WATCHFIRE_DATA_DIR: dataDir,
        WATCHFIRE_BOOTSTRAP_TOKEN: token,
        // The scenarios and the tests write times without a zone in UTC.
        WATCHFIRE_TIME_ZONE: 'UTC',
        ...options.environment,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const keep = (text: string) => {
      output = (output + text).slice(-1_000_000)
    }
    child.stdout?.setEncoding('utf8').on('data', keep)
    child.stderr?.setEncoding('utf8').on('data', keep)
    try {
      await until(
        async () => {
          if (child.exitCode !== null || child.signalCode !== null)
            throw new Error(`the platform ended with ${child.exitCode ?? child.signalCode}:\n${output.slice(-4000)}`)
          return (await fetch(`${url}/readyz`).catch(() => undefined))?.status === 200
        },
        startTimeoutMs,
        () => `the platform was not ready:\n${output.slice(-4000)}`,
      )
    } catch (error) {
      // Nobody gets hold of a platform that did not start: it is ended here, with what it started.
      await endWithin(child, 10_000)
      throw error
    }
  }
  await start()

  return {
    url,
    token,
    syslogPort,
    dataDir,
    get process() {
      return child
    },
    output: () => output,
    accounts() {
      const found: Record<string, string> = {}
      for (const [, name, password] of output.matchAll(/^ +(admin|security|auditor) +(\S+) +\w+$/gm))
        found[name!] = password!
      return found
    },
    async request(method, path, body, headers = {}) {
      const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
      const response = await fetch(url + path, {
        method,
        body: text as string | undefined,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
      })
      const answer = await response.text()
      return { status: response.status, headers: response.headers, body: parseJson(answer) as never }
    },
    stop: () => end(child, 'SIGTERM'),
    async kill() {
      await end(child, 'SIGKILL')
    },
    restart: start,
    remove: () => rmSync(dataDir, { recursive: true, force: true }),
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode)
  return new Promise((resolve) => {
    child.once('exit', (code) => resolve(code))
    child.kill(signal)
  })
}

/** Asks to stop, and after `graceMs` insists. */
async function endWithin(child: ChildProcess, graceMs: number): Promise<void> {
  const insist = setTimeout(() => child.kill('SIGKILL'), graceMs)
  await end(child, 'SIGTERM')
  clearTimeout(insist)
}

/** Polls until `holds`; throws with `say()` after the time is up. */
export async function until(
  holds: () => Promise<boolean>,
  timeoutMs: number,
  say: () => string,
  everyMs = 100,
): Promise<void> {
  const end = performance.now() + timeoutMs
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(say())
    await sleep(everyMs)
  }
}
