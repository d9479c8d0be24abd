import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Platform, startPlatform } from '../harness/platform.ts'
import { LinePool, ordinaryRecords } from './load-lines.ts'
import type { BenchOptions } from './main.ts'
import { folderBytes, processTree, runLoad, useSince, zstdBytes } from './whole-processes.ts'

export const name = 'whole'

const drainLimitSeconds = 180
const probeEveryMs = 250

/**
 * The whole path on the built program: syslog TCP and HTTP in, rules, event store, alert in a connected client. For each
 * rate: what was sent, stored, joined with another record and missing in the end; milliseconds from sending a line to
 * the alert on the live stream; CPU of each process and thread, and memory; bytes on disk beside what `zstd -3` makes of
 * the same lines. What the stages cost by themselves is the benchmark `stages`.
 */
export async function run({
  seconds = 20,
  rates = [2_000, 10_000, 30_000],
}: BenchOptions): Promise<Record<string, number | string>[]> {
  const rows: Record<string, number | string>[] = []
  for (const rate of rates) {
    // A fresh platform each time: no rate inherits the merges and the backlog of the one before.
    const platform = await startPlatform()
    try {
      rows.push(await measure(platform, rate, seconds))
    } finally {
      await platform.stop()
      platform.remove()
    }
  }
  return rows
}

async function measure(platform: Platform, rate: number, seconds: number): Promise<Record<string, number | string>> {
  const watcher = await watchDetections(platform)
  const pid = platform.process.pid!
  const diskBefore = diskUse(platform)
  const before = processTree(pid)
  const threadsBefore = await threadCpuMs(platform)
  const startedAtMs = Date.now()
  const load = runLoad([
    ...['--syslog-port', String(platform.syslogPort), '--http-url', platform.url, '--token', platform.token],
    ...['--rate', String(rate), '--seconds', String(seconds)],
  ])
  const probing = new AbortController()
  const probes = sendProbes(platform, probing.signal)
  const result = await load.result
  probing.abort()
  const sentProbes = await probes
  const lagAtEnd = await processCounter(platform, 'lag')
  const { stored, joined } = await waitUntilStored(platform, result.sent + sentProbes.size)
  const drainSeconds = (Date.now() - startedAtMs) / 1_000 - result.seconds
  const after = processTree(pid)
  const threadsAfter = await threadCpuMs(platform)
  await sleep(1_000)
  watcher.stop()
  const latencies = await probeLatencies(platform, sentProbes, watcher.seen)
  const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))]
  const row: Record<string, number | string> = {
    asked: rate,
    sent: result.sent + sentProbes.size,
    stored,
    joined,
    missing: result.sent + sentProbes.size - stored - joined,
    refused: result.refused,
    perSecond: result.ratePerSecond,
    lagAtEnd,
    drainSeconds: Number(Math.max(0, drainSeconds).toFixed(1)),
    probes: sentProbes.size,
    alerts: latencies.length,
    alertP50Ms: at(0.5) ?? 'none',
    alertP99Ms: at(0.99) ?? 'none',
  }
  for (const [process, use] of Object.entries(useSince(before, after))) {
    row[`${process}CpuUsPerEvent`] = Number(((use.cpuSeconds * 1e6) / Math.max(1, stored)).toFixed(1))
    row[`${process}MiB`] = use.residentMiB
  }
  for (const [thread, ms] of Object.entries(threadsAfter))
    row[`${thread}UsPerEvent`] = Number(
      (((ms - (threadsBefore[thread] ?? 0)) * 1_000) / Math.max(1, stored)).toFixed(1),
    )
  row.partsToMerge = partsToMerge(join(platform.dataDir, 'events'))
  row.generatorCpuSeconds = result.generatorCpuSeconds
  row.load = Number((loadavg()[0] ?? 0).toFixed(1))
  const diskAfter = diskUse(platform)
  for (const [folder, bytes] of Object.entries(diskAfter)) {
    row[`${folder}DiskBytesPerEvent`] = Math.round((bytes - (diskBefore[folder] ?? 0)) / Math.max(1, stored))
  }
  row.rawBytesPerEvent = Math.round(result.bytes / Math.max(1, result.sent))
  row.zstdBytesPerEvent = zstdBytesPerLine()
  row.mix = result.mix
  return row
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Lines that fire a rule of ours (a root shell by sudo), each with a user of its own, over one connection. */
async function sendProbes(platform: Platform, signal: AbortSignal): Promise<Map<string, number>> {
  const sent = new Map<string, number>()
  const socket = connect(platform.syslogPort, '127.0.0.1')
  socket.setNoDelay(true)
  for (let number = 1; !signal.aborted; number++) {
    const user = `probe${number}`
    const now = new Date()
    const stamp = `${months[now.getUTCMonth()]} ${String(now.getUTCDate()).padStart(2)} ${now.toISOString().slice(11, 19)}`
    const line = `<86>${stamp} probe-${number} sudo[4242]:     ${user} : TTY=pts/0 ; PWD=/home/${user} ; USER=root ; COMMAND=/bin/bash`
    sent.set(user, Date.now())
    // Octet-counted, so that no line waits for the next one.
    socket.write(`${Buffer.byteLength(line)} ${line}`)
    await sleep(probeEveryMs)
  }
  socket.end()
  return sent
}

