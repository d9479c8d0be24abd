import { type ChildProcess, execFileSync, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { and, eq, sql } from 'drizzle-orm'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../../server/src/seams/child/free-port.ts'
import type { ChildState } from '../../server/src/seams/child/supervise.ts'
import { systemClock } from '../../server/src/seams/clock/clock.ts'
import { asStoreError } from '../../server/src/seams/store/errors.ts'
import { connectStore, openStore } from '../../server/src/seams/store/open.ts'
import { offsets } from '../../server/src/seams/store/schema/offsets.ts'
import type { Store } from '../../server/src/seams/store/store.ts'

const surroundings = { logger: pino({ level: 'silent' }), clock: systemClock }
const root = mkdtempSync(join(tmpdir(), 'watchfire-store-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

interface Side {
  store: Store
  reopen(): Promise<void>
  /** Kills the server's main process; resolves when something has started it again. */
  kill(): Promise<void>
  close(): Promise<void>
}

async function openEmbedded(): Promise<Side> {
  const dataDir = join(root, 'embedded')
  const open = () => openStore({ state: 'embedded', dataDir }, surroundings)
  const side: Side = {
    store: await open(),
    async reopen() {
      await side.store.close()
      side.store = await open()
    },
    async kill() {
      process.kill(postmasterPid(join(dataDir, 'state/cluster')), 'SIGKILL')
    },
    close: () => side.store.close(),
  }
  return side
}

/** A server that the test starts itself from the system's packages, or the one a variable names. */
async function openExternal(): Promise<Side> {
  const named = process.env.WATCHFIRE_TEST_POSTGRES_URL
  const server = named
    ? { url: await freshDatabase(named), kill: undefined, stop: async () => undefined }
    : await startSystemPostgres()
  const open = () => openStore({ state: server.url, dataDir: root }, surroundings)
  const side: Side = {
    store: await open(),
    async reopen() {
      await side.store.close()
      side.store = await open()
    },
    kill: server.kill ?? (async () => undefined),
    async close() {
      await side.store.close()
      await server.stop()
    },
  }
  return side
}

function systemBinaries(): string | undefined {
  const base = '/usr/lib/postgresql'
  if (!existsSync(base)) return undefined
  const version = readdirSync(base)
    .sort((a, b) => Number(b) - Number(a))
    .find((name) => existsSync(join(base, name, 'bin/postgres')))
  return version && join(base, version, 'bin')
}

async function startSystemPostgres() {
  const binaries = systemBinaries()!
  const directory = join(root, 'external')
  mkdirSync(directory)
  chmodSync(root, 0o755)
  const account =
    process.getuid?.() === 0
      ? { uid: Number(execFileSync('id', ['-u', 'postgres'])), gid: Number(execFileSync('id', ['-g', 'postgres'])) }
      : {}
  if (account.uid !== undefined) chownSync(directory, account.uid, account.gid)
  const data = join(directory, 'data')
  const options = { ...account, cwd: directory, env: { PATH: '/usr/bin:/bin' }, stdio: 'ignore' as const }
  execFileSync(
    join(binaries, 'initdb'),
    ['-D', data, '-U', 'tester', '-A', 'trust', '-E', 'UTF8', '--locale=C'],
    options,
  )
  const port = await freePort(systemClock)
  let server: ChildProcess
  const start = async () => {
    const flags = ['-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=']
    server = spawn(join(binaries, 'postgres'), flags, options)
    await until(() => canConnect(`postgres://tester@127.0.0.1:${port}/postgres`))
  }
  await start()
  return {
    url: `postgres://tester@127.0.0.1:${port}/postgres`,
    async kill() {
      const ended = once(server, 'exit')
      server.kill('SIGKILL')
      await ended
      await systemClock.sleep(500)
      await start()
    },
    async stop() {
      const ended = once(server, 'exit')
      server.kill('SIGINT')
      await ended
    },
  }
}

async function freshDatabase(url: string): Promise<string> {
  const name = `watchfire_test_${Date.now()}`
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`CREATE DATABASE ${name}`)
  await client.end()
  const fresh = new URL(url)
  fresh.pathname = `/${name}`
  return fresh.href
}

async function canConnect(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}

function postmasterPid(cluster: string): number {
  return Number(readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n')[0])
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

async function until(condition: () => boolean | Promise<boolean>, limitMs = 60_000): Promise<void> {
  const deadline = Date.now() + limitMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error('the condition was not met in time')
    await systemClock.sleep(20)
  }
}

const keyOf = (group: string, partition = 0) =>
  and(eq(offsets.topic, 'raw'), eq(offsets.group, group), eq(offsets.partition, partition))

const sides: [string, () => Promise<Side>, boolean][] = [
  ['on the embedded PostgreSQL', openEmbedded, true],
  ['on an external PostgreSQL', openExternal, Boolean(process.env.WATCHFIRE_TEST_POSTGRES_URL || systemBinaries())],
]

for (const [name, open, isPresent] of sides) {
  describe.skipIf(!isPresent)(`the state store ${name}`, () => {
    let side: Side
    beforeAll(async () => {
      side = await open()
    })
    afterAll(() => side?.close())

    it('keeps what was committed over a restart, and the schema is not made twice', async () => {
      await side.store.database
        .insert(offsets)
        .values({ topic: 'raw', group: 'kept', partition: 0, offset: Number.MAX_SAFE_INTEGER })
      await side.reopen()
      const rows = await side.store.database.select().from(offsets).where(keyOf('kept'))
      expect(rows).toEqual([{ topic: 'raw', group: 'kept', partition: 0, offset: Number.MAX_SAFE_INTEGER }])
      const applied = await side.store.database.execute(
        sql`select count(*)::int as n from drizzle.__drizzle_migrations`,
      )
      expect(applied.rows).toEqual([{ n: 1 }])
    })

    it('writes to disk before it answers', async () => {
      const answer = await side.store.database.execute(
        sql`select current_setting('fsync') as fsync, current_setting('synchronous_commit') as commit, current_setting('full_page_writes') as pages`,
      )
      expect(answer.rows).toEqual([{ fsync: 'on', commit: 'on', pages: 'on' }])
    })

    it('rolls a failed transaction back whole', async () => {
      const failed = side.store.database.transaction(async (transaction) => {
        await transaction.insert(offsets).values({ topic: 'raw', group: 'rolled', partition: 0, offset: 1 })
        throw new Error('the work failed')
      })
      await expect(failed).rejects.toThrow('the work failed')
      expect(await side.store.database.select().from(offsets).where(keyOf('rolled'))).toEqual([])
    })

    it('fails one transaction, and nothing else, when its connection breaks in the middle', async () => {
      const { database } = side.store
      const broken = database.transaction(async (transaction) => {
        const { rows } = await transaction.execute<{ pid: number }>(sql`SELECT pg_backend_pid() AS pid`)
        await database.execute(sql`SELECT pg_terminate_backend(${rows[0]!.pid})`)
        // The connection ends while no query of it runs: nobody but a listener would hear of it.
        await new Promise((resolve) => setTimeout(resolve, 200))
        await transaction.execute(sql`SELECT 1`)
      })
      await expect(broken).rejects.toThrow()
      expect((await database.execute(sql`SELECT 1 AS one`)).rows).toEqual([{ one: 1 }])
    })

    it('serves other threads through its URL, with Chinese text and times in UTC', async () => {
      const connection = connectStore(side.store.url, surroundings)
      const answer = await connection.database.execute(
        sql`select ${'烽燧 ✓'}::text as text, ${new Date(0).toISOString()}::timestamptz as at`,
      )
      expect(answer.rows[0]).toMatchObject({ text: '烽燧 ✓' })
      expect(new Date(answer.rows[0]!.at as string).getTime()).toBe(0)
      await connection.close()
    })

    it('orders concurrent writers of one row', async () => {
      await side.store.database.insert(offsets).values({ topic: 'raw', group: 'count', partition: 0, offset: 0 })
      await Promise.all(
        Array.from({ length: 50 }, () =>
          side.store.database
            .update(offsets)
            .set({ offset: sql`${offsets.offset} + 1` })
            .where(keyOf('count')),
        ),
      )
      expect((await side.store.database.select().from(offsets).where(keyOf('count')))[0]!.offset).toBe(50)
    })

    it('refuses a database that another version has migrated', async () => {
      await side.store.database.execute(sql`update drizzle.__drizzle_migrations set hash = 'other' || hash`)
      const config = { state: side.store.url, dataDir: root }
      await expect(openStore(config, surroundings)).rejects.toMatchObject({ code: 'DATA_OF_ANOTHER_VERSION' })
      await side.store.database.execute(sql`update drizzle.__drizzle_migrations set hash = substr(hash, 6)`)
    })

    it.skipIf(name.includes('external') && Boolean(process.env.WATCHFIRE_TEST_POSTGRES_URL))(
      'loses nothing that was acknowledged when its server is killed, says so, and works again by itself',
      async () => {
        const states: ChildState[] = []
        const stop = side.store.onState((state) => states.push(state))
        const acknowledged: number[] = []
        let writing = true
        let refused: unknown
        const writer = (async () => {
          for (let partition = 0; writing; partition++) {
            try {
              await side.store.database.insert(offsets).values({ topic: 'raw', group: 'killed', partition, offset: 1 })
              acknowledged.push(partition)
            } catch (error) {
              refused ??= error
              await systemClock.sleep(20)
            }
          }
        })()
        await until(() => acknowledged.length > 50)
        await side.kill()
        const before = acknowledged.length
        await until(() => acknowledged.length > before + 50)
        writing = false
        await writer
        expect(asStoreError(refused)).toMatchObject({ code: 'STORE_UNAVAILABLE', retry: true })
        const rows = await side.store.database.select().from(offsets).where(eq(offsets.group, 'killed'))
        const present = new Set(rows.map((row) => row.partition))
        expect(acknowledged.filter((partition) => !present.has(partition))).toEqual([])
        if (name.includes('embedded')) {
          await until(() => states.at(-1) === 'ready')
          expect(states).toEqual(['down', 'starting', 'ready'])
        }
        stop()
      },
      240_000,
    )
  })
}

describe('the embedded PostgreSQL', () => {
  const dataDir = join(root, 'own')

  it('refuses a second program on the same data, and strangers', async () => {
    const store = await openStore({ state: 'embedded', dataDir }, surroundings)
    await expect(openStore({ state: 'embedded', dataDir }, surroundings)).rejects.toMatchObject({
      code: 'DATA_DIR_BUSY',
    })
    const url = new URL(store.url)
    url.password = 'guess'
    expect(await canConnect(url.href)).toBe(false)
    url.password = ''
    expect(await canConnect(url.href)).toBe(false)
    expect(statSync(join(dataDir, 'state/password')).mode & 0o777).toBe(0o600)
    await store.close()
    expect(existsSync(join(dataDir, 'state/lock'))).toBe(false)
  })

  it('ends with a program that is killed; one that lingers is stopped by the next start', async () => {
    const script = join(root, 'program.mjs')
    const path = (name: string) => JSON.stringify(new URL(`../../server/src/seams/${name}`, import.meta.url).pathname)
    writeFileSync(
      script,
      `const { openStore } = await import(${path('store/open.ts')})
       const { systemClock } = await import(${path('clock/clock.ts')})
       const logger = { info() {}, warn() {}, error() {}, debug() {} }
       await openStore({ state: 'embedded', dataDir: ${JSON.stringify(dataDir)} }, { logger, clock: systemClock })
       process.send('open')`,
    )
    const loader = new URL('../../node_modules/tsx/dist/esm/index.mjs', import.meta.url).href
    const program = fork(script, { execArgv: ['--import', loader] })
    await once(program, 'message')
    const pid = postmasterPid(join(dataDir, 'state/cluster'))
    program.kill('SIGKILL')
    await until(() => !isAlive(pid))

    const second = fork(script, { execArgv: ['--import', loader] })
    await once(second, 'message')
    const lingering = postmasterPid(join(dataDir, 'state/cluster'))
    // Stopped, it cannot follow the signal that its parent's end sends it; the next start has to deal with it.
    process.kill(lingering, 'SIGSTOP')
    second.kill('SIGKILL')
    await systemClock.sleep(300)
    expect(isAlive(lingering)).toBe(true)
    const opening = openStore({ state: 'embedded', dataDir }, surroundings)
    await systemClock.sleep(200)
    if (isAlive(lingering)) process.kill(lingering, 'SIGCONT')
    const store = await opening
    expect(isAlive(lingering)).toBe(false)
    await store.close()
  }, 180_000)

  it('begins anew when it was killed while it made its files', async () => {
    const half = join(root, 'half')
    mkdirSync(join(half, 'state/cluster.new/base'), { recursive: true })
    writeFileSync(join(half, 'state/cluster.new/PG_VERSION'), '18\n')
    const store = await openStore({ state: 'embedded', dataDir: half }, surroundings)
    expect(await store.database.select().from(offsets)).toEqual([])
    await store.close()
  })

  it('says that an external server does not answer', async () => {
    const port = await freePort(systemClock)
    const opening = openStore({ state: `postgres://u:p@127.0.0.1:${port}/db`, dataDir: root }, surroundings)
    await expect(opening).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' })
  })
})
