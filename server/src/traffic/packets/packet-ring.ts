import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Packet } from '../packet/packet.ts'
import { FrameKeys } from './frame-keys.ts'
import { type FoundPackets, findPackets, type PacketSelection } from './read-packets.ts'
import { type ClosedSegment, OpenSegment, readable, recoverSegment } from './segment.ts'
import { readFacts } from './segment-index.ts'

export interface PacketRingOptions {
  directory: string
  /** Bytes that all packets may take; the oldest give way. */
  limitBytes: number
  /** Packets that were taken in longer ago than this give way too. */
  maxAgeMs: number
  /** Milliseconds since the epoch. */
  now(): number
  /** Size at which a segment is closed: what gives way gives way in pieces of it. */
  segmentBytes?: number
}

export interface PacketRingCounters {
  keptPackets: number
  keptBytes: number
  /** Packets that gave way to newer ones, or to their age. */
  evictedPackets: number
  evictedBytes: number
  /** Packets the disk did not take. */
  lostPackets: number
}

const defaultSegmentBytes = 64 * 1_048_576
/** A segment is closed after this time even when it is not full, so that age is told in pieces no longer than it. */
const segmentMaxAgeMs = 3_600_000
/** The smallest ring holds this many segments, so that a full one never means an empty one. */
const segmentsAtLeast = 4

interface Source {
  folder: string
  closed: ClosedSegment[]
  writers: Set<RingWriter>
}

/**
 * Keeps packets by size and age and finds those of a conversation again. Packets lie in segments, pcap files of their
 * own, with an index beside each; a segment that was being written at a crash is closed at the next start with all that is
 * whole in it. Packets belong to the source that brought them and are found under it alone.
 */
export class PacketRing {
  readonly counters: PacketRingCounters = {
    keptPackets: 0,
    keptBytes: 0,
    evictedPackets: 0,
    evictedBytes: 0,
    lostPackets: 0,
  }
  private readonly options: PacketRingOptions
  private readonly segmentBytes: number
  private readonly sources = new Map<string, Source>()
  private nextNumber = 1

  constructor(options: PacketRingOptions) {
    this.options = options
    this.segmentBytes = Math.max(
      1,
      Math.min(options.segmentBytes ?? defaultSegmentBytes, Math.floor(options.limitBytes / segmentsAtLeast)),
    )
    mkdirSync(options.directory, { recursive: true, mode: 0o700 })
    for (const entry of readdirSync(options.directory, { withFileTypes: true }))
      if (entry.isDirectory() && /^[0-9a-f]{24}$/.test(entry.name)) this.load(entry.name)
    this.evict()
  }

  /**
   * Begins to keep packets of a source. With a key (a hash of the file they come from) what was kept under it in full is not
   * kept again, and what was kept of it in part gives way: undefined when it is there already.
   */
  writer(source: string, key?: string): RingWriter | undefined {
    const name = nameOf(source)
    const known = this.sources.get(name) ?? this.addSource(name)
    const mark = key === undefined ? undefined : createHash('sha256').update(key).digest('hex').slice(0, 24)
    if (mark !== undefined) {
      const segments = known.closed.filter(({ path }) => path.endsWith(`-${mark}`))
      // Whoever is at it already will keep it in full.
      if ([...known.writers].some((writer) => writer.mark === mark)) return undefined
      if (statSync(join(known.folder, `${mark}.done`), { throwIfNoEntry: false })) return undefined
      for (const segment of segments) this.drop(known, segment)
    }
    const writer = new RingWriter(mark, {
      segmentBytes: this.segmentBytes,
      now: this.options.now,
      open: (link, keys) => {
        const number = this.nextNumber++
        const file = `${String(number).padStart(10, '0')}${mark === undefined ? '' : `-${mark}`}`
        return new OpenSegment(number, join(known.folder, file), link, keys)
      },
      closed: (segment, lost) => {
        this.counters.lostPackets += lost
        if (segment === undefined) return
        known.closed.push(segment)
        this.counters.keptPackets += segment.facts.packets
        this.counters.keptBytes += segment.facts.bytes
        this.evict()
      },
      left: () => known.writers.delete(writer),
      finished: () => {
        if (mark !== undefined) writeFileSync(join(known.folder, `${mark}.done`), '', { mode: 0o600 })
      },
    })
    known.writers.add(writer)
    return writer
  }

  /** Packets of the conversations asked for, of one source, as a pcap in the order of time. */
  find(source: string, selections: readonly PacketSelection[], limitBytes: number): Promise<FoundPackets> {
    const known = this.sources.get(nameOf(source))
    const closed = known?.closed.map(readable) ?? []
    const open = [...(known?.writers ?? [])].flatMap((writer) => writer.segment ?? [])
    return findPackets([...closed, ...open], selections, limitBytes)
  }

  /** Bytes on disk, and the time of the oldest packet, microseconds; undefined when there is none. */
  extent(): { bytes: number; oldestUs: number | undefined } {
    let bytes = 0
    let oldestUs: number | undefined
    for (const { closed, writers } of this.sources.values()) {
      const open = [...writers].flatMap(({ segment }) => segment ?? [])
      for (const segment of [...closed, ...open]) {
        bytes += segment instanceof OpenSegment ? segment.bytes : segment.facts.bytes
        if (segment.facts.packets > 0) oldestUs = Math.min(oldestUs ?? segment.facts.firstUs, segment.facts.firstUs)
      }
    }
    return { bytes, oldestUs }
  }

