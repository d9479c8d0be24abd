import { closeSync, ftruncateSync, openSync, readSync, rmSync, writeSync } from 'node:fs'
import { u32le } from '../../lib/binary.ts'
import { Packet } from '../packet/packet.ts'
import { FrameKeys } from './frame-keys.ts'
import { OpenIndex, readOffsets, type SegmentFacts } from './segment-index.ts'

export const fileHeaderBytes = 24
const recordHeaderBytes = 16
/** Longest packet that is kept; libpcap's own bound. */
const keptPacketLimitBytes = 262_144
const bufferBytes = 1_048_576
/** Datagrams whose fragments wait to be known as a conversation's. */
const fragmentedLimit = 4_096

/** Header of a pcap file with microseconds (draft-ietf-opsawg-pcap). */
export function pcapHeader(link: number): Buffer {
  const header = Buffer.alloc(fileHeaderBytes)
  header.writeUInt32LE(0xa1b2c3d4, 0)
  header.writeUInt16LE(2, 4)
  header.writeUInt16LE(4, 6)
  header.writeUInt32LE(keptPacketLimitBytes, 16)
  header.writeUInt32LE(link, 20)
  return header
}

/** Writes the record of a captured packet at `at`; answers where it ends. */
function writeRecord(buffer: Buffer, at: number, packet: Packet): number {
  const length = Math.min(packet.end - packet.start, keptPacketLimitBytes)
  const seconds = Math.floor(packet.timeUs / 1e6)
  buffer.writeUInt32LE(seconds >>> 0, at)
  buffer.writeUInt32LE(Math.floor(packet.timeUs - seconds * 1e6), at + 4)
  buffer.writeUInt32LE(length, at + 8)
  buffer.writeUInt32LE(packet.wireLength >>> 0, at + 12)
  buffer.set(packet.bytes.subarray(packet.start, packet.start + length), at + recordHeaderBytes)
  return at + recordHeaderBytes + length
}

/** The packet as a record of a pcap file. */
export function recordOf(packet: Packet): Buffer {
  const length = Math.min(packet.end - packet.start, keptPacketLimitBytes)
  const record = Buffer.allocUnsafe(recordHeaderBytes + length)
  writeRecord(record, 0, packet)
  return record
}

/** A segment that is not written any more. */
export interface ClosedSegment {
  number: number
  /** Path without its ending; the packets are in `.pcap`, the index in `.index`. */
  path: string
  facts: SegmentFacts
  closedAtMs: number
}

/** Where the packets of a conversation are found, whether the segment is still written or not. */
export interface ReadableSegment {
  number: number
  path: string
  offsetsOf(hash: number): number[]
  facts: SegmentFacts
}

export function readable({ number, path, facts }: ClosedSegment): ReadableSegment {
  return { number, path, facts, offsetsOf: (hash) => readOffsets(`${path}.index`, hash) }
}

/** A segment while it is written: a pcap file that any tool reads, and its index in memory until it is closed. */
export class OpenSegment implements ReadableSegment {
  readonly number: number
  readonly path: string
  readonly facts: SegmentFacts
  /** Packets that could not be written since the disk refused them. */
  lostPackets = 0
  private readonly file: number
  private readonly index = new OpenIndex()
  private readonly buffer = Buffer.allocUnsafe(bufferBytes)
  private buffered: number
  private bufferedPackets = 0
  /** Entries of the index whose packets are written. */
  private safeEntries = 0
  private written = 0
  /** Offsets of fragments by datagram, until the datagram is whole and its conversation known. */
  private readonly fragmented = new Map<string, number[]>()
  private readonly keys: FrameKeys

  constructor(number: number, path: string, link: number, keys: FrameKeys) {
    this.number = number
    this.path = path
    this.keys = keys
    this.facts = { packets: 0, bytes: fileHeaderBytes, firstUs: Number.MAX_SAFE_INTEGER, lastUs: 0, link }
    this.file = openSync(`${path}.pcap`, 'wx', 0o600)
    this.buffered = pcapHeader(link).copy(this.buffer)
  }

  get bytes(): number {
    return this.written + this.buffered
  }

  /** Keeps a packet, which the caller has had looked at by `keys`. */
  add(packet: Packet): void {
    const length = Math.min(packet.end - packet.start, keptPacketLimitBytes)
    if (this.buffered + recordHeaderBytes + length > this.buffer.length) this.flush()
    const offset = this.bytes
    const { facts } = this
    this.buffered = writeRecord(this.buffer, this.buffered, packet)
    this.bufferedPackets++
    facts.packets++
    facts.firstUs = Math.min(facts.firstUs, packet.timeUs)
    facts.lastUs = Math.max(facts.lastUs, packet.timeUs)
    this.note(offset)
  }

  private note(offset: number): void {
    const { keys, fragmented } = this
    if (keys.kind === 'flow') {
      this.index.add(keys.hash, offset)
      if (keys.fragmentKey === '') return
      for (const earlier of fragmented.get(keys.fragmentKey) ?? []) this.index.add(keys.hash, earlier)
      fragmented.delete(keys.fragmentKey)
    } else if (keys.kind === 'fragment') {
      const waiting = fragmented.get(keys.fragmentKey)
      if (waiting) waiting.push(offset)
      else fragmented.set(keys.fragmentKey, [offset])
      if (fragmented.size > fragmentedLimit) fragmented.delete(fragmented.keys().next().value!)
    }
  }