/** When the live stream first told of each detection, by id. */
async function watchDetections(platform: Platform) {
  const seen = new Map<string, number>()
  const stop = new AbortController()
  const response = await fetch(`${platform.url}/api/v1/live`, {
    headers: { authorization: `Bearer ${platform.token}`, accept: 'text/event-stream' },
    signal: stop.signal,
  })
  if (!response.ok || !response.body) throw new Error(`the live stream answered ${response.status}`)
  const body = response.body
  const reading = (async () => {
    let text = ''
    for await (const chunk of body) {
      const now = Date.now()
      text += Buffer.from(chunk).toString()
      const frames = text.split('\n\n')
      text = frames.pop() ?? ''
      for (const frame of frames) {
        const data = /^data: ?(.*)$/m.exec(frame)?.[1]
        const change = data ? (JSON.parse(data) as { noun?: string; id?: string | number }) : {}
        if (change.noun === 'detection' && change.id !== undefined && !seen.has(String(change.id)))
          seen.set(String(change.id), now)
      }
    }
  })().catch((error: unknown) => {
    if (!stop.signal.aborted) throw error
  })
  return {
    seen,
    stop() {
      stop.abort()
      void reading
    },
  }
}

/** Bytes on disk of the event store, the bus (which keeps what it has for a while) and the state store. */
function diskUse(platform: Platform): Record<string, number> {
  const folders = ['events', 'bus', 'state']
  return Object.fromEntries(folders.map((folder) => [folder, folderBytes(join(platform.dataDir, folder))]))
}

/** What `zstd -3` needs for a line of the same mix: 100,000 lines, no two batches alike, two thousand a second. */
function zstdBytesPerLine(): number | string {
  const nowMs = Math.floor(Date.now() / 1_000) * 1_000
  const batches = Array.from({ length: 50 }, (_, index) => {
    const lines = ordinaryRecords(100 + index, 2_000).records.map(({ text }) => text)
    return new LinePool(lines).render(nowMs + index * 1_000).bytes
  })
  const compressed = zstdBytes(Buffer.concat(batches))
  return compressed === undefined ? 'no zstd' : Math.round(compressed / 100_000)
}

/** Sum over the process threads of one of their counters, from /metrics. */
async function processCounter(platform: Platform, counter: string): Promise<number> {
  const { status, body } = await platform.request<string>('GET', '/metrics')
  if (status !== 200) throw new Error(`/metrics answered ${status}`)
  const pattern = new RegExp(`^watchfire_thread_counter\\{thread="process-\\d+",counter="${counter}"\\} (\\S+)`, 'gm')
  return [...body.matchAll(pattern)].reduce((sum, [, value]) => sum + Number(value), 0)
}

