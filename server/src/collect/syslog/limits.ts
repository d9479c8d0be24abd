/** Every bound of the syslog collector, by name. */
export interface SyslogLimits {
  /** Longest message kept whole; a longer one is kept in parts. */
  messageBytes: number
  connections: number
  /** Bytes of unfinished messages over all connections; beyond it the growing one is handed on in parts. */
  heldBytes: number
  idleMs: number
  /** How long the end of a line waits for a line that continues it. */
  continuationMs: number
  /** Datagrams not yet durable, in bytes; beyond it they are dropped and counted. */
  udpPendingBytes: number
  udpReceiveBufferBytes: number
  closeMs: number
}

export const syslogLimits: SyslogLimits = {
  messageBytes: 1 << 20,
  connections: 10_000,
  heldBytes: 256 << 20,
  // Plain syslog cannot tell the sender that we hung up, so a quiet device keeps its connection for long.
  idleMs: 3_600_000,
  continuationMs: 50,
  // Above the bound at which TCP is paused, so that a TCP flood leaves room for datagrams.
  udpPendingBytes: 64 << 20,
  udpReceiveBufferBytes: 32 << 20,
  closeMs: 5_000,
}
