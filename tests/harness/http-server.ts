/** The HTTP server in this process on real embedded stores and a real bus, with two sibling units and people in each. */
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClickHouseLogLevel, createClient } from '@clickhouse/client'
import pino from 'pino'
import { loadConfig } from '../../server/src/config/config.ts'
import type { Change } from '../../server/src/event/change.ts'
import type { App } from '../../server/src/present/app.ts'
import type { Dependencies } from '../../server/src/present/dependencies.ts'
import { createServer } from '../../server/src/present/server.ts'
import type { Broadcast, Bus } from '../../server/src/seams/bus/bus.ts'
import { openLocalBus } from '../../server/src/seams/bus/local.ts'
import { systemClock } from '../../server/src/seams/clock/clock.ts'
import { type Events, openEvents } from '../../server/src/seams/events/open.ts'
import { openStore } from '../../server/src/seams/store/open.ts'
import type { Database } from '../../server/src/seams/store/store.ts'
import { type Permission, type Role, systemActor } from '../../server/src/state/actor.ts'
import { openMasterKeys } from '../../server/src/state/secrets/master-keys.ts'
import { createToken } from '../../server/src/state/tokens/create.ts'
import { createUnit } from '../../server/src/state/units/create.ts'
import { ensureRootUnit } from '../../server/src/state/units/ensure-root.ts'
import { rootUnitId } from '../../server/src/state/units/unit.ts'
import { createUser } from '../../server/src/state/users/create.ts'
import type { Context } from '../../server/src/state/write.ts'

export const password = 'Beacon-tower-7-on-the-wall'

/** A browser with a session: keeps the cookie, sends the CSRF token. */
export interface Person {
  id: number
  name: string
  role: Role
  unitId: number
  unitPath: string
  cookie: string
  csrfToken: string
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
}

export interface Answer {
  status: number
  headers: Headers
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes are looked into
  body: any
}

export interface UnitPeople {
  id: number
  path: string
  administrator: Person
  manager: Person
  operator: Person
  auditor: Person
}

export interface TestServer {
  url: string
  app: App
  database: Database
  bus: Bus
  /** Absent unless the server was started with stored events. */
  events: Events | undefined
  changes: Broadcast<Change>
  system: Context
  root: UnitPeople
  a: UnitPeople
  b: UnitPeople
  call(method: string, path: string, options?: { body?: unknown; headers?: Record<string, string> }): Promise<Answer>
  token(permissions: Permission[], unitId?: number): Promise<string>
  close(): Promise<void>
}

