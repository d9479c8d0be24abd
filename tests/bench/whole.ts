import { connect } from 'node:net'
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
  const diskBefore = folderBytes(platform.dataDir)
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
  const stored = await waitUntilStored(platform, startedAtMs, result.sent + sentProbes.size)
  const drainSeconds = (Date.now() - startedAtMs) / 1_000 - result.seconds
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
  row.diskBytesPerEvent = Math.round((folderBytes(platform.dataDir) - diskBefore) / Math.max(1, stored))
  row.rawBytesPerEvent = Math.round(result.bytes / Math.max(1, result.sent))
  const sample = new LinePool(ordinaryRecords(2, 100_000).records.map(({ text }) => text)).render(Date.now())
  const compressed = zstdBytes(sample.bytes)
  row.zstdBytesPerEvent = compressed === undefined ? 'no zstd' : Math.round(compressed / sample.ends.length)
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

async function waitUntilStored(platform: Platform, sinceMs: number, expected: number): Promise<number> {
  const query = {
    query: '',
    from: new Date(sinceMs - 60_000).toISOString(),
    to: new Date(Date.now() + 600_000).toISOString(),
    limit: 1,
  }
  let total = 0
  for (let second = 0; second < drainLimitSeconds; second++) {
    const answer = await platform.request<{ total: number }>('POST', '/api/v1/search', query)
    if (answer.status !== 200) throw new Error(`search answered ${answer.status}: ${JSON.stringify(answer.body)}`)
    total = answer.body.total
    if (total >= expected) break
    await sleep(1_000)
  }
  return total
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
