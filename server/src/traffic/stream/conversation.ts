import type { Fields } from '../../event/event.ts'
import type { ReportWeird } from '../packet/weird.ts'
import type { Side } from '../record.ts'

/** What a dissector may know of the conversation it reads, and where it tells what it found. */
export interface Conversation {
  readonly transport: 'tcp' | 'udp' | 'icmp' | 'sctp'
  /** Ports of the side that began and of the other. */
  readonly ports: readonly [number, number]
  /** A record of the conversation, which owns `fields` from now on; addresses, ports and protocol are added. */
  emit(dataset: string, timeUs: number, fields: Fields): void
  readonly weird: ReportWeird
  /** The same conversation goes on in another protocol (STARTTLS, CONNECT, an upgrade): found anew from its next bytes. */
  restart(): void
  /** Takes a file that travels in the conversation: bytes in order, then the end. */
  openFile(about: FileOrigin): FileSink
  /** Names the protocol for the flow's own record, when the dissector knows it better than by its own name. */
  setProtocol(name: string): void
}

export interface FileOrigin {
  /** Protocol it travels in: `http`, `smb`, `ftp-data`, `smtp`, ... */
  protocol: string
  /** Who sends it. */
  side: Side
  timeUs: number
  name?: string
  /** Type as the protocol claims it; the true one is found from the content. */
  claimedType?: string
  /** Length as the protocol tells it beforehand. */
  expectedBytes?: number
  fields?: Fields
}

export interface FileSink {
  data(bytes: Uint8Array, start: number, end: number): void
  gap(length: number): void
  /** Tells the `file` record; answers its facts for the protocol's own record. */
  end(timeUs: number): FileFacts
}

export interface FileFacts {
  bytes: number
  missingBytes: number
  mimeType?: string
  md5?: string
  sha1?: string
  sha256?: string
  name?: string
}

/** Reads the two byte streams of a TCP conversation. */
export interface StreamDissector {
  /** Bytes of one side in their order; views are valid during the call only. Answers false when it wants no more. */
  data(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean
  /** Bytes of one side that the capture lacks. Answers false when it cannot go on. */
  gap(side: Side, length: number, timeUs: number): boolean
  /** The conversation is over: what is half read is told. */
  end(timeUs: number): void
}

/** Reads the datagrams of a UDP (or ICMP) conversation. */
export interface DatagramDissector {
  datagram(side: Side, bytes: Uint8Array, start: number, end: number, timeUs: number): boolean
  end(timeUs: number): void
}

/** `more`: the bytes fit so far, but do not suffice to be sure. */
export type Recognition = 'yes' | 'no' | 'more'

export interface FirstBytes {
  side: Side
  bytes: Uint8Array
  start: number
  end: number
  ports: readonly [number, number]
}

export interface StreamProtocol {
  name: string
  recognise(first: FirstBytes): Recognition
  create(conversation: Conversation): StreamDissector
}

export interface DatagramProtocol {
  name: string
  recognise(first: FirstBytes): Recognition
  create(conversation: Conversation): DatagramDissector
}
