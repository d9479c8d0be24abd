import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, describe, expect, it } from 'vitest'
import { freePort } from '../../server/src/seams/child/free-port.ts'
import { systemClock } from '../../server/src/seams/clock/clock.ts'
import { until } from '../harness/platform.ts'

const binary = fileURLToPath(new URL('../../server/bin/watchfire.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'watchfire-start-'))
const servers: Server[] = []
const starts: Started[] = []

afterEach(async () => {
  // A test that ran out of time leaves none behind for the next one.
  for (const { child, exited } of starts.splice(0)) {
    child.kill('SIGTERM')
    await exited
  }
  for (const server of servers.splice(0)) server.close()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Started {
  child: ChildProcess
  output(): string
  exited: Promise<number | null>
}

async function serve(environment: Record<string, string>): Promise<Started> {
  const child = spawn(process.execPath, [binary, 'serve'], {
    env: {
      ...process.env,
      WATCHFIRE_HTTP_PORT: String(await freePort(systemClock)),
      WATCHFIRE_SYSLOG_PORT: String(await freePort(systemClock)),
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text) => {
      output += text
    })
  }
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve))
  const started = { child, output: () => output, exited }
  starts.push(started)
  return started
}

/** A listener of somebody else. */
function takenPort(): Promise<string> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      resolve(String((server.address() as { port: number }).port))
    })
    servers.push(server)
  })
}

/** Command lines of living processes that name the folder. */
function left(dataDir: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
      } catch {
        return ''
      }
    })
    .filter((line) => line.includes(dataDir))
}

/** What was told to end may take a moment to be gone. */
const nothingLeft = () => expect.poll(() => left(folder), { timeout: 20_000 }).toEqual([])

describe('a start that cannot succeed', () => {
  const dataDir = join(folder, 'data')
  const file = join(folder, 'file')
  writeFileSync(file, '')
  const cases: [string, () => Promise<Record<string, string>>, string][] = [
    ['a folder that is a file', async () => ({ WATCHFIRE_DATA_DIR: file }), 'DATA_DIR_UNUSABLE'],
    ['a folder below a file', async () => ({ WATCHFIRE_DATA_DIR: join(file, 'data') }), 'DATA_DIR_UNUSABLE'],
    [
      'the HTTP port in use',
      async () => ({ WATCHFIRE_DATA_DIR: dataDir, WATCHFIRE_HTTP_PORT: await takenPort() }),
      'LISTEN_FAILED',
    ],
    [
      'the syslog port in use',
      async () => ({ WATCHFIRE_DATA_DIR: dataDir, WATCHFIRE_SYSLOG_PORT: await takenPort() }),
      'LISTEN_FAILED',
    ],
    [
      'a setting that is none',
      async () => ({ WATCHFIRE_DATA_DIR: dataDir, WATCHFIRE_PROCESS_THREADS: '0' }),
      'CONFIG_INVALID',
    ],
  ]
  it.each(cases)(
    'says so with a code and leaves nothing running: %s',
    async (_name, environment, code) => {
      const started = await serve(await environment())
      expect(await started.exited).toBe(1)
      const told = started
        .output()
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('{'))
      expect(told[0]).toMatch(new RegExp(`^${code}: `))
      expect(told).toHaveLength(2)
      await nothingLeft()
    },
    180_000,
  )
})

describe('a start that is interrupted', () => {
  const moments = ['clickhouse is starting', 'clickhouse is ready', 'postgresql is ready']
  it.each(moments)(
    'stops in good order and leaves nothing running, when %s',
    async (moment) => {
      const started = await serve({ WATCHFIRE_DATA_DIR: join(folder, 'interrupted') })
      await until(
        async () => started.output().includes(moment),
        60_000,
        () => `the start never came so far:\n${started.output()}`,
        10,
      )
      started.child.kill('SIGTERM')
      expect(await started.exited).toBe(0)
      await nothingLeft()
    },
    180_000,
  )
})
