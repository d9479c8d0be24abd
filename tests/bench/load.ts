// A bounded load generator in a process of its own, so that its CPU is told apart:
// `tsx tests/bench/load.ts --syslog-port N --rate N --seconds N [--http-url U --token T] [--connections N] [--seed N]`.
// Without --http-url everything goes over syslog TCP lines; with it, what comes as JSON goes over HTTP ingest in the
// proportion of the mix. Prints one JSON line at the end.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { parseArgs } from 'node:util'
import { LinePool, ordinaryRecords } from './load-lines.ts'

const { values } = parseArgs({
  options: {
    'syslog-host': { type: 'string', default: '127.0.0.1' },
    'syslog-port': { type: 'string' },
    'http-url': { type: 'string' },
    token: { type: 'string' },
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '10' },
    connections: { type: 'string', default: '4' },
    seed: { type: 'string', default: '1' },
  },
})
const rate = Number(values.rate)
const seconds = Number(values.seconds)
const ticksPerSecond = 50
const poolLines = Math.min(20_000, Math.max(1_000, rate))

const { records, mix } = ordinaryRecords(Number(values.seed), poolLines)
const overHttp = values['http-url'] ? records.filter(({ way }) => way === 'http' || way === 'bulk') : []
const overSyslog = records.filter(({ way }) => way.startsWith('syslog'))
const syslogShare = overSyslog.length / (overSyslog.length + overHttp.length)

const counts = { sent: 0, bytes: 0, refused: 0, blockedTicks: 0, reconnects: 0 }
const startedAtMs = Date.now()
const streams: Promise<void>[] = [syslogStream(rate * syslogShare)]
if (overHttp.length > 0) streams.push(httpStream(rate * (1 - syslogShare)))
await Promise.all(streams)
const elapsed = (Date.now() - startedAtMs) / 1_000
const cpu = process.cpuUsage()
console.log(
  JSON.stringify({
    ...counts,
    seconds: elapsed,
    ratePerSecond: Math.round(counts.sent / elapsed),
    generatorCpuSeconds: Number(((cpu.user + cpu.system) / 1e6).toFixed(2)),
    bytesPerLine: Math.round(counts.bytes / Math.max(1, counts.sent)),
    mix: values['http-url'] ? mix : 'syslog sources of the mix only',
  }),
)

/** Calls `send` with the next lines, `ticksPerSecond` times a second, until the time is over. */
async function paced(
  pool: LinePool,
  perSecond: number,
  send: (bytes: Buffer, lines: number) => Promise<void>,
): Promise<void> {
  let renderedSecond = 0
  let rendered = pool.render(Date.now())
  let next = 0
  let due = 0
  for (let tick = 0; tick < seconds * ticksPerSecond; tick++) {
    const waitMs = startedAtMs + (tick * 1_000) / ticksPerSecond - Date.now()
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs))
    const second = Math.floor(Date.now() / 1_000)
    if (second !== renderedSecond) {
      rendered = pool.render(second * 1_000)
      renderedSecond = second
    }
    due += perSecond / ticksPerSecond
    let lines = Math.floor(due)
    due -= lines
    while (lines > 0) {
      const take = Math.min(lines, pool.count - next)
      const from = next === 0 ? 0 : rendered.ends[next - 1]!
      await send(rendered.bytes.subarray(from, rendered.ends[next + take - 1]), take)
      lines -= take
      next = (next + take) % pool.count
    }
  }
}

async function syslogStream(perSecond: number): Promise<void> {
  const sockets: (Socket | undefined)[] = []
  for (let index = 0; index < Number(values.connections); index++) sockets.push(await connected())
  let turn = 0
  await paced(new LinePool(overSyslog.map(({ text }) => text)), perSecond, async (bytes, lines) => {
    const place = turn++ % sockets.length
    let socket = sockets[place]
    if (!socket || socket.destroyed) {
      socket = await connected()
      sockets[place] = socket
      if (!socket) return
      counts.reconnects++
    }
    counts.sent += lines
    counts.bytes += bytes.length
    if (!socket.write(bytes)) {
      counts.blockedTicks++
      await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => undefined)
    }
  })
  await Promise.all(
    sockets.map(async (socket) => {
      if (!socket || socket.destroyed) return
      socket.end()
      await once(socket, 'close')
    }),
  )
}

/** A connection, tried for again while nobody listens; undefined when the time is over. */
async function connected(): Promise<Socket | undefined> {
  while (Date.now() < startedAtMs + seconds * 1_000) {
    const socket = connect(Number(values['syslog-port']), values['syslog-host'])
    // Whoever wrote to it sees that it is destroyed; `once` below rejects by this error.
    socket.on('error', () => undefined)
    socket.resume()
    try {
      await once(socket, 'connect')
      return socket
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
  return undefined
}

async function httpStream(perSecond: number): Promise<void> {
  const url = `${values['http-url']}/api/v1/ingest/load`
  const headers = { authorization: `Bearer ${values.token}`, 'content-type': 'application/x-ndjson' }
  await paced(new LinePool(overHttp.map(({ text }) => text)), perSecond, async (bytes, lines) => {
    const response = await fetch(url, { method: 'POST', body: new Uint8Array(bytes), headers }).catch(() => undefined)
    await response?.arrayBuffer().catch(() => undefined)
    if (response?.ok) {
      counts.sent += lines
      counts.bytes += bytes.length
    } else {
      counts.refused += lines
    }
  })
}