  /** Lets the oldest segments go until size and age are kept; call it now and then, for age. */
  evict(): void {
    const { limitBytes, maxAgeMs, now } = this.options
    const oldest = now() - maxAgeMs
    const all = [...this.sources.values()]
      .flatMap((source) => source.closed.map((segment) => ({ source, segment })))
      .sort((one, two) => one.segment.closedAtMs - two.segment.closedAtMs || one.segment.number - two.segment.number)
    let { bytes } = this.extent()
    for (const { source, segment } of all) {
      if (bytes <= limitBytes && segment.closedAtMs >= oldest) break
      bytes -= segment.facts.bytes
      this.drop(source, segment)
      this.counters.evictedPackets += segment.facts.packets
      this.counters.evictedBytes += segment.facts.bytes
    }
  }

  /** Hands what is gathered to the disk, and closes segments that have been open for long. */
  flush(): void {
    for (const { writers } of this.sources.values()) for (const writer of writers) writer.flush(segmentMaxAgeMs)
    this.evict()
  }

  close(): void {
    for (const { writers } of this.sources.values()) for (const writer of [...writers]) writer.abandon()
  }

  private load(name: string): void {
    const source = this.addSource(name)
    for (const file of readdirSync(source.folder).sort()) {
      const number = /^(\d{10})(?:-[0-9a-f]{24})?\.pcap$/.exec(file)?.[1]
      if (number === undefined) continue
      this.nextNumber = Math.max(this.nextNumber, Number(number) + 1)
      const path = join(source.folder, file.slice(0, -'.pcap'.length))
      const { size, mtimeMs } = statSync(`${path}.pcap`)
      const facts = readFacts(`${path}.index`)
      const segment =
        facts === undefined || facts.bytes > size
          ? recoverSegment(Number(number), path, mtimeMs)
          : { number: Number(number), path, facts, closedAtMs: mtimeMs }
      if (segment === undefined) continue
      source.closed.push(segment)
      this.counters.keptPackets += segment.facts.packets
      this.counters.keptBytes += segment.facts.bytes
    }
    // An index whose packets went before it, and drafts, are of no use.
    const left = readdirSync(source.folder)
    for (const file of left) {
      const isOrphan = /\.index$/.test(file) && !source.closed.some(({ path }) => path.endsWith(file.slice(0, -6)))
      if (isOrphan || file.endsWith('.new')) rmSync(join(source.folder, file), { force: true })
    }
    if (left.length === 0) {
      rmdirSync(source.folder)
      this.sources.delete(name)
    }
  }

  private addSource(name: string): Source {
    const source: Source = { folder: join(this.options.directory, name), closed: [], writers: new Set() }
    mkdirSync(source.folder, { recursive: true, mode: 0o700 })
    this.sources.set(name, source)
    return source
  }

  private drop(source: Source, segment: ClosedSegment): void {
    source.closed = source.closed.filter((other) => other !== segment)
    const mark = /-([0-9a-f]{24})$/.exec(segment.path)?.[1]
    // What was kept under a key is not there in full any more: it may come again.
    if (mark !== undefined) rmSync(join(source.folder, `${mark}.done`), { force: true })
    rmSync(`${segment.path}.pcap`, { force: true })
    rmSync(`${segment.path}.index`, { force: true })
  }
}

interface RingWriterParts {
  segmentBytes: number
  now(): number
  open(link: number, keys: FrameKeys): OpenSegment
  closed(segment: ClosedSegment | undefined, lostPackets: number): void
  finished(): void
  left(): void
}

/** Keeps the packets of one source, in the order in which they come. */
export class RingWriter {
  segment: OpenSegment | undefined
  private openedAtMs = 0
  private readonly keys = new FrameKeys()
  /** Stands for the key under which the packets are kept. */
  readonly mark: string | undefined
  private readonly parts: RingWriterParts

  constructor(mark: string | undefined, parts: RingWriterParts) {
    this.mark = mark
    this.parts = parts
  }

  /** Takes a captured packet before anybody decodes it. */
  packet(packet: Packet): void {
    this.keys.take(packet)
    // A pcap file has one link type.
    if (this.segment && (this.segment.facts.link !== packet.link || this.segment.bytes >= this.parts.segmentBytes))
      this.closeSegment()
    if (!this.segment) {
      this.segment = this.parts.open(packet.link, this.keys)
      this.openedAtMs = this.parts.now()
    }
    this.segment.add(packet)
  }

  flush(maxAgeMs: number): void {
    this.segment?.flush()
    if (this.segment && this.parts.now() - this.openedAtMs >= maxAgeMs) this.closeSegment()
  }

  /** All packets there are have been taken. */
  end(): void {
    this.closeSegment()
    this.parts.finished()
    this.parts.left()
  }

  /** No more packets will come, though there may be more of them; nothing after `end`. */
  abandon(): void {
    this.closeSegment()
    this.parts.left()
  }

  private closeSegment(): void {
    const { segment } = this
    if (!segment) return
    this.segment = undefined
    const closed = segment.close(this.parts.now())
    this.parts.closed(closed, segment.lostPackets)
  }
}

function nameOf(source: string): string {
  return createHash('sha256').update(source).digest('hex').slice(0, 24)
}
