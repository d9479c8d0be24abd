/** What a hostile or broken client may try: the server answers with a code or cuts the line, and goes on. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type ClientRequest, request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startTestServer, type TestServer } from '../harness/http-server.ts'

let server: TestServer
const folder = mkdtempSync(join(tmpdir(), 'watchfire-web-'))
const webFolder = join(folder, 'dist')

beforeAll(async () => {
  mkdirSync(join(webFolder, 'assets'), { recursive: true })
  writeFileSync(join(folder, 'secret.txt'), 'the secret beside the folder')
  writeFileSync(join(webFolder, 'index.html'), '<!doctype html><title>烽燧</title>')
  writeFileSync(join(webFolder, '.hidden'), 'a hidden file')
  writeFileSync(join(webFolder, 'assets', 'app-1a2b.js'), 'console.log(1)')
  server = await startTestServer({ webFolder })
})
afterAll(async () => {
  await server?.close()
  rmSync(folder, { recursive: true, force: true })
})
/** After every attack the server still answers. */
afterEach(async () => {
  expect((await server.call('GET', '/healthz')).status).toBe(200)
})

/** Sends bytes as they are and answers what came back until it was whole, the line was cut or `waitMs` passed in silence. */
function raw(bytes: string | Buffer, { waitMs = 15_000 } = {}): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    const end = () => {
      socket.destroy()
      resolve(text)
    }
    socket.setTimeout(waitMs, end)
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      const head = text.indexOf('\r\n\r\n') + 4
      const length = /^content-length: (\d+)/im.exec(text.slice(0, head))?.[1]
      if (length !== undefined && text.length - head >= Number(length)) end()
    })
    socket.on('close', end).on('error', end)
    socket.write(bytes)
  })
}

describe('the web client', () => {
  test('is given out for its own paths, its hashed files for a year, the rest not kept', async () => {
    for (const path of ['/', '/incidents/42?tab=story', '/%E4%BA%8B%E4%BB%B6']) {
      const page = await server.call('GET', path)
      expect([page.status, page.text.includes('烽燧'), page.headers.get('cache-control')]).toEqual([
        200,
        true,
        'no-cache',
      ])
    }
    const script = await server.call('GET', '/assets/app-1a2b.js')
    expect(script.headers.get('cache-control')).toContain('immutable')
    expect((await server.call('GET', '/assets/gone.js')).body.error.code).toBe('NOT_FOUND')
    expect((await server.call('POST', '/incidents')).status).toBe(404)
  })

  test('does not lead out of its folder', async () => {
    const paths = [
      '/../secret.txt',
      '/assets/../../secret.txt',
      '/..%2fsecret.txt',
      '/%2e%2e/secret.txt',
      '/..%5csecret.txt',
      '/assets/..%2f..%2fsecret.txt',
      '//secret.txt',
      '/.hidden',
      '/%00',
      '/assets/%00.js',
      '/%ff',
      '/..;/secret.txt',
      `/${'../'.repeat(40)}etc/passwd`,
    ]
    for (const path of paths) {
      const answer = await raw(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)
      expect([path, /^HTTP\/1\.1 (200|4\d\d)/.test(answer)]).toEqual([path, true])
      expect(answer).not.toMatch(/the secret beside|a hidden file|root:/)
    }
  })
})

