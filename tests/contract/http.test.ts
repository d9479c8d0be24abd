import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decodeRawRecord } from '../../server/src/event/raw-record.ts'
import { password, signIn, startTestServer, type TestServer } from '../harness/http-server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server?.close())

describe('sign-in and sessions', () => {
  test('who is nobody is told so, with code, hint and request id', async () => {
    const answer = await server.call('GET', '/api/v1/auth/me')
    expect(answer.status).toBe(401)
    expect(answer.body.error).toMatchObject({
      code: 'UNAUTHENTICATED',
      hint: expect.any(String),
      requestId: expect.any(String),
    })
    expect(answer.headers.get('x-request-id')).toBe(answer.body.error.requestId)
  })

  test('the cookie is HttpOnly and SameSite=Strict, and every sign-in makes a new session', async () => {
    const planted = `watchfire_session=wfs_${'x'.repeat(43)}`
    const answer = await server.call('POST', '/api/v1/auth/sign-in', {
      body: { name: server.a.operator.name, password },
      headers: { cookie: planted },
    })
    const cookie = answer.headers.get('set-cookie') ?? ''
    expect(cookie).toMatch(/^watchfire_session=wfs_[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/)
    expect(cookie).not.toContain(planted)
    expect(answer.body).toMatchObject({ kind: 'user', mustChangePassword: false, user: { role: 'security_operator' } })
    expect(answer.body.permissions).toContain('incident:read')
    expect((await server.call('GET', '/api/v1/auth/me', { headers: { cookie: planted } })).status).toBe(401)
  })

  test('changing something needs the CSRF token, and our own origin', async () => {
    const { operator } = server.a
    const bare = await server.call('POST', '/api/v1/auth/sign-out', { headers: { cookie: operator.cookie } })
    expect(bare.status).toBe(403)
    const wrong = await server.call('POST', '/api/v1/auth/sign-out', {
      headers: { cookie: operator.cookie, 'x-csrf-token': 'x' },
    })
    expect(wrong.body.error.detail.reason).toBe('csrf')
    const foreign = await operator.call('POST', '/api/v1/auth/sign-out', undefined, { origin: 'https://evil.example' })
    expect(foreign.body.error.detail.reason).toBe('origin')
    const login = await server.call('POST', '/api/v1/auth/sign-in', {
      body: { name: 'x', password: 'y' },
      headers: { origin: 'null' },
    })
    expect(login.status).toBe(403)
    const form = await server.call('POST', '/api/v1/auth/sign-in', {
      body: 'name=x&password=y',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    })
    expect(form.status).toBe(400)
  })

  test('a session ends at once: signed out, revoked, or its user disabled', async () => {
    const { operator, administrator } = server.a
    const first = await signIn(server.url, operator.name, password)
    const headers = { cookie: first.cookie, 'x-csrf-token': first.csrfToken }
    expect((await server.call('GET', '/api/v1/auth/me', { headers })).status).toBe(200)
    expect((await server.call('POST', '/api/v1/auth/sign-out', { headers })).status).toBe(204)
    expect((await server.call('GET', '/api/v1/auth/me', { headers })).status).toBe(401)

    const created = await administrator.call('POST', '/api/v1/users', {
      name: 'short-lived',
      displayName: '临时',
      role: 'security_operator',
      unitId: server.a.id,
    })
    expect(created.status).toBe(201)
    const second = await signIn(server.url, 'short-lived', created.body.oneTimePassword)
    const early = await server.call('GET', '/api/v1/auth/sessions', { headers: { cookie: second.cookie } })
    expect(early.body.error.code).toBe('PASSWORD_MUST_CHANGE')
    expect((await administrator.call('DELETE', `/api/v1/users/${created.body.user.id}`)).status).toBe(204)
    expect((await server.call('GET', '/api/v1/auth/me', { headers: { cookie: second.cookie } })).status).toBe(401)
  })

  test('guessing passwords is stopped, and Retry-After says for how long', async () => {
    const statuses: number[] = []
    let last = await server.call('GET', '/healthz')
    for (let attempt = 0; attempt < 7; attempt++) {
      last = await server.call('POST', '/api/v1/auth/sign-in', {
        body: { name: 'guessed', password: `wrong ${attempt}` },
      })
      statuses.push(last.status)
    }
    expect(statuses.slice(0, 5)).toEqual([401, 401, 401, 401, 401])
    expect(last.status).toBe(429)
    expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0)
  })

  test('powers are separate: what a role lacks is refused and named', async () => {
    const answer = await server.a.auditor.call('POST', '/api/v1/units', {
      name: 'x',
      kind: 'unit',
      parentId: server.a.id,
    })
    expect(answer.status).toBe(403)
    expect(answer.body.error.detail.permission).toBe('unit:write')
  })

  test('a token is a program: no cookie, no CSRF token, shown once, gone when revoked', async () => {
    const { administrator } = server.a
    const expiresAt = new Date(Date.now() + 3_600_000).toISOString()
    const created = await administrator.call('POST', '/api/v1/tokens', {
      name: 'reader',
      permissions: ['user:read'],
      expiresAt,
    })
    expect(created.status).toBe(201)
    const headers = { authorization: `Bearer ${created.body.secret}` }
    expect((await server.call('GET', '/api/v1/users', { headers })).status).toBe(200)
    expect(
      (await server.call('GET', '/api/v1/users', { headers: { ...headers, cookie: administrator.cookie } })).status,
    ).toBe(200)
    expect(
      (await server.call('POST', '/api/v1/units', { headers, body: { name: 'x', kind: 'unit', parentId: 1 } })).status,
    ).toBe(403)
    expect((await administrator.call('DELETE', `/api/v1/tokens/${created.body.token.id}`)).status).toBe(204)
    const after = await server.call('GET', '/api/v1/users', { headers: { ...headers, cookie: administrator.cookie } })
    expect(after.status).toBe(401)
  })
})