  /** Hands what is gathered to the disk; answers false when it did not take it, which costs those packets. */
  flush(): boolean {
    try {
      for (let done = 0; done < this.buffered; ) {
        done += writeSync(this.file, this.buffer, done, this.buffered - done, this.written + done)
      }
      this.written += this.buffered
      this.safeEntries = this.index.length
      return true
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOSPC' && code !== 'EDQUOT' && code !== 'EROFS' && code !== 'EIO') throw error
      this.index.cutTo(this.safeEntries)
      this.fragmented.clear()
      this.lostPackets += this.bufferedPackets
      this.facts.packets -= this.bufferedPackets
      return false
    } finally {
      // A file without its header is nobody's; it is written with the next packets.
      this.buffered = this.written === 0 ? pcapHeader(this.facts.link).copy(this.buffer) : 0
      this.bufferedPackets = 0
    }
  }

  offsetsOf(hash: number): number[] {
    this.flush()
    return this.index.offsetsOf(hash)
  }

  /** Writes the rest and the index; answers undefined when nothing was kept, and then leaves no file. */
  close(nowMs: number): ClosedSegment | undefined {
    this.flush()
    this.facts.bytes = this.written
    const { number, path, facts } = this
    try {
      ftruncateSync(this.file, this.written)
    } finally {
      closeSync(this.file)
    }
    if (facts.packets === 0) {
      rmSync(`${path}.pcap`, { force: true })
      return undefined
    }
    this.index.write(`${path}.index`, facts)
    return { number, path, facts, closedAtMs: nowMs }
  }
}

/**
 * Closes a segment that was being written when the program ended: what is whole stays, the rest of the last packet is cut
 * off, the index is made again. Answers undefined when nothing is in it, and then leaves no file.
 */
export function recoverSegment(number: number, path: string, nowMs: number): ClosedSegment | undefined {
  const index = new OpenIndex()
  const keys = new FrameKeys()
  const packet = new Packet()
  const fragmented = new Map<string, number[]>()
  const facts: SegmentFacts = { packets: 0, bytes: 0, firstUs: Number.MAX_SAFE_INTEGER, lastUs: 0, link: 0 }
  const file = openSync(`${path}.pcap`, 'r+')
  try {
    const header = Buffer.alloc(fileHeaderBytes)
    const hasHeader = readSync(file, header, 0, fileHeaderBytes, 0) === fileHeaderBytes
    if (hasHeader && u32le(header, 0) === 0xa1b2c3d4) {
      facts.link = header.readUInt32LE(20)
      facts.bytes = fileHeaderBytes
      for (let frame = readFrame(file, facts.bytes, facts.link, packet); frame > 0; ) {
        keys.take(packet)
        const offset = facts.bytes
        if (keys.kind === 'flow') {
          index.add(keys.hash, offset)
          for (const earlier of fragmented.get(keys.fragmentKey) ?? []) index.add(keys.hash, earlier)
          fragmented.delete(keys.fragmentKey)
        } else if (keys.kind === 'fragment')
          fragmented.set(keys.fragmentKey, [...(fragmented.get(keys.fragmentKey) ?? []), offset])
        if (fragmented.size > fragmentedLimit) fragmented.delete(fragmented.keys().next().value!)
        facts.packets++
        facts.firstUs = Math.min(facts.firstUs, packet.timeUs)
        facts.lastUs = Math.max(facts.lastUs, packet.timeUs)
        facts.bytes += frame
        frame = readFrame(file, facts.bytes, facts.link, packet)
      }
      ftruncateSync(file, facts.bytes)
    }
  } finally {
    closeSync(file)
  }
  if (facts.packets === 0) {
    rmSync(`${path}.pcap`, { force: true })
    return undefined
  }
  index.write(`${path}.index`, facts)
  return { number, path, facts, closedAtMs: nowMs }
}

/** Reads the record at `offset` into `packet`; answers the bytes it takes, 0 when there is no whole one. */
export function readFrame(file: number, offset: number, link: number, packet: Packet): number {
  const head = Buffer.alloc(recordHeaderBytes)
  if (readSync(file, head, 0, recordHeaderBytes, offset) < recordHeaderBytes) return 0
  const length = head.readUInt32LE(8)
  if (length > keptPacketLimitBytes) return 0
  const bytes = Buffer.allocUnsafe(recordHeaderBytes + length)
  head.copy(bytes)
  if (readSync(file, bytes, recordHeaderBytes, length, offset + recordHeaderBytes) < length) return 0
  packet.bytes = bytes
  packet.start = recordHeaderBytes
  packet.end = bytes.length
  packet.timeUs = head.readUInt32LE(0) * 1e6 + head.readUInt32LE(4)
  packet.wireLength = head.readUInt32LE(12)
  packet.link = link
  return bytes.length
}
