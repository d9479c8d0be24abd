import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import type { Event } from '../../server/src/event/event.ts'
import { systemClock } from '../../server/src/seams/clock/clock.ts'
import { type Events, openEvents } from '../../server/src/seams/events/open.ts'
import { type Answer, startTestServer, type TestServer } from '../harness/http-server.ts'
import { createLineMix } from './lines.ts'

export const name = 'search'

const total = Number(process.env.WATCHFIRE_BENCH_EVENTS ?? 10_000_000)
const blockRows = 50_000
/** A question is asked so often, or for so long when it is slow. */
const rounds = 20
const questionMs = 5_000
const needle = '账号zhangwei口令爆破告警，来源198.51.100.77，主机portal-needle'

const fields = ['source.ip', 'user.name', 'host.name', 'event.action', 'http.response.status_code']

/** What is asked through the API, over everything (`hours` undefined) or the last hours of it. */
const questions: { what: string; path?: string; query: string; hours?: number; more?: Record<string, unknown> }[] = [
  { what: 'newest 100', query: '' },
  { what: 'rare word', query: 'zhangwei' },
  { what: 'rare Chinese phrase', query: '口令爆破' },
  { what: 'common Chinese phrase', query: '动作=拒绝' },
  { what: 'two words', query: 'failed user7' },
  { what: 'a phrase of common words', query: '"failed password"' },
  { what: 'a word within a dotted name', query: 'detail' },
  { what: 'an address as free text', query: '198.51.100.77' },
  { what: 'a common inner address as free text', query: '10.0.0.1' },
  { what: 'a network', query: 'source.ip:198.51.100.0/24' },
  { what: 'a host name as free text', query: 'srv-7' },
  { what: 'two fields', query: 'event.outcome:success and user.name:user3' },
  { what: 'a field outside the core', query: 'kv.policy:7' },
  { what: 'part of a Chinese text', query: '*爆破告*' },
  { what: 'part of a Latin word', query: '*ortal-need*' },
  { what: 'histogram, last 24 h', path: '/histogram', query: '', hours: 24 },
  { what: 'histogram of a word, last 24 h', path: '/histogram', query: 'failed', hours: 24 },
  { what: 'histogram by outcome, last 24 h', path: '/histogram', query: '', hours: 24, more: { by: 'event.outcome' } },
  { what: 'facets of 5 fields, last 15 min', path: '/facets', query: '', hours: 0.25, more: { fields } },
  { what: 'facets of 5 fields, all', path: '/facets', query: '', more: { fields } },
  { what: 'facets of 5 fields, of a word', path: '/facets', query: 'user7', more: { fields } },
]

/**
 * Fills a store with the line mix, measures its size against `zstd -3` of the same lines and its memory, then asks
 * through the HTTP API. WATCHFIRE_BENCH_STORE names a folder whose store is kept, and asked again when it is full.
 */
export async function run(): Promise<Record<string, number | string>[]> {
  const kept = process.env.WATCHFIRE_BENCH_STORE
  const dataDir = kept ?? mkdtempSync(join(tmpdir(), 'watchfire-bench-search-'))
  const events = await openEvents(
    { events: 'embedded', dataDir, retentionDays: 190 },
    { logger: pino({ level: 'warn' }), clock: systemClock },
  )
  const server = await startTestServer({ events: events.query })
  try {
    const there = (await storeSize(events)).rows
    const rows = there >= total ? [] : await fill(events, dataDir)
    rows.push({ what: 'events', count: (await storeSize(events)).rows, load: round(loadavg()[0]!) })
    const newestMs = await newestTime(server)
    for (const question of questions) rows.push(await measure(server, question, newestMs))
    rows.push({ what: 'memory of the engine after the searches', MiB: memoryMiB(dataDir) })
    return rows
  } finally {
    await server.close()
    await events.close()
    if (kept === undefined) rmSync(dataDir, { recursive: true, force: true })
  }
}

async function newestTime(server: TestServer): Promise<number> {
  const { body } = await ask(server, '', { query: '', from: 0, to: 'now', limit: 1 })
  return Date.parse(body.items[0]['@timestamp'])
}

async function ask(server: TestServer, path: string, body: unknown): Promise<Answer> {
  const answer = await server.root.operator.call('POST', `/api/v1/search${path}`, body)
  if (answer.status !== 200) throw new Error(`the search was refused: ${answer.text}`)
  return answer
}