/**
 * Events in the store, and records that were joined with another one, once these are all that were sent: then nothing is
 * missing. Or when nothing waits any more, or the time is over, and something is.
 */
async function waitUntilStored(platform: Platform, sent: number): Promise<{ stored: number; joined: number }> {
  let idlePolls = 0
  for (let second = 0; ; second++) {
    const stored = await processCounter(platform, 'stored')
    const joined = await processCounter(platform, 'joined')
    const waiting = (await processCounter(platform, 'lag')) + (await processCounter(platform, 'open'))
    // Counters are told once a second, each thread in its own time.
    idlePolls = waiting === 0 ? idlePolls + 1 : 0
    if (stored + joined >= sent || idlePolls > 5 || second >= drainLimitSeconds) return { stored, joined }
    await sleep(1_000)
  }
}

/** Milliseconds on a processor: main thread, each worker, and the rest of the process (garbage collector, compiler, disk). */
async function threadCpuMs(platform: Platform): Promise<Record<string, number>> {
  const { body } = await platform.request<string>('GET', '/metrics')
  const found: Record<string, number> = {}
  for (const [, thread, value] of body.matchAll(
    /^watchfire_thread_counter\{thread="([^"]+)",counter="cpuMs"\} (\S+)/gm,
  ))
    found[thread!] = Number(value)
  const pid = platform.process.pid!
  const own = (path: string) => Number(readFileSync(path, 'utf8').split(' ', 1)[0]) / 1e6
  const main = own(`/proc/${pid}/task/${pid}/schedstat`)
  const all = readdirSync(`/proc/${pid}/task`).reduce(
    (sum, task) => sum + own(`/proc/${pid}/task/${task}/schedstat`),
    0,
  )
  const workers = Object.values(found).reduce((sum, ms) => sum + ms, 0)
  return { main, ...found, helpers: all - main - workers }
}

/** Parts of the event store that no larger part has taken in yet, by their names `partition_first_last_level`. */
function partsToMerge(folder: string): number {
  const parts = readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap((path) => {
    const name = /(?:^|\/)([\d-]+)_(\d+)_(\d+)_(\d+)$/.exec(path)
    return name ? [{ partition: name[1]!, first: Number(name[2]), last: Number(name[3]), level: Number(name[4]) }] : []
  })
  return parts.filter(
    (part) =>
      part.level === 0 &&
      !parts.some(
        (other) =>
          other.level > 0 && other.partition === part.partition && other.first <= part.first && other.last >= part.last,
      ),
  ).length
}

/** Milliseconds from sending to the live stream, ascending, of every probe whose detection was told. */
async function probeLatencies(
  platform: Platform,
  sent: Map<string, number>,
  seen: Map<string, number>,
): Promise<number[]> {
  const latencies: number[] = []
  for (let after: string | null = ''; after !== null; ) {
    const answer: { status: number; body: { items: { id: string }[]; next: string | null } } = await platform.request(
      'GET',
      `/api/v1/detections?limit=200${after && `&after=${encodeURIComponent(after)}`}`,
    )
    if (answer.status !== 200)
      throw new Error(`the detections were answered ${answer.status}: ${JSON.stringify(answer.body)}`)
    for (const detection of answer.body.items) {
      const user = /\bprobe\d+\b/.exec(JSON.stringify(detection))?.[0]
      const toldAtMs = seen.get(detection.id)
      const sentAtMs = user ? sent.get(user) : undefined
      if (sentAtMs !== undefined && toldAtMs !== undefined) latencies.push(toldAtMs - sentAtMs)
    }
    after = answer.body.next
  }
  return latencies.sort((a, b) => a - b)
}
