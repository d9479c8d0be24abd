import { connect } from 'node:net'
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
 * rate: what was sent, stored and left waiting; milliseconds from sending a line to the alert on the live stream; CPU
 * and memory of each process; bytes on disk beside what `zstd -3` makes of the same lines.
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
  const stored = await waitUntilStored(platform, result.sent)
  // Two polls a second apart found it so.
  const drainSeconds = (Date.now() - startedAtMs) / 1_000 - result.seconds - 1
  const after = processTree(pid)
  await sleep(1_000)
  watcher.stop()
  const latencies = await probeLatencies(platform, sentProbes, watcher.seen)
  const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))]
  const row: Record<string, number | string> = {
    asked: rate,
    sent: result.sent,
    stored,
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
  row.generatorCpuSeconds = result.generatorCpuSeconds
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

/** Events in the store once nothing waits any more. Fewer than records: audit records of one serial are one event. */
async function waitUntilStored(platform: Platform, sent: number): Promise<number> {
  let last = -1
  for (let second = 0; second < drainLimitSeconds; second++) {
    const stored = await processCounter(platform, 'stored')
    const waiting = (await processCounter(platform, 'lag')) + (await processCounter(platform, 'open'))
    if (waiting === 0 && stored === last && stored > sent / 2) break
    last = stored
    await sleep(1_000)
  }
  return last
}

/** Milliseconds from sending to the live stream, ascending, of every probe whose detection was told. */
async function probeLatencies(
  platform: Platform,
  sent: Map<string, number>,
  seen: Map<string, number>,
): Promise<number[]> {
  const latencies: number[] = []
  for (let offset = 0; ; offset += 200) {
    const answer = await platform.request<{ items: { id: string | number }[] }>(
      'GET',
      `/api/v1/detections?limit=200&offset=${offset}`,
    )
    if (answer.status !== 200)
      throw new Error(`the detections were answered ${answer.status}: ${JSON.stringify(answer.body)}`)
    for (const detection of answer.body.items) {
      const user = /\bprobe\d+\b/.exec(JSON.stringify(detection))?.[0]
      const toldAtMs = seen.get(String(detection.id))
      const sentAtMs = user ? sent.get(user) : undefined
      if (sentAtMs !== undefined && toldAtMs !== undefined) latencies.push(toldAtMs - sentAtMs)
    }
    if (answer.body.items.length < 200) break
  }
  return latencies.sort((a, b) => a - b)
}