async function fill(events: Events, dataDir: string): Promise<Record<string, number | string>[]> {
  const mix = createLineMix(11, Date.now() - (total / 5_000) * 1000, 5_000)
  const archive = join(dataDir, 'lines.zst')
  const zstd = spawn('zstd', ['-3', '-q', '-f', '-o', archive], { stdio: ['pipe', 'ignore', 'ignore'] })
  const hasZstd = await Promise.race([once(zstd, 'spawn').then(() => true), once(zstd, 'error').then(() => false)])
  let lineBytes = 0
  let insertMs = 0
  let peakMiB = 0
  for (let done = 0; done < total; done += blockRows) {
    const block = mix.take(Math.min(blockRows, total - done))
    if (done === Math.floor(total / 2 / blockRows) * blockRows) block.push(...needles(block[0]!))
    const startedAt = performance.now()
    await events.insertBlock(block, `fill:${done}`)
    insertMs += performance.now() - startedAt
    peakMiB = Math.max(peakMiB, memoryMiB(dataDir))
    const lines = Buffer.concat(block.flatMap((event) => [event.raw, Buffer.from('\n')]))
    lineBytes += lines.length
    if (hasZstd && !zstd.stdin.write(lines)) await once(zstd.stdin, 'drain')
  }
  if (hasZstd) {
    zstd.stdin.end()
    await once(zstd, 'exit')
  }
  const partsAtOnce = await storeSize(events)
  // As the store looks once its merges have caught up.
  await untilMerged(events)
  const merged = await storeSize(events)
  const zstdBytes = hasZstd ? statSync(archive).size : 0
  rmSync(archive, { force: true })
  return [
    {
      what: 'inserted',
      count: total,
      rowsPerSecond: Math.round(total / (insertMs / 1000)),
      bytesPerLine: Math.round(lineBytes / total),
    },
    { what: 'parts after the last insert / when merged', count: `${partsAtOnce.parts} / ${merged.parts}` },
    {
      what: 'bytes on disk',
      bytesPerEvent: round(merged.bytes / total),
      ofThemIndexes: round(merged.indexBytes / total),
    },
    {
      what: 'zstd -3 of the lines',
      bytesPerEvent: hasZstd ? round(zstdBytes / total) : 'no zstd here',
      ratio: hasZstd ? round(merged.bytes / zstdBytes) : '',
    },
    { what: 'peak memory of the engine while inserting', MiB: peakMiB },
  ]
}

function needles(like: Event): Event[] {
  return Array.from({ length: 5 }, (_, index) => ({
    ...like,
    id: `needle-${index}`,
    raw: Buffer.from(`<34>${needle}`),
    fields: { message: needle, 'source.ip': '198.51.100.77', 'host.name': 'portal-needle' },
  }))
}

async function measure(
  server: TestServer,
  { what, path = '', query, hours, more }: (typeof questions)[number],
  newestMs: number,
): Promise<Record<string, number | string>> {
  const timesMs: number[] = []
  const to = newestMs + 1
  const from = hours === undefined ? 0 : to - hours * 3_600_000
  let matched = 0
  const beganAt = performance.now()
  while (timesMs.length < rounds && (timesMs.length < 3 || performance.now() - beganAt < questionMs)) {
    const startedAt = performance.now()
    const { body } = await ask(server, path, { query, from, to, ...more })
    timesMs.push(performance.now() - startedAt)
    matched = body.total
  }
  const first = timesMs[0]!
  timesMs.sort((a, b) => a - b)
  const at = (share: number) => round(timesMs[Math.ceil(share * timesMs.length) - 1]!)
  const times = timesMs.length
  return { what, matched, times, firstMs: round(first), p50Ms: at(0.5), p95Ms: at(0.95), load: round(loadavg()[0]!) }
}

async function storeSize(events: Events): Promise<Record<'rows' | 'bytes' | 'indexBytes' | 'parts', number>> {
  const answer = await events.query.query({
    query: `SELECT sum(rows) AS rows, sum(bytes_on_disk) AS bytes, sum(secondary_indices_compressed_bytes) AS indexBytes, count() AS parts
      FROM system.parts WHERE active AND database = 'watchfire'`,
    format: 'JSONEachRow',
  })
  const [row] = await answer.json<Record<'rows' | 'bytes' | 'indexBytes' | 'parts', string>>()
  return {
    rows: Number(row!.rows),
    bytes: Number(row!.bytes),
    indexBytes: Number(row!.indexBytes),
    parts: Number(row!.parts),
  }
}

async function untilMerged(events: Events): Promise<void> {
  let before = -1
  for (let same = 0; same < 10; ) {
    const { parts, bytes } = await storeSize(events)
    same = parts + bytes === before ? same + 1 : 0
    before = parts + bytes
    await systemClock.sleep(1_000)
  }
}

function memoryMiB(dataDir: string): number {
  const pid = readFileSync(join(dataDir, 'events/child.pid'), 'utf8').trim()
  return Math.round(Number(execFileSync('ps', ['-o', 'rss=', '-p', pid], { encoding: 'utf8' })) / 1024)
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
