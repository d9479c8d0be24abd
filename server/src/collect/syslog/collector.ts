import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import type { AddressInfo } from 'node:net'
import { isIP, isIPv6 } from 'node:net'
import { CodedError } from '../../event/errors.ts'
import { encodeRawRecord, type Transport } from '../../event/raw-record.ts'
import { canonicalPeerAddress } from '../../lib/address.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import { recogniseCanary } from '../canary.ts'
import { SenderLanes } from '../sender-lanes.ts'
import { newSyslogCounters, type SyslogCounters } from './counters.ts'
import type { FramePart } from './framing.ts'
import { KernelDrops } from './kernel-drops.ts'
import { type SyslogLimits, syslogLimits } from './limits.ts'
import { SyslogTcp } from './tcp.ts'

export interface SyslogCollector {
  /** The bound address and the one port number of both transports. */
  address(): { address: string; port: number }
  /** A snapshot; cheap enough for every second. */
  counters(): SyslogCounters
  /** Stops listening and waits (bounded) until what was taken in is durable. */
  close(): Promise<void>
}

/**
 * Listens for syslog (RFC 3164, RFC 5424, or any line) on UDP and TCP at one port number and publishes every message
 * as an encoded RawRecord, `<PRI>` included. `publish` resolves once records are durable; BUS_FULL and BUS_UNWRITABLE
 * pause TCP and, once the queue is at its bound, cost datagrams, which are counted.
 * Port 0 takes a free port. Throws LISTEN_FAILED when the port is taken or not permitted.
 */
export async function createSyslogCollector(options: {
  bind: string
  port: number
  publish(records: Uint8Array[], lane: number): Promise<unknown>
  /** Lanes over which senders are spread; one by default. */
  lanes?: number
  clock: Clock
  limits?: Partial<SyslogLimits>
  /** Under which the platform's own canaries are proven; without it there are none. */
  canaryKey?: string
}): Promise<SyslogCollector> {
  const { clock } = options
  const limits = { ...syslogLimits, ...options.limits }
  const counters = newSyslogCounters()
  const publisher = new SenderLanes({
    count: options.lanes ?? 1,
    publish: options.publish,
    clock,
    counters,
    onRoom: () => tcp.resume(),
  })

  const add = (transport: Transport, sender: string, body: Uint8Array, part: FramePart) => {
    // Later parts of a message above the bound are no syslog lines: they stand under a source of their own.
    const source = part === 'continued' ? `${sender}#continued` : ''
    const record = { receivedAtMs: clock.now(), transport, sender, source, body }
    publisher.add(sender, encodeRawRecord(recogniseCanary(record, options.canaryKey)))
  }
  const tcp = new SyslogTcp({
    publisher,
    counters,
    limits,
    clock,
    onMessage: (sender, bytes, part) => {
      counters.tcpRecords++
      add('syslog-tcp', sender, bytes, part)
    },
  })
  const onDatagram = (bytes: Buffer, peer: { address: string }) => {
    counters.udpBytes += bytes.length
    const end = endWithoutTrailer(bytes)
    if (end === 0) {
      counters.udpDroppedEmpty++
    } else if (publisher.pendingBytes >= limits.udpPendingBytes) {
      counters.udpDroppedQueueFull++
    } else {
      counters.udpRecords++
      add('syslog-udp', canonicalPeerAddress(peer.address), bytes.subarray(0, end), 'whole')
    }
  }

  const host = await numericAddress(options.bind)
  const { udp, port } = await listenBoth(tcp, host, options.port, limits, counters, onDatagram)
  const kernelDrops = new KernelDrops(port)
  kernelDrops.read()

  const close = async () => {
    counters.udpDroppedKernel = kernelDrops.read() ?? counters.udpDroppedKernel
    await new Promise<void>((resolve) => udp.close(() => resolve()))
    await tcp.close()
    await publisher.close(limits.closeMs)
  }
  let closing: Promise<void> | undefined

  return {
    address: () => ({ address: host, port }),
    counters: () => {
      counters.udpDroppedKernel = kernelDrops.read() ?? counters.udpDroppedKernel
      return { ...counters, pendingBytes: publisher.pendingBytes, pendingRecords: publisher.pendingRecords }
    },
    close: () => {
      closing ??= close()
      return closing
    },
  }
}