describe('answers', () => {
  test('carry headers that keep browsers from doing more with them', async () => {
    for (const path of ['/healthz', '/api/v1/auth/me', '/nothing.txt']) {
      const { headers } = await server.call('GET', path)
      expect(headers.get('content-security-policy')).toContain("default-src 'none'")
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('cache-control')).toBe('no-store')
    }
  })

  test('metrics are Prometheus text without names or secrets', async () => {
    const { text, headers } = await server.call('GET', '/metrics')
    expect(headers.get('content-type')).toContain('text/plain')
    expect(text).toMatch(/^watchfire_http_live_clients \d+$/m)
  })

  test('exports come as files with a name and a head line', async () => {
    const { administrator, auditor } = server.a
    await administrator.call('POST', '/api/v1/units', { name: '=1+1', kind: 'unit', parentId: server.a.id })
    const audit = await auditor.call('GET', '/api/v1/audit/export?action=unit.create')
    expect(
      audit.text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).action),
    ).toContain('unit.create')
    const csv = await server.a.operator.call('GET', '/api/v1/incidents/export?format=csv')
    expect(csv.headers.get('content-disposition')).toBe('attachment; filename="incidents.csv"')
    expect(csv.text).toContain('id,title,severity')
  })

  test('what is not there and what is malformed has a code', async () => {
    expect((await server.call('GET', '/api/v1/nothing')).body.error.code).toBe('NOT_FOUND')
    const { operator } = server.a
    const raw = (body: string, type = 'application/json') =>
      operator.call('POST', '/api/v1/search/validate', body, { 'content-type': type })
    expect((await raw('{"query":')).body.error.code).toBe('BAD_REQUEST')
    expect((await raw('{"__proto__":{"x":1},"query":""}')).body.error.code).toBe('BAD_REQUEST')
    expect((await raw('{"query":1}')).body.error.detail.problems[0].at).toContain('query')
    expect((await raw('x', 'text/plain')).status).toBe(400)
    expect((await raw(`{"query":"${'x'.repeat(2 << 20)}"}`)).body.error.code).toBe('TOO_LARGE')
    expect((await operator.call('GET', '/api/v1/incidents/1e99')).status).toBe(400)
    expect((await operator.call('GET', '/api/v1/incidents/%00')).status).toBe(400)
  })
})

