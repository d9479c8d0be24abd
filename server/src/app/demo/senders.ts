import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { connect, type Socket } from 'node:net'
import type { Clock } from '../../seams/clock/clock.ts'
import type { DemoRecord } from './lines.ts'

/** The demo is a sender like any other: it knows addresses and a token, and keeps on trying. */
export interface DemoInputs {
  syslogHost: string
  syslogPort: number
  /** Base address of the API, without a trailing slash. */
  httpUrl: string
  token: string
  clock: Clock
  signal: AbortSignal
}

const retryMinMs = 250
const retryMaxMs = 10_000

/** Sends one HTTP request until it is answered; waits as Retry-After says. Resolves with the status of the answer. */
async function sendHttp(
  inputs: DemoInputs,
  path: string,
  body: string,
  headers: Record<string, string>,
): Promise<Response> {
  for (let pauseMs = retryMinMs; ; pauseMs = Math.min(2 * pauseMs, retryMaxMs)) {
    const response = await fetch(`${inputs.httpUrl}${path}`, {
      method: 'POST',
      body,
      headers: { authorization: `Bearer ${inputs.token}`, ...headers },
      signal: inputs.signal,
    }).catch((error: unknown) => {
      inputs.signal.throwIfAborted()
      // The platform is restarting: as any shipper, try again.
      if (error instanceof TypeError) return undefined
      throw error
    })
    if (response && response.status !== 429 && response.status !== 503) return response
    const asked = Number(response?.headers.get('retry-after') ?? 0) * 1_000
    await inputs.clock.sleep(Math.max(pauseMs, asked), inputs.signal)
  }
}

/** Raw lines or NDJSON of one source; with a key a resend is harmless. */
export async function sendLines(inputs: DemoInputs, source: string, texts: string[], key?: string): Promise<boolean> {
  const isJson = texts[0]?.startsWith('{')
  const headers = {
    'content-type': isJson ? 'application/x-ndjson' : 'text/plain',
    ...(key ? { 'idempotency-key': key } : {}),
  }
  const response = await sendHttp(inputs, `/api/v1/ingest/${source}`, `${texts.join('\n')}\n`, headers)
  await response.arrayBuffer()
  return response.ok
}

/** As Winlogbeat does it: one create action a document. With ids a resend of the same documents is harmless. */
export async function sendBulk(inputs: DemoInputs, records: DemoRecord[], idPrefix?: string): Promise<boolean> {
  const lines = records.map(({ source, text }, index) => {
    const action = { _index: source, ...(idPrefix ? { _id: `${idPrefix}-${index}` } : {}) }
    return `${JSON.stringify({ create: action })}\n${text}\n`
  })
  const response = await sendHttp(inputs, '/_bulk', lines.join(''), { 'content-type': 'application/x-ndjson' })
  await response.arrayBuffer()
  return response.ok
}

/**
 * Loopback addresses of the pretended devices, so that each stands in the list of sources by itself. Linux answers on
 * all of 127.0.0.0/8; elsewhere they all send from 127.0.0.1.
 */
const deviceAddresses: Partial<Record<string, string>> = {
  'border-firewall': '127.0.1.1',
  'linux-hosts': '127.0.3.21',
  'portal-web': '127.0.3.11',
}

/** Plays records the moment they happen, each through its own input. */
export class LiveSender {
  private udp: UdpSocket
  private readonly connections = new Map<string, Socket>()
  private readonly inputs: DemoInputs

  constructor(inputs: DemoInputs) {
    this.inputs = inputs
    this.udp = this.openUdp(deviceAddresses['border-firewall'])
  }

  async send(records: DemoRecord[]): Promise<void> {
    const of = (way: DemoRecord['way']) => records.filter((record) => record.way === way)
    const { syslogHost, syslogPort } = this.inputs
    for (const { text } of of('syslog-udp')) this.udp.send(text, syslogPort, syslogHost)
    for (const [source, texts] of groupBySource(of('syslog-tcp'))) {
      this.connection(source).write(texts.map((text) => `${Buffer.byteLength(text)} ${text}`).join(''))
    }
    for (const [source, texts] of groupBySource(of('http'))) await sendLines(this.inputs, source, texts)
    const events = of('bulk')
    if (events.length > 0) await sendBulk(this.inputs, events)
  }

  close(): void {
    this.udp.close()
    for (const socket of this.connections.values()) socket.destroy()
  }

  private openUdp(address: string | undefined): UdpSocket {
    const socket = createSocket(this.inputs.syslogHost.includes(':') ? 'udp6' : 'udp4')
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // Where nobody listens yet a datagram comes back as an error, and syslog over UDP knows no retry.
      if (error.code === 'EADDRNOTAVAIL' && this.udp === socket) this.udp = this.openUdp(undefined)
    })
    if (address && this.isLoopback) socket.bind({ address })
    return socket
  }

  /** One octet-counted connection a device, opened again when it was lost. */
  private connection(source: string): Socket {
    const known = this.connections.get(source)
    if (known && !known.destroyed) return known
    const localAddress = this.isLoopback ? deviceAddresses[source] : undefined
    const socket = connect({ host: this.inputs.syslogHost, port: this.inputs.syslogPort, localAddress })
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRNOTAVAIL') delete deviceAddresses[source]
      socket.destroy()
    })
    socket.resume()
    this.connections.set(source, socket)
    return socket
  }

  private get isLoopback(): boolean {
    return this.inputs.syslogHost.startsWith('127.')
  }
}

export function groupBySource(records: DemoRecord[]): Map<string, string[]> {
  const groups = new Map<string, string[]>()
  for (const { source, text } of records) {
    const texts = groups.get(source)
    if (texts) texts.push(text)
    else groups.set(source, [text])
  }
  return groups
}