/** Length without one trailing NUL, LF or CR LF. */
function endWithoutTrailer(bytes: Buffer): number {
  let end = bytes.length
  if (end > 0 && bytes[end - 1] === 0) end--
  if (end > 0 && bytes[end - 1] === 10) end--
  if (end > 0 && bytes[end - 1] === 13) end--
  return end
}

async function numericAddress(bind: string): Promise<string> {
  if (isIP(bind)) return bind
  try {
    return (await lookup(bind)).address
  } catch (cause) {
    throw new CodedError('LISTEN_FAILED', `${bind} is not an address of this machine`, { bind }, { cause })
  }
}

const sharedPortAttempts = 20

/** Binds TCP, then UDP to the same number; with port 0 another number is tried when UDP's is taken. */
async function listenBoth(
  tcp: SyslogTcp,
  host: string,
  port: number,
  limits: SyslogLimits,
  counters: SyslogCounters,
  onDatagram: (bytes: Buffer, peer: { address: string }) => void,
): Promise<{ udp: UdpSocket; port: number }> {
  for (let attempt = 1; ; attempt++) {
    const bound = await listenTcp(tcp, host, port)
    try {
      return { udp: await listenUdp(host, bound, limits, counters, onDatagram), port: bound }
    } catch (error) {
      await new Promise<void>((resolve) => tcp.server.close(() => resolve()))
      if (port !== 0 || attempt === sharedPortAttempts) throw error
    }
  }
}

function listenTcp(tcp: SyslogTcp, host: string, port: number): Promise<number> {
  const { server } = tcp
  return new Promise((resolve, reject) => {
    const onError = (cause: Error) => reject(listenFailed('TCP', host, port, cause))
    server.once('error', onError)
    server.listen({ host, port, backlog: 511 }, () => {
      server.off('error', onError)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

function listenUdp(
  host: string,
  port: number,
  limits: SyslogLimits,
  counters: SyslogCounters,
  onDatagram: (bytes: Buffer, peer: { address: string }) => void,
): Promise<UdpSocket> {
  const udp = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4' })
  return new Promise((resolve, reject) => {
    const onError = (cause: Error) => {
      udp.close()
      reject(listenFailed('UDP', host, port, cause))
    }
    udp.once('error', onError)
    udp.bind({ address: host, port }, () => {
      udp.off('error', onError)
      udp.on('error', () => counters.udpErrors++)
      udp.on('message', onDatagram)
      counters.udpReceiveBufferBytes = widenReceiveBuffer(udp, limits.udpReceiveBufferBytes)
      resolve(udp)
    })
  })
}

const smallestReceiveBufferBytes = 64 << 10

/**
 * Linux grants silently at most `net.core.rmem_max` (and reports twice the granted size, socket(7)); other systems
 * refuse what is too large, so smaller sizes are tried. Returns what was granted, which is shown beside the drops.
 */
function widenReceiveBuffer(udp: UdpSocket, wantedBytes: number): number {
  for (let bytes = wantedBytes; bytes >= smallestReceiveBufferBytes; bytes /= 2) {
    try {
      udp.setRecvBufferSize(bytes)
      break
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_SOCKET_BUFFER_SIZE') throw error
    }
  }
  return udp.getRecvBufferSize()
}

function listenFailed(protocol: string, host: string, port: number, cause: Error): CodedError {
  return new CodedError(
    'LISTEN_FAILED',
    `${protocol} ${host}:${port} cannot be listened on: ${cause.message}`,
    { host, port },
    { cause },
  )
}
