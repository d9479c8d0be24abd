import type { PublisherCounters } from '../record-publisher.ts'
import type { FramerCounters } from './framing.ts'

/** What the syslog collector has seen since it started. Everything that is lost or cut has a number here. */
export interface SyslogCounters extends PublisherCounters, FramerCounters {
  udpRecords: number
  udpBytes: number
  /** Datagrams dropped here because the queue to the bus was at its bound. */
  udpDroppedQueueFull: number
  udpDroppedEmpty: number
  /** Datagrams the kernel dropped at our socket (receive buffer full); null where the system does not tell. */
  udpDroppedKernel: number | null
  /** Receive buffer the kernel granted, in bytes. */
  udpReceiveBufferBytes: number
  udpErrors: number
  tcpRecords: number
  tcpBytes: number
  tcpConnectionsOpen: number
  tcpConnectionsAccepted: number
  /** Connections refused because the bound on open connections was reached. */
  tcpConnectionsRefused: number
  tcpConnectionsIdleClosed: number
  tcpConnectionErrors: number
  /** Times all connections were paused because the bus did not keep up. */
  tcpPauses: number
  /** Bytes and records taken in that are not durable yet. */
  pendingBytes: number
  pendingRecords: number
}

export function newSyslogCounters(): SyslogCounters {
  return {
    udpRecords: 0,
    udpBytes: 0,
    udpDroppedQueueFull: 0,
    udpDroppedEmpty: 0,
    udpDroppedKernel: null,
    udpReceiveBufferBytes: 0,
    udpErrors: 0,
    tcpRecords: 0,
    tcpBytes: 0,
    tcpConnectionsOpen: 0,
    tcpConnectionsAccepted: 0,
    tcpConnectionsRefused: 0,
    tcpConnectionsIdleClosed: 0,
    tcpConnectionErrors: 0,
    tcpPauses: 0,
    cutMessages: 0,
    halfMessages: 0,
    publishedRecords: 0,
    publishedBatches: 0,
    publishRetries: 0,
    refusedRecords: 0,
    lostAtClose: 0,
    pendingBytes: 0,
    pendingRecords: 0,
  }
}
