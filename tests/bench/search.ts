import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import type { Event } from '../../server/src/event/event.ts'
import { systemClock } from '../../server/src/seams/clock/clock.ts'
import { type Events, openEvents, visibleTo } from '../../server/src/seams/events/open.ts'
import { createLineMix } from './lines.ts'

export const name = 'search'

const total = Number(process.env.WATCHFIRE_BENCH_EVENTS ?? 10_000_000)
const blockRows = 50_000
const rounds = 9
const needle = '账号zhangwei口令爆破告警，来源198.51.100.77，主机portal-needle'

const newest = 'ORDER BY timestamp DESC, event_id DESC LIMIT 100'
const words = (text: string) => `hasAllTokens(lower(message), tokens('${text}', 'asciiCJK'))`
const phrase = (text: string) => `${words(text)} AND lower(message) LIKE '%${text}%'`

const queries: [what: string, sql: string][] = [
  ['rare word, newest 100', `SELECT event_id, message FROM watchfire.events WHERE ${phrase('zhangwei')} ${newest}`],
  [
    'rare Chinese phrase, newest 100',
    `SELECT event_id, message FROM watchfire.events WHERE ${phrase('口令爆破')} ${newest}`,
  ],
  [
    'common Chinese phrase, newest 100',
    `SELECT event_id, message FROM watchfire.events WHERE ${phrase('动作=拒绝')} ${newest}`,
  ],
  [
    'two common words, newest 100',
    `SELECT event_id, message FROM watchfire.events WHERE ${words('failed')} AND ${words('user7')} ${newest}`,
  ],
  [
    'part of a word (LIKE), newest 100',
    `SELECT event_id FROM watchfire.events WHERE lower(message) LIKE '%tal-need%' ${newest}`,
  ],
  [
    'Chinese part (LIKE), newest 100',
    `SELECT event_id FROM watchfire.events WHERE lower(message) LIKE '%爆破告%' ${newest}`,
  ],
  ['regular expression, count', `SELECT count() FROM watchfire.events WHERE match(message, '(?-s)user[0-9]+x+ from')`],
  [
    'rare source address, newest 100',
    `SELECT event_id FROM watchfire.events WHERE source_ip = toIPv6('198.51.100.77') ${newest}`,
  ],
  ['one event by id', `SELECT event_original FROM watchfire.events WHERE event_id = '0-4242-0'`],
  ['newest 100', `SELECT event_id, message FROM watchfire.events ${newest}`],
  [
    'field value, newest 100',
    `SELECT event_id FROM watchfire.events WHERE event_outcome = 'success' AND user_name = 'user3' ${newest}`,
  ],
  ['field outside the core, count', `SELECT count() FROM watchfire.events WHERE extra['kv.policy'] = '"7"'`],
  [
    'histogram over all',
    'SELECT toStartOfInterval(timestamp, INTERVAL 1 MINUTE) AS at, count() FROM watchfire.events GROUP BY at ORDER BY at',
  ],
  [
    'histogram of a word',
    `SELECT toStartOfInterval(timestamp, INTERVAL 1 MINUTE) AS at, count() FROM watchfire.events WHERE ${words('failed')} GROUP BY at ORDER BY at`,
  ],
  [
    'top 10 source addresses',
    'SELECT source_ip, count() AS n FROM watchfire.events GROUP BY source_ip ORDER BY n DESC LIMIT 10',
  ],
  ['count and group by outcome', 'SELECT event_module, event_outcome, count() FROM watchfire.events GROUP BY 1, 2'],
]

/** Fills a store with the line mix, then measures size against `zstd -3` of the same lines, memory, and searches. */
export async function run(): Promise<Record<string, number | string>[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'watchfire-bench-search-'))
  const events = await openEvents(
    { events: 'embedded', dataDir, retentionDays: 190 },
    { logger: pino({ level: 'warn' }), clock: systemClock },
  )
  try {
    const rows = [...(await fill(events, dataDir))]
    for (const [what, sql] of queries) rows.push(await measure(events, what, sql))
    rows.push({ what: 'memory of the engine after the searches', MiB: memoryMiB(dataDir) })
    return rows
  } finally {
    await events.close()
    rmSync(dataDir, { recursive: true, force: true })
  }
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
      what: 'events',
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

async function measure(events: Events, what: string, sql: string): Promise<Record<string, number | string>> {
  const timesMs: number[] = []
  let found = 0
  for (let round = 0; round < rounds; round++) {
    const startedAt = performance.now()
    const answer = await events.query.query({
      query: sql,
      format: 'JSONEachRow',
      clickhouse_settings: visibleTo('/1/'),
    })
    found = (await answer.json()).length
    timesMs.push(performance.now() - startedAt)
  }
  const first = timesMs[0]!
  timesMs.sort((a, b) => a - b)
  return {
    what,
    rows: found,
    firstMs: round(first),
    medianMs: round(timesMs[rounds >> 1]!),
    slowestMs: round(timesMs.at(-1)!),
  }
}

async function storeSize(events: Events): Promise<{ bytes: number; indexBytes: number; parts: number }> {
  const answer = await events.query.query({
    query: `SELECT sum(bytes_on_disk) AS bytes, sum(secondary_indices_compressed_bytes) AS indexBytes, count() AS parts
      FROM system.parts WHERE active AND database = 'watchfire'`,
    format: 'JSONEachRow',
  })
  const [row] = await answer.json<Record<'bytes' | 'indexBytes' | 'parts', string>>()
  return { bytes: Number(row!.bytes), indexBytes: Number(row!.indexBytes), parts: Number(row!.parts) }
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
