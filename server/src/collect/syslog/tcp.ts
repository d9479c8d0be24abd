import { createServer, type Server, type Socket } from 'node:net'
import { canonicalPeerAddress } from '../../lib/address.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import type { SenderLanes } from '../sender-lanes.ts'
import type { SyslogCounters } from './counters.ts'
import { type FramePart, SyslogFramer } from './framing.ts'
import type { SyslogLimits } from './limits.ts'

interface Connection {
  socket: Socket
  framer: SyslogFramer
  heldBytes: number
  /** When a line that waits for its continuation is handed on; 0 when none waits. */
  flushAtMs: number
}

/** One message of one connection; the bytes are valid only during the call. */
export type OnMessage = (sender: string, bytes: Buffer, part: FramePart) => void

/**
 * The TCP side: frames each connection's bytes and hands messages on. When the publisher is full every connection is
 * paused, so that TCP's own window holds the senders back and nothing that was read is dropped.
 */
export class SyslogTcp {
  readonly server: Server
  private readonly connections = new Set<Connection>()
  private readonly waiting = new Set<Connection>()
  private heldBytes = 0
  private paused = false
  private sweeps = false
  private readonly stop = new AbortController()
  private readonly publisher: Pick<SenderLanes, 'isFull'>
  private readonly onMessage: OnMessage
  private readonly counters: SyslogCounters
  private readonly limits: SyslogLimits
  private readonly clock: Clock

  constructor(options: {
    publisher: Pick<SenderLanes, 'isFull'>
    onMessage: OnMessage
    counters: SyslogCounters
    limits: SyslogLimits
    clock: Clock
  }) {
    this.publisher = options.publisher
    this.onMessage = options.onMessage
    this.counters = options.counters
    this.limits = options.limits
    this.clock = options.clock
    this.server = createServer({ keepAlive: true, keepAliveInitialDelay: 60_000 }, (socket) => this.accept(socket))
    this.server.maxConnections = this.limits.connections
    // After listening these are failures to accept (out of descriptors): the next connection may succeed.
    this.server.on('error', () => this.counters.tcpConnectionErrors++)
    this.server.on('drop', () => this.counters.tcpConnectionsRefused++)
  }

  resume(): void {
    this.paused = false
    for (const { socket } of this.connections) socket.resume()
  }

  /** Stops listening, hands on what the connections hold, and closes them. */
  async close(): Promise<void> {
    this.stop.abort()
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()))
    for (const connection of [...this.connections]) {
      this.end(connection)
      connection.socket.destroy()
    }
    await closed
  }

  private accept(socket: Socket): void {
    const sender = canonicalPeerAddress(socket.remoteAddress ?? '')
    const framer = new SyslogFramer(
      this.limits.messageBytes,
      (bytes, part) => this.onMessage(sender, bytes, part),
      this.counters,
    )
    const connection: Connection = { socket, framer, heldBytes: 0, flushAtMs: 0 }
    this.connections.add(connection)
    this.counters.tcpConnectionsAccepted++
    this.counters.tcpConnectionsOpen = this.connections.size
    socket.setTimeout(this.limits.idleMs)
    socket.on('timeout', () => this.onIdle(connection))
    socket.on('data', (chunk: Buffer) => this.onData(connection, chunk))
    socket.on('error', () => this.counters.tcpConnectionErrors++)
    socket.on('close', () => this.end(connection))
    if (this.paused) socket.pause()
  }

  private onData(connection: Connection, chunk: Buffer): void {
    this.counters.tcpBytes += chunk.length
    connection.framer.push(chunk)
    this.account(connection)
    if (this.heldBytes > this.limits.heldBytes) {
      connection.framer.cut()
      this.account(connection)
    }
    if (this.publisher.isFull && !this.paused) {
      this.paused = true
      this.counters.tcpPauses++
      for (const { socket } of this.connections) socket.pause()
    }
  }

  /** Keeps the sum of held bytes and the set of lines that wait for a continuation. */
  private account(connection: Connection): void {
    const held = connection.framer.heldBytes
    this.heldBytes += held - connection.heldBytes
    connection.heldBytes = held
    if (connection.framer.waits) {
      connection.flushAtMs = this.clock.now() + this.limits.continuationMs
      this.waiting.add(connection)
      this.startSweep()
    } else if (connection.flushAtMs > 0) {
      connection.flushAtMs = 0
      this.waiting.delete(connection)
    }
  }

  /** One timer for all connections. */
  private startSweep(): void {
    if (this.sweeps) return
    this.sweeps = true
    // Aborted only by close(), which ends every connection by itself.
    this.clock.sleep(this.limits.continuationMs, this.stop.signal).then(
      () => {
        this.sweeps = false
        const now = this.clock.now()
        for (const connection of this.waiting) {
          if (connection.flushAtMs > now) continue
          connection.framer.flush()
          this.account(connection)
        }
        if (this.waiting.size > 0) this.startSweep()
      },
      () => undefined,
    )
  }

  private onIdle(connection: Connection): void {
    // A connection that we hold back ourselves is not idle.
    if (this.paused) return void connection.socket.setTimeout(this.limits.idleMs)
    this.counters.tcpConnectionsIdleClosed++
    connection.socket.destroy()
  }

  private end(connection: Connection): void {
    if (!this.connections.delete(connection)) return
    connection.framer.end()
    this.account(connection)
    this.counters.tcpConnectionsOpen = this.connections.size
  }
}
