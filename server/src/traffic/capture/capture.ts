import { u32be, u32le } from '../../lib/binary.ts'
import type { Packet } from '../packet/packet.ts'
import { PcapBlocks } from './pcap.ts'
import { PcapngBlocks } from './pcapng.ts'

/** What a capture file or stream told of itself, beside its packets. */
export interface CaptureCounters {
  packets: number
  bytes: number
  /** Packets of which the capture kept only a part (its snap length). */
  cut: number
  /** Packets that the capturer says it lost; known only where the format has a place for it (pcapng). */
  lost: number
  /** Blocks that were skipped, since they are damaged or of an unknown interface. */
  damaged: number
}

/** A format of captures: how long the next unit is, and what it holds. */
export interface CaptureFormat {
  /** Bytes that the unit at `start` takes, as far as `bytes[start, end)` tells; -1 when the capture is damaged here. */
  need(bytes: Uint8Array, start: number, end: number): number
  /** Takes the whole unit at `start`; answers true when it was a packet, which is then in `packet`. */
  take(bytes: Uint8Array, start: number, end: number, packet: Packet): boolean
}

export type CaptureState = 'reading' | 'not-a-capture' | 'damaged' | 'truncated' | 'complete'

/** No unit of a capture is longer; a header that says so is damaged. */
export const unitLimitBytes = 16 * 1_048_576

const magicBytes = 4

/**
 * Reads a capture that arrives in pieces of any size (a file, or what a capturer writes to our standard input): pcap in
 * both byte orders with micro- or nanoseconds, and pcapng. A packet that lies in one piece is not copied.
 */
export class CaptureParser {
  readonly counters: CaptureCounters = { packets: 0, bytes: 0, cut: 0, lost: 0, damaged: 0 }
  state: CaptureState = 'reading'
  private format: CaptureFormat | undefined
  /** The beginning of a unit whose rest has not arrived. */
  private rest = Buffer.alloc(0)
  private restLength = 0
  private readonly packet: Packet
  private readonly onPacket: (packet: Packet) => void

  constructor(packet: Packet, onPacket: (packet: Packet) => void) {
    this.packet = packet
    this.onPacket = onPacket
  }

  push(chunk: Uint8Array): void {
    this.counters.bytes += chunk.length
    let position = 0
    while (this.restLength > 0 && this.state === 'reading') {
      const need = this.need(this.rest, 0, this.restLength)
      if (need < 0) return
      const wanted = need - this.restLength
      if (wanted <= 0) {
        this.take(this.rest, 0, need)
        this.keep(this.rest.subarray(need, this.restLength))
        continue
      }
      const count = Math.min(wanted, chunk.length - position)
      if (count === 0) return
      this.append(chunk, position, position + count)
      position += count
      if (count < wanted) return
    }
    while (position < chunk.length && this.state === 'reading') {
      const need = this.need(chunk, position, chunk.length)
      if (need < 0) return
      if (position + need > chunk.length) {
        this.append(chunk, position, chunk.length)
        return
      }
      this.take(chunk, position, position + need)
      position += need
    }
  }

  /** The capture has ended; what was begun and not completed is told by `state`. */
  end(): void {
    if (this.state !== 'reading') return
    this.state = this.format === undefined ? 'not-a-capture' : this.restLength > 0 ? 'truncated' : 'complete'
  }

  private need(bytes: Uint8Array, start: number, end: number): number {
    if (this.format === undefined) {
      if (end - start < magicBytes) return magicBytes
      this.format = formatOf(bytes, start, this.counters)
      if (this.format === undefined) {
        this.state = 'not-a-capture'
        return -1
      }
    }
    const need = this.format.need(bytes, start, end)
    if (need < 0 || need > unitLimitBytes) {
      this.state = 'damaged'
      return -1
    }
    return need
  }

  private take(bytes: Uint8Array, start: number, end: number): void {
    const { packet, counters } = this
    if (!this.format!.take(bytes, start, end, packet)) return
    counters.packets++
    if (packet.end - packet.start < packet.wireLength) counters.cut++
    this.onPacket(packet)
  }

  private append(chunk: Uint8Array, start: number, end: number): void {
    const length = this.restLength + end - start
    if (length > this.rest.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(4_096, length, 2 * this.rest.length))
      this.rest.copy(grown, 0, 0, this.restLength)
      this.rest = grown
    }
    this.rest.set(chunk.subarray(start, end), this.restLength)
    this.restLength = length
  }

  private keep(bytes: Uint8Array): void {
    this.rest.copyWithin(0, this.restLength - bytes.length, this.restLength)
    this.restLength = bytes.length
  }
}

function formatOf(bytes: Uint8Array, start: number, counters: CaptureCounters): CaptureFormat | undefined {
  const little = u32le(bytes, start)
  if (little === 0x0a0d0d0a) return new PcapngBlocks(counters)
  for (const [magic, isLittle] of [
    [little, true],
    [u32be(bytes, start), false],
  ] as const) {
    if (magic === 0xa1b2c3d4) return new PcapBlocks({ isLittle, isNano: false, extraHeaderBytes: 0 })
    if (magic === 0xa1b23c4d) return new PcapBlocks({ isLittle, isNano: true, extraHeaderBytes: 0 })
    // Alexey Kuznetsov's variant: eight more bytes in each record header.
    if (magic === 0xa1b2cd34) return new PcapBlocks({ isLittle, isNano: false, extraHeaderBytes: 8 })
  }
  return undefined
}