describe('ingest', () => {
  const read = async (count: number) => {
    const records: ReturnType<typeof decodeRawRecord>[] = []
    const subscription = await server.bus.subscribe('raw', `test-${Math.random()}`, {
      onBatch: async (batch) => {
        records.push(...batch.records.map(decodeRawRecord))
      },
    })
    for (let wait = 0; wait < 1500 && records.length < count; wait++)
      await new Promise((resolve) => setTimeout(resolve, 20))
    await subscription.close()
    return records
  }

  test('lines, gzip, an idempotency key; answered once durable', async () => {
    const headers = { authorization: `Bearer ${await server.token(['ingest'])}` }
    const plain = await server.call('POST', '/api/v1/ingest/portal', { headers, body: 'one\ntwo\n' })
    expect(plain.body).toEqual({ accepted: 2, bytes: 8 })
    const zipped = {
      ...headers,
      'content-encoding': 'gzip',
      'content-type': 'application/x-ndjson',
      'idempotency-key': 'k1',
    }
    for (let attempt = 0; attempt < 2; attempt++) {
      const answer = await server.call('POST', '/api/v1/ingest/portal', {
        headers: zipped,
        body: gzipSync('{"a":1}\n'),
      })
      expect(answer.status).toBe(200)
    }
    const bodies = (await read(3)).map((record) => Buffer.from(record.body).toString())
    expect(bodies).toEqual(['one', 'two', '{"a":1}'])
  })

  test('a gzip bomb, damage and a missing permission are refused with codes', async () => {
    const headers = { authorization: `Bearer ${await server.token(['ingest'])}`, 'content-encoding': 'gzip' }
    const bomb = gzipSync(Buffer.alloc(64 << 20))
    expect((await server.call('POST', '/api/v1/ingest/x', { headers, body: bomb })).body.error.code).toBe('TOO_LARGE')
    expect((await server.call('POST', '/api/v1/ingest/x', { headers, body: 'no gzip' })).body.error.code).toBe(
      'BAD_REQUEST',
    )
    expect((await server.a.operator.call('POST', '/api/v1/ingest/x', 'x')).status).toBe(403)
    expect((await server.call('POST', '/api/v1/ingest/x', { body: 'x' })).status).toBe(401)
  })

  test('the bulk API as shippers speak it, with the three ways they name a token', async () => {
    const token = await server.token(['ingest'])
    const ways = [`Bearer ${token}`, `Basic ${btoa(`elastic:${token}`)}`, `ApiKey ${btoa(`id:${token}`)}`]
    for (const authorization of ways) {
      for (const prefix of ['', '/elastic']) {
        const hello = await server.call('GET', `${prefix}/`, { headers: { authorization } })
        expect(hello.headers.get('x-elastic-product')).toBe('Elasticsearch')
        expect(hello.body.version.number).toMatch(/^8\./)
        const body = '{"create":{"_index":"filebeat"}}\n{"message":"x"}\n{"delete":{"_index":"filebeat","_id":"1"}}\n'
        const answer = await server.call('POST', `${prefix}/_bulk`, {
          headers: { authorization, 'content-type': 'application/x-ndjson' },
          body,
        })
        expect(answer.body).toMatchObject({
          errors: true,
          items: [{ create: { status: 201 } }, { delete: { status: 400 } }],
        })
        const named = await server.call('POST', `${prefix}/logs/_bulk`, {
          headers: { authorization },
          body: '{"index":{}}\n{"message":"x"}\n',
        })
        expect(named.body).toMatchObject({ errors: false, items: [{ index: { _index: 'logs' } }] })
        for (const path of ['/_license', '/_cluster/health', '/_ilm/policy/filebeat']) {
          expect((await server.call('GET', prefix + path, { headers: { authorization } })).status).toBe(200)
        }
        expect(
          (await server.call('HEAD', `${prefix}/_index_template/filebeat`, { headers: { authorization } })).status,
        ).toBe(200)
      }
    }
    // Browsers send Basic by themselves: the API proper does not take it.
    expect((await server.call('GET', '/api/v1/users', { headers: { authorization: ways[1]! } })).status).toBe(401)
  })
})

