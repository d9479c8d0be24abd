import { createSocket } from 'node:dgram'
import { connect, isIPv6 } from 'node:net'
import { markCanary } from '../../collect/canary.ts'
import { type CanaryMark, canarySource } from '../../event/canary.ts'
import { CodedError } from '../../event/errors.ts'
import { encodeRawRecord } from '../../event/raw-record.ts'
import type { Bus } from '../../seams/bus/bus.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import type { CanaryInput } from './canaries.ts'

const timeoutMs = 10_000

export interface CanaryInputsOptions {
  /** Address the listeners are bound to, and the port of syslog. */
  bind: string
  syslogPort: number
  /** Where the API listens, and a bearer token that may send records; asked for at each use. */
  http(): Promise<{ url: string; token: string }>
  key: string
  bus: Pick<Bus, 'publish'>
  clock: Clock
}

/** Sends the records of a canary in through the inputs that real senders use. */
export function createCanaryInputs(options: CanaryInputsOptions) {
  const host = options.bind === '0.0.0.0' ? '127.0.0.1' : options.bind === '::' ? '::1' : options.bind
  return async (input: CanaryInput, mark: CanaryMark, lines: readonly string[]): Promise<void> => {
    const bodies = lines.map((line) => Buffer.from(line))
    const marked = bodies.map((body) => markCanary(options.key, mark, body))
    if (input === 'bus') await sendBus(options, mark, bodies)
    else if (input === 'http') await sendHttp(options, marked)
    else if (input === 'syslog-tcp') await sendTcp(host, options.syslogPort, marked)
    else await sendUdp(host, options.syslogPort, marked)
  }
}

async function sendBus({ bus, clock }: CanaryInputsOptions, mark: CanaryMark, bodies: Buffer[]): Promise<void> {
  const facts = {
    receivedAtMs: clock.now(),
    transport: 'canary' as const,
    sender: 'canary',
    source: canarySource(mark),
  }
  await bus.publish(
    'raw',
    bodies.map((body) => encodeRawRecord({ ...facts, body })),
  )
}

async function sendHttp({ http }: CanaryInputsOptions, marked: Buffer[]): Promise<void> {
  const { url, token } = await http()
  const answer = await fetch(`${url}/api/v1/ingest/canary`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'text/plain' },
    body: Buffer.concat(marked.flatMap((line) => [line, Buffer.from('\n')])),
    signal: AbortSignal.timeout(timeoutMs),
  })
  if (!answer.ok)
    throw new CodedError('INTERNAL', `The ingest API answered ${answer.status}`, { status: answer.status })
}

function sendTcp(host: string, port: number, marked: Buffer[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port }, () => {
      socket.end(Buffer.concat(marked.flatMap((line) => [line, Buffer.from('\n')])), () => resolve())
    })
    socket.setTimeout(timeoutMs, () =>
      socket.destroy(new CodedError('INTERNAL', 'The syslog listener does not answer')),
    )
    socket.once('error', reject)
  })
}

async function sendUdp(host: string, port: number, marked: Buffer[]): Promise<void> {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4')
  try {
    for (const line of marked) {
      await new Promise<void>((resolve, reject) => {
        socket.send(line, port, host, (error) => (error ? reject(error) : resolve()))
      })
    }
  } finally {
    await new Promise<void>((resolve) => socket.close(() => resolve()))
  }
}
