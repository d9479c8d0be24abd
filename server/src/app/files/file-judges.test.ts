import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { systemClock } from '../../seams/clock/clock.ts'
import { conversation, pcap } from '../../traffic/captures-for-tests.ts'
import { captureRecords } from '../../traffic/read-capture.ts'
import { noEndpoints, type TrafficRecord } from '../../traffic/record.ts'
import type { CarvedFile } from '../../traffic/stream/files.ts'
import { capeJudge } from './cape.ts'
import { clamavJudge } from './clamav.ts'
import { type FileJudge, FileJudges } from './file-judges.ts'

const folder = mkdtempSync(join(tmpdir(), 'watchfire-judges-'))
afterAll(() => rmSync(folder, { recursive: true }))
const clamd = ['/usr/sbin/clamd', '/usr/local/sbin/clamd'].find(existsSync)
const bad = Buffer.from('A harmless file that the signature of this test is about: 5b7e0c21.')

const carved = (content: Buffer, facts: Partial<CarvedFile> = {}): CarvedFile => ({
  ...{
    content,
    endpoints: noEndpoints,
    timeUs: 1e15,
    protocol: 'http',
    sha256: content.toString('hex'),
    name: 'a.exe',
  },
  ...facts,
})

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

async function verdicts(judge: FileJudge, files: CarvedFile[]) {
  const records: TrafficRecord[] = []
  const trouble: string[] = []
  const judges = new FileJudges({
    judges: [judge],
    emit: (one) => records.push(one),
    onTrouble: (text) => trouble.push(text),
  })
  const inspect = judges.behind(undefined)
  for (const file of files) inspect(file)
  await judges.settled()
  return { fields: records.map(({ fields }) => fields), trouble, counters: judges.counters }
}

test.skipIf(!clamd)(
  'clamd itself finds what it has a signature of in a file over HTTP, and nothing in others',
  async () => {
    const database = join(folder, 'database')
    mkdirSync(database)
    writeFileSync(join(database, 'test.ndb'), `Watchfire.Test:0:*:${bad.subarray(0, 40).toString('hex')}\n`)
    const socket = join(folder, 'clamd.sock')
    const config = `LocalSocket ${socket}\nDatabaseDirectory ${database}\nForeground yes\nStreamMaxLength 1M\nUser ${process.getuid?.() === 0 ? 'root' : process.env.USER}\n`
    writeFileSync(join(folder, 'clamd.conf'), config)
    const child = spawn(clamd!, ['--config-file', join(folder, 'clamd.conf')], { stdio: 'ignore' })
    try {
      while (!(await answers(socket))) {
        if (child.exitCode !== null) throw new Error(`clamd ended with ${child.exitCode}`)
        await sleep(50)
      }
      const judge = clamavJudge(`unix:${socket}`)
      const answer = (body: Buffer): Buffer =>
        Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`), body])
      const large = Buffer.alloc(300_000, 'x')
      const frames = conversation([
        ['>', 'GET /bad HTTP/1.1\r\nHost: a\r\n\r\n'],
        ['<', answer(bad)],
        ['>', 'GET /good HTTP/1.1\r\nHost: a\r\n\r\n'],
        ['<', answer(Buffer.from('good'))],
      ])
      const records: TrafficRecord[] = []
      const judges = new FileJudges({
        judges: [judge],
        emit: (one) => records.push(one),
        onTrouble: (text) => expect.fail(text),
      })
      async function* bytes() {
        yield pcap(frames)
      }
      for await (const _ of captureRecords(bytes(), () => undefined, undefined, judges.behind(undefined)));
      await judges.settled()
      expect(judges.counters).toEqual({ judged: 2, found: 1, failed: 0, refused: 0 })
      expect(records[0]?.fields).toMatchObject({
        'traffic.file.judge': 'clamav',
        'traffic.file.verdict': 'malicious',
        'traffic.file.signature': expect.stringContaining('Watchfire.Test'),
      })
      expect(records[0]?.endpoints.fields).toMatchObject({ 'source.ip': '192.0.2.1' })
      const { counters } = await verdicts(judge, [carved(large), carved(Buffer.concat([large, bad]))])
      expect(counters).toMatchObject({ judged: 2, found: 1 })
      const tooLarge = await verdicts(judge, [carved(Buffer.alloc(3e6, 'y'))])
      expect(tooLarge.counters.failed).toBe(1)
    } finally {
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill()
      if (child.exitCode === null) await ended
    }
  },
)

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path })
    socket.once('error', () => resolve(false))
    socket.once('connect', () => socket.write('zPING\0'))
    socket.once('data', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

test('a scanner that hangs up, talks nonsense or is not there costs its verdict and is told', async () => {
  for (const answer of ['', 'nonsense\0', 'INSTREAM size limit exceeded. ERROR\0']) {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => socket.end(answer))
    })
    const port = await listen(server)
    const { counters, trouble } = await verdicts(clamavJudge(`tcp://127.0.0.1:${port}`), [
      carved(Buffer.alloc(500_000)),
    ])
    expect([counters.failed, trouble.length]).toEqual([1, 1])
    server.close()
  }
  const { counters } = await verdicts(clamavJudge('unix:/nowhere/clamd'), [carved(bad), carved(bad)])
  // The same file is judged once.
  expect(counters).toEqual({ judged: 0, found: 0, failed: 1, refused: 0 })
  expect(() => clamavJudge('somewhere')).toThrowError(/no address of clamd/)
})

test('a sandbox that speaks the REST API of CAPE is sent the file, waited for, and its report read', async () => {
  const seen: string[] = []
  let asked = 0
  const server = createHttpServer(async (request, response) => {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece as Buffer)
    seen.push(`${request.method} ${request.url} ${request.headers.authorization}`)
    const tell = (value: unknown) => response.end(JSON.stringify(value))
    if (request.url === '/apiv2/tasks/create/file/') {
      const body = Buffer.concat(pieces)
      expect(request.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/)
      expect(body.includes(bad) && body.includes('filename="a.exe"')).toBe(true)
      return tell({ error: false, data: { task_ids: [7] } })
    }
    if (request.url === '/apiv2/tasks/view/7/') return tell({ data: { status: ++asked < 3 ? 'running' : 'reported' } })
    tell({ malscore: 8.2, detections: [{ family: 'Harmless' }], signatures: [{ name: 'makes_a_file' }] })
  })
  const port = await listen(server)
  const options = { url: `http://127.0.0.1:${port}`, token: 'secret', clock: systemClock, pollMs: 1 }
  const file = carved(bad, { mimeType: 'application/vnd.microsoft.portable-executable' })
  const found = await verdicts(capeJudge({ ...options, allowPrivate: true }), [
    file,
    carved(bad, { mimeType: 'image/png' }),
  ])
  expect(found.trouble).toEqual([])
  expect(found.fields).toMatchObject([
    {
      ...{ 'traffic.file.judge': 'cape', 'traffic.file.verdict': 'malicious', 'traffic.file.score': 8.2 },
      ...{ 'traffic.file.signature': 'Harmless', 'traffic.file.behaviour': ['makes_a_file'] },
    },
  ])
  expect(asked).toBe(3)
  expect(seen.every((line) => line.endsWith('Token secret'))).toBe(true)
  // Inside it is reached only when that was said.
  const refused = await verdicts(capeJudge({ ...options, allowPrivate: false }), [file])
  expect(refused.trouble[0]).toContain('is not outside')
  server.close()
})