/** With `storedEvents` the event store runs too; without, what needs it answers EVENTS_UNAVAILABLE. */
export async function startTestServer({
  storedEvents = false,
  ...overrides
}: Partial<Dependencies> & { storedEvents?: boolean } = {}): Promise<TestServer> {
  const dataDir = mkdtempSync(join(tmpdir(), 'watchfire-http-'))
  const logger = pino({ level: process.env.TEST_LOG ?? 'silent' })
  const clock = systemClock
  const config = loadConfig({ WATCHFIRE_DATA_DIR: dataDir, WATCHFIRE_HTTP_PORT: '0' })
  const store = await openStore(config, { logger, clock })
  const events = storedEvents ? await openEvents(config, { logger, clock }) : undefined
  const bus = await openLocalBus({
    directory: join(dataDir, 'bus'),
    partitions: [0],
    limitBytes: config.busLimitBytes,
    logger,
    clock,
  })
  const { database } = store
  const changes = bus.broadcast<Change>('changes')
  const keys = openMasterKeys(dataDir, clock)
  await ensureRootUnit(database, clock)
  const health = { startedAt: new Date(), children: () => [], threads: () => [], bus: () => [], losses: () => [] }
  const metrics = async () => 'watchfire_test 1\n'
  // Without stored events, a client of a server that is not there.
  const nobody = createClient({ url: 'http://127.0.0.1:9', log: { level: ClickHouseLogLevel.OFF } })
  const stores = { database, keys, events: events?.query ?? nobody, bus, changes }
  const app = createServer({
    config,
    version: '0.0.0',
    clock,
    logger,
    ...stores,
    health,
    metrics,
    ...overrides,
  } as Dependencies)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  const system: Context = { database, clock, actor: systemActor('test') }
  const rootUnit = { id: rootUnitId, path: '/1/' }
  const unitA = await createUnit(system, { parentId: rootUnitId, kind: 'city', name: '甲市' })
  const unitB = await createUnit(system, { parentId: rootUnitId, kind: 'city', name: '乙市' })
  const call: TestServer['call'] = (method, path, options = {}) => send(url, method, path, options)
  return {
    url,
    app,
    database,
    bus,
    events,
    changes,
    system,
    root: await hirePeople(url, system, rootUnit, 'root'),
    a: await hirePeople(url, system, unitA, 'a'),
    b: await hirePeople(url, system, unitB, 'b'),
    call,
    async token(permissions, unitId = rootUnitId) {
      const expiresAt = new Date(clock.now() + 3_600_000)
      return (await createToken(system, { name: permissions.join(' ').slice(0, 90), permissions, unitId, expiresAt }))
        .token
    },
    async close() {
      await app.close()
      await bus.close()
      await events?.close()
      await store.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

async function hirePeople(
  url: string,
  system: Context,
  unit: { id: number; path: string },
  suffix: string,
): Promise<UnitPeople> {
  const hire = (role: Role) =>
    hirePerson(url, system, { ...unit, name: `${role.replaceAll('_', '-')}-${suffix}`, role })
  const [administrator, manager, operator, auditor] = await Promise.all([
    hire('system_administrator'),
    hire('security_manager'),
    hire('security_operator'),
    hire('auditor'),
  ])
  return { ...unit, administrator, manager, operator, auditor }
}

async function hirePerson(
  url: string,
  system: Context,
  { id: unitId, path: unitPath, name, role }: { id: number; path: string; name: string; role: Role },
): Promise<Person> {
  const { user, oneTimePassword } = await createUser(system, { name, role, unitId })
  const first = await signIn(url, name, oneTimePassword)
  const changed = await send(url, 'POST', '/api/v1/auth/password', {
    body: { currentPassword: oneTimePassword, newPassword: password },
    headers: { cookie: first.cookie, 'x-csrf-token': first.csrfToken },
  })
  if (changed.status !== 204) throw new Error(`${name} could not change the password: ${changed.text}`)
  const { cookie, csrfToken } = first
  return {
    id: user.id,
    name,
    role,
    unitId,
    unitPath,
    cookie,
    csrfToken,
    call: (method, path, body, headers = {}) =>
      send(url, method, path, { body, headers: { cookie, 'x-csrf-token': csrfToken, ...headers } }),
  }
}

export async function signIn(
  url: string,
  name: string,
  secret: string,
): Promise<{ cookie: string; csrfToken: string }> {
  const answer = await send(url, 'POST', '/api/v1/auth/sign-in', { body: { name, password: secret } })
  if (answer.status !== 200) throw new Error(`${name} could not sign in: ${answer.text}`)
  const cookie = answer.headers.get('set-cookie')?.split(';', 1)[0] ?? ''
  return { cookie, csrfToken: answer.body.csrfToken }
}

async function send(
  url: string,
  method: string,
  path: string,
  { body, headers = {} }: { body?: unknown; headers?: Record<string, string> },
): Promise<Answer> {
  const isRaw = typeof body === 'string' || body instanceof Uint8Array
  const response = await fetch(url + path, {
    method,
    redirect: 'manual',
    headers: body === undefined || isRaw ? headers : { 'content-type': 'application/json', ...headers },
    body: body === undefined ? undefined : isRaw ? (body as BodyInit) : JSON.stringify(body),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('application/json') && text !== ''
  return { status: response.status, headers: response.headers, text, body: isJson ? JSON.parse(text) : undefined }
}
