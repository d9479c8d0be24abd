/**
 * Every operation of the API under requests that no friend sends: no failure of ours (5xx), coded errors only, and the
 * program lives. `WATCHFIRE_FUZZ_ROUNDS` makes more of them; `WATCHFIRE_FUZZ_SEED` plays a failing run again.
 */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { errorTable } from '../../server/src/event/errors.ts'
import { SeededRandom } from '../../server/src/lib/seeded-random.ts'
import { allPermissions } from '../../server/src/state/actor.ts'
import { Fuzzer, type FuzzRequest, type OpenApi, type Operation, operationsOf } from '../harness/fuzz.ts'
import { type Person, password, signIn, startTestServer, type TestServer } from '../harness/http-server.ts'

const rounds = Number(process.env.WATCHFIRE_FUZZ_ROUNDS ?? 6)
const seed = Number(process.env.WATCHFIRE_FUZZ_SEED ?? 20_261_128)

let server: TestServer
let operations: Operation[]
let fuzzer: Fuzzer
let random: SeededRandom
let token: string
/** Who asks: a program that may do everything, and people, whose sessions some calls end. */
const people: Person[] = []

beforeAll(async () => {
  server = await startTestServer({ storedEvents: true })
  const document = (await server.call('GET', '/api/v1/openapi.json')).body as OpenApi
  operations = operationsOf(document).filter(({ path }) => !endless.has(path))
  random = new SeededRandom(seed)
  token = await server.token([...allPermissions])
  people.push(server.root.administrator, server.root.manager, server.root.auditor)
  fuzzer = new Fuzzer(document, random, await furnish())
}, 240_000)
afterAll(() => server?.close())

/** The live stream has no end; it is opened by its own tests. */
const endless = new Set(['/api/v1/live'])

/** One of each thing, so that requests reach beyond NOT_FOUND. */
async function furnish(): Promise<Record<string, (string | number)[]>> {
  const { administrator, manager } = server.root
  const post = async (person: Person, path: string, body: unknown) => {
    const answer = await person.call('POST', `/api/v1/${path}`, body)
    if (answer.status !== 201) throw new Error(`${path}: ${answer.text}`)
    return (answer.body.user ?? answer.body).id as number
  }
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString()
  const conditions = [{ field: 'user.name', operator: 'equals', values: ['x'] }]
  const settings = { url: 'https://example.org/hook' }
  const search = { name: 's', query: 'sshd', from: 'now-1h', to: 'now' }
  const rules = (await manager.call('GET', '/api/v1/rules?limit=3')).body.items as { id: string }[]
  const user = { name: 'fuzzed', displayName: 'f', role: 'security_operator', unitId: 1 }
  return {
    units: [await post(administrator, 'units', { name: 'fuzzed', kind: 'unit', parentId: 1 })],
    users: [await post(administrator, 'users', user)],
    assets: [await post(administrator, 'assets', { name: 'fuzzed' })],
    exceptions: [await post(manager, 'exceptions', { name: 'f', reason: 'f', conditions, expiresAt })],
    channels: [await post(manager, 'notifications/channels', { name: 'f', kind: 'webhook', settings })],
    'saved-searches': [await post(manager, 'saved-searches', search)],
    indicators: [await post(manager, 'indicators', { type: 'domain', value: 'fuzzed.example.org' })],
    rules: rules.map(({ id }) => id),
    incidents: [1, 2],
    ingest: ['fuzz'],
  }
}

/** Sends it as a program or as a person; a session that a call has ended is opened anew. */
async function send({ method, path, headers, body }: FuzzRequest) {
  const isPerson = random.chance(0.4)
  const options = (identity: Record<string, string>) => ({ body, headers: { ...headers, ...identity } })
  if (!isPerson) return server.call(method, path, options({ authorization: `Bearer ${token}` }))
  const person = random.pick(people)
  const answer = await server.call(method, path, options({ cookie: person.cookie, 'x-csrf-token': person.csrfToken }))
  if (answer.status === 401) Object.assign(person, await signIn(server.url, person.name, password).catch(() => ({})))
  return answer
}

function problemOf(request: FuzzRequest, answer: Awaited<ReturnType<typeof send>>): string | undefined {
  const { method, path } = request
  const told = `${method} ${path.slice(0, 300)} ${String(request.body).slice(0, 300)} -> ${answer.status}`
  if (answer.status < 400) return undefined
  const code = answer.body?.error?.code as string | undefined
  if (answer.status >= 500) return `${told} ${answer.text.slice(0, 300)}`
  if (code === undefined || !(code in errorTable)) return `${told} without a code: ${answer.text.slice(0, 300)}`
  if (/\bat .*\.[jt]s:\d+|node_modules|drizzle|SELECT .* FROM/i.test(answer.text))
    return `${told} tells too much: ${answer.text.slice(0, 400)}`
  return undefined
}

test(
  'no request, however wrong, makes the server fail or answer without a code',
  async () => {
    const problems: string[] = []
    const statuses = new Map<string, number>()
    for (let round = 0; round < rounds; round++) {
      for (const operation of operations) {
        for (const request of [fuzzer.fitting(operation), fuzzer.hostile(operation), fuzzer.hostile(operation)]) {
          const answer = await send(request)
          const kind = `${Math.floor(answer.status / 100)}xx`
          statuses.set(kind, (statuses.get(kind) ?? 0) + 1)
          const problem = problemOf(request, answer)
          if (problem) problems.push(problem)
        }
      }
    }
    expect(problems, `seed ${seed}`).toEqual([])
    // Requests that fit reach the verbs, and hostile ones are refused: else this test would look at nothing.
    expect(statuses.get('2xx')).toBeGreaterThan(operations.length)
    expect(statuses.get('4xx')).toBeGreaterThan(operations.length)
    expect(statuses.get('5xx')).toBeUndefined()
    expect((await server.call('GET', '/healthz')).status).toBe(200)
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
  },
  Math.max(600_000, rounds * 60_000),
)

test(
  'the same write several times at once is done or refused with a code',
  async () => {
    const problems: string[] = []
    const writes = operations.filter(({ method }) => method !== 'GET')
    for (const operation of writes) {
      const request = fuzzer.fitting(operation)
      const headers = { ...request.headers, authorization: `Bearer ${token}` }
      const answers = await Promise.all(
        Array.from({ length: 6 }, () => server.call(request.method, request.path, { ...request, headers })),
      )
      for (const answer of answers) problems.push(...[problemOf(request, answer) ?? []].flat())
    }
    expect(problems, `seed ${seed}`).toEqual([])
    expect((await server.call('GET', '/healthz')).status).toBe(200)
  },
  Math.max(600_000, rounds * 60_000),
)
