import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import { CodedError } from '../../event/errors.ts'
import { encodeRawRecord } from '../../event/raw-record.ts'
import { canonicalPeerAddress } from '../../lib/address.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import { type PublisherCounters, type PublishRecords, RecordPublisher } from '../record-publisher.ts'

/** Reads a datagram of an exporter; answers its flows as lines of ECS JSON. */
export type ReadExport = (bytes: Buffer, sender: string, receivedMs: number) => string[]

export interface FlowCollector {
  port: number
  /** Datagrams dropped because the queue to the bus was at its bound. */
  dropped(): number
  close(): Promise<void>
}

const pendingLimitBytes = 32 << 20
const receiveBufferBytes = 8 << 20
const closeMs = 5_000

/**
 * Listens for flow exports (UDP) and publishes each flow as a record of the exporter that told it. Port 0 takes a free port.
 * Throws LISTEN_FAILED when the port is taken or not permitted.
 */
export async function createFlowCollector(options: {
  bind: string
  port: number
  publish: PublishRecords
  clock: Clock
  read: ReadExport
}): Promise<FlowCollector> {
  const { bind, clock, read } = options
  const counters: PublisherCounters = {
    ...{ publishedRecords: 0, publishedBatches: 0, publishRetries: 0, refusedRecords: 0, lostAtClose: 0 },
  }
  const publisher = new RecordPublisher({ publish: options.publish, clock, counters, onRoom: () => undefined })
  let dropped = 0
  const socket = createSocket({ type: isIPv6(bind) ? 'udp6' : 'udp4' })
  await new Promise<void>((resolve, reject) => {
    socket.once('error', (cause: Error) => {
      socket.close()
      const place = { host: bind, port: options.port }
      reject(
        new CodedError('LISTEN_FAILED', `UDP ${bind}:${options.port} cannot be listened on: ${cause.message}`, place, {
          cause,
        }),
      )
    })
    socket.bind({ address: bind, port: options.port }, () => {
      socket.removeAllListeners('error')
      socket.on('error', () => dropped++)
      try {
        socket.setRecvBufferSize(receiveBufferBytes)
      } catch {
        // The system grants what it grants; what it drops shows in the numbers of the exporters.
      }
      resolve()
    })
  })
  socket.on('message', (bytes, peer) => {
    if (publisher.pendingBytes >= pendingLimitBytes) {
      dropped++
      return
    }
    const sender = canonicalPeerAddress(peer.address)
    const receivedAtMs = clock.now()
    for (const line of read(bytes, sender, receivedAtMs)) {
      const body = Buffer.from(line)
      publisher.add(encodeRawRecord({ receivedAtMs, transport: 'flow', sender, source: '', body }))
    }
  })
  return {
    port: socket.address().port,
    dropped: () => dropped,
    async close() {
      await new Promise<void>((resolve) => socket.close(() => resolve()))
      await publisher.close(closeMs)
    },
  }
}