describe('the live stream', () => {
  const listen = (headers: Record<string, string>) => {
    const frames: string[] = []
    const request = httpRequest(`${server.url}/api/v1/live`, { headers })
    const opened = new Promise<number>((resolve) =>
      request.on('response', (response) => {
        response.setEncoding('utf8').on('data', (text: string) => frames.push(text))
        resolve(response.statusCode ?? 0)
      }),
    )
    request.on('error', () => undefined).end()
    return { frames, opened, close: () => request.destroy(), text: () => frames.join('') }
  }
  const until = async (condition: () => boolean) => {
    for (let wait = 0; wait < 3000 && !condition(); wait++) await new Promise((resolve) => setTimeout(resolve, 10))
    expect(condition()).toBe(true)
  }
  const change = (id: string, unitPath: string) => ({
    noun: 'incident' as const,
    id,
    action: 'created',
    unitPath,
    atMs: Date.now(),
  })

  test('tells of what is mine to see, resumes where it stopped, and says when too much was missed', async () => {
    const operator = listen({ cookie: server.a.operator.cookie })
    const other = listen({ cookie: server.b.operator.cookie })
    const auditor = listen({ cookie: server.a.auditor.cookie })
    expect(await Promise.all([operator.opened, other.opened, auditor.opened])).toEqual([200, 200, 200])
    server.changes.send(change('11', server.a.path))
    server.changes.send(change('12', server.b.path))
    await until(() => operator.text().includes('"id":"11"') && other.text().includes('"id":"12"'))
    expect(operator.text()).not.toContain('"id":"12"')
    expect(other.text()).not.toContain('"id":"11"')
    expect(auditor.text()).not.toContain('"id":')
    const lastId = /id: (\S+)\nevent: change/.exec(operator.text())?.[1] ?? ''
    for (const stream of [operator, other, auditor]) stream.close()

    server.changes.send(change('13', `${server.a.path}99/`))
    const back = listen({ cookie: server.a.operator.cookie, 'last-event-id': lastId })
    await until(() => back.text().includes('event: ready'))
    expect(back.text()).toContain('"id":"13"')
    expect(back.text()).not.toContain('"id":"12"')
    back.close()
    const lost = listen({ cookie: server.a.operator.cookie, 'last-event-id': 'other-1' })
    await until(() => lost.text().includes('event: resync'))
    lost.close()
    expect(await listen({}).opened).toBe(401)
  })

  test('a client that does not read is dropped, the others hear everything', async () => {
    const slow = connect(new URL(server.url).port as unknown as number, '127.0.0.1')
    let ended = false
    slow.on('close', () => {
      ended = true
    })
    slow.on('error', () => undefined)
    slow.write(`GET /api/v1/live HTTP/1.1\r\nhost: x\r\ncookie: ${server.a.operator.cookie}\r\n\r\n`)
    await new Promise((resolve) => slow.once('readable', resolve))
    slow.pause()
    const good = listen({ cookie: server.a.operator.cookie })
    await good.opened
    const filler = 'x'.repeat(2000)
    let sent = 0
    while ((server.app.httpCounters().liveClients ?? 0) > 1 && sent < 50_000) {
      for (let burst = 0; burst < 50; burst++) server.changes.send(change(`${sent++}-${filler}`, server.a.path))
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    await until(() => good.text().includes(`"id":"${sent - 1}-`))
    slow.resume()
    await until(() => ended)
    good.close()
  })
})