describe('malformed requests', () => {
  test('are refused line by line', async () => {
    const requests = [
      'GET\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      'GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      'POST /api/v1/search HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n',
      `GET / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(100_000)}\r\n\r\n`,
      `GET /${'a'.repeat(100_000)} HTTP/1.1\r\nhost: x\r\n\r\n`,
      `GET / HTTP/1.1\r\nhost: x\r\n${Array.from({ length: 5000 }, (_, index) => `x${index}: 1\r\n`).join('')}\r\n`,
      '\u0016\u0003\u0001\u0002\u0000\u0001\u0000',
      Buffer.from([0, 255, 13, 10, 13, 10]),
    ]
    for (const request of requests) expect(await raw(request)).toMatch(/^(HTTP\/1\.1 (4\d\d|505)|$)/)
  })

  test('a path that cannot be decoded is refused with a code', async () => {
    for (const path of ['/%ff', '/api/v1/%', '/api/v1/ingest/%ff']) {
      const answer = await raw(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
      expect([path, answer.slice(9, 12), answer.includes('"code":"BAD_REQUEST"')]).toEqual([path, '400', true])
    }
  })

  test('cookies, hosts and tokens of any shape are nobody', async () => {
    const odd = [
      'watchfire_session=',
      `watchfire_session=wfs_${'a'.repeat(43)}`,
      `watchfire_session=${'x'.repeat(8000)}`,
      'watchfire_session=%00%ff; watchfire_session=2',
      '=;=;;',
      '__proto__=1',
    ]
    for (const cookie of odd)
      expect((await server.call('GET', '/api/v1/auth/me', { headers: { cookie } })).status).toBe(401)
    const schemes = [
      'Bearer',
      'Bearer ',
      `Bearer ${'x'.repeat(900)}`,
      'Basic !!!!',
      'Negotiate abc',
      'bearer\tx',
      'Bearer a b',
    ]
    for (const authorization of schemes) {
      expect((await server.call('GET', '/api/v1/users', { headers: { authorization } })).status).toBe(401)
      expect((await server.call('POST', '/_bulk', { headers: { authorization }, body: '{}' })).status).toBe(401)
    }
  })

  test('deep JSON, wrong types and reserved names end as 400', async () => {
    const { operator } = server.a
    const send = (body: string) =>
      operator.call('POST', '/api/v1/search/validate', body, { 'content-type': 'application/json' })
    const bodies = [
      '['.repeat(200_000),
      '{"a":'.repeat(100_000),
      'null',
      '[]',
      '"x"',
      '{"query":{"constructor":{"prototype":1}}}',
      '{"constructor":{"prototype":{"x":1}},"query":"x"}',
      '\ufeff{"query":"x"}',
      `{"query":"${'('.repeat(5000)}"}`,
    ]
    for (const body of bodies) expect([400, 200]).toContain((await send(body)).status)
    expect((await send('{"query":"((((((((a*b*c*d*e*f*g*h*"}')).body).toMatchObject({
      valid: false,
      problem: { position: expect.any(Number) },
    })
  })
})

describe('resources', () => {
  test('an upload whose body never comes holds no more than its own line', async () => {
    const token = await server.token(['ingest'])
    const stuck: ClientRequest[] = []
    for (let index = 0; index < 20; index++) {
      const request = httpRequest(`${server.url}/api/v1/ingest/slow`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-length': '1000' },
      })
      request.on('error', () => undefined)
      request.write('x')
      stuck.push(request)
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
    const headers = { authorization: `Bearer ${token}` }
    expect((await server.call('POST', '/api/v1/ingest/quick', { headers, body: 'record\n' })).body.accepted).toBe(1)
    for (const request of stuck) request.destroy()
  })

  test('announced bodies beyond the bound of memory are told to come again, and the room is given back', async () => {
    const token = await server.token(['ingest'])
    const size = 30 << 20
    const open: ClientRequest[] = []
    const statuses: number[] = []
    for (let index = 0; index < 12; index++) {
      const request = httpRequest(`${server.url}/api/v1/ingest/large`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-length': String(size) },
      })
      request.on('error', () => undefined)
      request.on('response', (response) => statuses.push(response.statusCode ?? 0))
      request.write('x')
      open.push(request)
    }
    await expect.poll(() => statuses.length, { timeout: 30_000 }).toBeGreaterThanOrEqual(4)
    expect(new Set(statuses)).toEqual(new Set([429]))
    for (const request of open) request.destroy()
    const headers = { authorization: `Bearer ${token}` }
    await expect
      .poll(
        async () => (await server.call('POST', '/api/v1/ingest/large', { headers, body: 'x'.repeat(1 << 20) })).status,
        { timeout: 30_000 },
      )
      .toBe(200)
    const announced = await raw(
      `POST /api/v1/ingest/x HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\ncontent-length: 99999999999\r\n\r\n`,
    )
    expect(announced).toMatch(/^HTTP\/1\.1 413/)
  })

  test('a thousand live clients hear a change, one actor cannot take all places', async () => {
    const tokens = await Promise.all(Array.from({ length: 20 }, () => server.token(['incident:read'])))
    const streams: ClientRequest[] = []
    const heard = new Set<number>()
    const opened = await Promise.all(
      Array.from({ length: 1000 }, (_, index) => {
        const request = httpRequest(`${server.url}/api/v1/live`, {
          headers: { authorization: `Bearer ${tokens[index % 20]}` },
        })
        streams.push(request)
        return new Promise<number>((resolve) => {
          request.on('response', (response) => {
            response.setEncoding('utf8').on('data', (text: string) => {
              if (text.includes('"id":"for-all"')) heard.add(index)
            })
            response.on('error', () => undefined)
            resolve(response.statusCode ?? 0)
          })
          request.on('error', () => resolve(0)).end()
        })
      }),
    )
    expect(new Set(opened)).toEqual(new Set([200]))
    const one = await server.call('GET', '/api/v1/live', { headers: { authorization: `Bearer ${tokens[0]}` } })
    expect(one.body.error.code).toBe('RATE_LIMITED')
    server.changes.send({ noun: 'incident', id: 'for-all', action: 'created', unitPath: '/1/2/', atMs: Date.now() })
    await expect.poll(() => heard.size, { timeout: 60_000 }).toBe(1000)
    for (const stream of streams) stream.destroy()
    await expect.poll(() => server.app.httpCounters().liveClients, { timeout: 60_000 }).toBe(0)
  })

  test('without the event store the rest goes on, and what needs it says so', async () => {
    const answer = await server.call('GET', '/readyz')
    expect(answer.status).toBe(503)
    expect(answer.body.parts).toMatchObject({ state: true, events: false })
    const { operator } = server.a
    expect((await operator.call('GET', '/api/v1/incidents')).status).toBe(200)
    const search = await operator.call('POST', '/api/v1/search', { query: '' })
    expect([search.status, search.body.error.code]).toEqual([503, 'EVENTS_UNAVAILABLE'])
    expect(Number(search.headers.get('retry-after'))).toBeGreaterThan(0)
    const overview = await operator.call('GET', '/api/v1/overview')
    expect(overview.body).toMatchObject({ events: null, missing: ['events'], incidents: { open: 0 } })
  })
})

test('what is no request to any route is answered with a code too, and the line is closed', async () => {
  const cases: [string, number, string][] = [
    [`GET /?${'a'.repeat(20_000)} HTTP/1.1\r\nhost: x\r\n\r\n`, 413, 'TOO_LARGE'],
    [`GET / HTTP/1.1\r\nhost: x\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`, 413, 'TOO_LARGE'],
    ['GET / HTTP/9.9\r\n\r\n', 400, 'BAD_REQUEST'],
    ['\u0000\u0001\u0002 nonsense\r\n\r\n', 400, 'BAD_REQUEST'],
    ['GET / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n', 400, 'BAD_REQUEST'],
  ]
  for (const [bytes, status, code] of cases) {
    const answer = await raw(bytes)
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4)).error).toMatchObject({
      code,
      hint: expect.any(String),
    })
  }
})
