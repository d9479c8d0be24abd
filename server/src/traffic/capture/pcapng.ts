import { u16be, u16le, u32be, u32le } from '../../lib/binary.ts'
import type { Packet } from '../packet/packet.ts'
import type { CaptureCounters, CaptureFormat } from './capture.ts'

const blockType = {
  section: 0x0a0d0d0a,
  interface: 1,
  oldPacket: 2,
  simplePacket: 3,
  statistics: 5,
  enhancedPacket: 6,
} as const

const option = { end: 0, timeResolution: 9, timeOffset: 14, interfaceDrops: 5 } as const
const smallestBlockBytes = 12

interface Interface {
  link: number
  snapLength: number
  /** Ticks of its clock in a second. */
  ticksPerSecond: number
  offsetSeconds: number
  lost: number
}

/** The block format (draft-ietf-opsawg-pcapng); sections may change the byte order within one file. */
export class PcapngBlocks implements CaptureFormat {
  private isLittle = true
  private interfaces: Interface[] = []
  private readonly counters: CaptureCounters

  constructor(counters: CaptureCounters) {
    this.counters = counters
  }

  need(bytes: Uint8Array, start: number, end: number): number {
    if (end - start < smallestBlockBytes) return smallestBlockBytes
    if (u32le(bytes, start) === blockType.section) {
      const order = u32le(bytes, start + 8)
      if (order === 0x1a2b3c4d) this.isLittle = true
      else if (order === 0x4d3c2b1a) this.isLittle = false
      else return -1
    }
    const length = this.u32(bytes, start + 4)
    return length < smallestBlockBytes ? -1 : (length + 3) & ~3
  }

  take(bytes: Uint8Array, start: number, end: number, packet: Packet): boolean {
    const bodyStart = start + 8
    const bodyEnd = end - 4
    switch (this.u32(bytes, start)) {
      case blockType.section:
        this.interfaces = []
        return false
      case blockType.interface:
        this.addInterface(bytes, bodyStart, bodyEnd)
        return false
      case blockType.enhancedPacket:
        return this.packetOf(bytes, bodyStart, bodyEnd, packet, this.u32(bytes, bodyStart))
      case blockType.oldPacket:
        return this.packetOf(bytes, bodyStart, bodyEnd, packet, this.u16(bytes, bodyStart))
      case blockType.simplePacket:
        return this.simplePacket(bytes, bodyStart, bodyEnd, packet)
      case blockType.statistics:
        this.addStatistics(bytes, bodyStart, bodyEnd)
        return false
      default:
        return false
    }
  }

  private u32(bytes: Uint8Array, at: number): number {
    return this.isLittle ? u32le(bytes, at) : u32be(bytes, at)
  }

  private u16(bytes: Uint8Array, at: number): number {
    return this.isLittle ? u16le(bytes, at) : u16be(bytes, at)
  }

  private addInterface(bytes: Uint8Array, start: number, end: number): void {
    const found: Interface = { link: -1, snapLength: 0, ticksPerSecond: 1e6, offsetSeconds: 0, lost: 0 }
    // A damaged description keeps its place, since packets name interfaces by their number.
    this.interfaces.push(found)
    if (end - start < 8) return void this.counters.damaged++
    found.link = this.u16(bytes, start)
    found.snapLength = this.u32(bytes, start + 4)
    this.eachOption(bytes, start + 8, end, (code, at, length) => {
      if (code === option.timeResolution && length >= 1) {
        const exponent = bytes[at]! & 0x7f
        found.ticksPerSecond = bytes[at]! & 0x80 ? 2 ** exponent : 10 ** exponent
      }
      if (code === option.timeOffset && length >= 8) {
        const [low, high] = this.isLittle ? [at, at + 4] : [at + 4, at]
        found.offsetSeconds = (this.u32(bytes, high) | 0) * 4_294_967_296 + this.u32(bytes, low)
      }
    })
  }

  private addStatistics(bytes: Uint8Array, start: number, end: number): void {
    if (end - start < 12) return void this.counters.damaged++
    const source = this.interfaces[this.u32(bytes, start)]
    if (!source) return void this.counters.damaged++
    this.eachOption(bytes, start + 12, end, (code, at, length) => {
      if (code !== option.interfaceDrops || length < 8) return
      const low = this.u32(bytes, this.isLittle ? at : at + 4)
      // The count is a total since the start of the capture.
      this.counters.lost += Math.max(0, low - source.lost)
      source.lost = low
    })
  }

  private eachOption(
    bytes: Uint8Array,
    start: number,
    end: number,
    take: (code: number, at: number, length: number) => void,
  ): void {
    let at = start
    while (at + 4 <= end) {
      const code = this.u16(bytes, at)
      const length = this.u16(bytes, at + 2)
      if (code === option.end || at + 4 + length > end) return
      take(code, at + 4, length)
      at += 4 + ((length + 3) & ~3)
    }
  }

  /** The enhanced packet block and its forerunner, which differ in the first word only. */
  private packetOf(bytes: Uint8Array, start: number, end: number, packet: Packet, interfaceId: number): boolean {
    const source = this.interfaces[interfaceId]
    if (end - start < 20 || !source || source.link < 0) {
      this.counters.damaged++
      return false
    }
    const captured = this.u32(bytes, start + 12)
    if (start + 20 + captured > end) {
      this.counters.damaged++
      return false
    }
    const ticks = this.u32(bytes, start + 4) * 4_294_967_296 + this.u32(bytes, start + 8)
    packet.bytes = bytes
    packet.start = start + 20
    packet.end = start + 20 + captured
    packet.wireLength = this.u32(bytes, start + 16)
    packet.timeUs = Math.floor(
      source.ticksPerSecond === 1e6
        ? ticks
        : source.ticksPerSecond === 1e9
          ? ticks / 1e3
          : ticks * (1e6 / source.ticksPerSecond),
    )
    packet.timeUs += source.offsetSeconds * 1e6
    packet.link = source.link
    return true
  }

  private simplePacket(bytes: Uint8Array, start: number, end: number, packet: Packet): boolean {
    const source = this.interfaces[0]
    if (end - start < 4 || !source || source.link < 0) {
      this.counters.damaged++
      return false
    }
    packet.wireLength = this.u32(bytes, start)
    const captured = Math.min(packet.wireLength, source.snapLength || packet.wireLength, end - start - 4)
    packet.bytes = bytes
    packet.start = start + 4
    packet.end = start + 4 + captured
    // The block has no time; that of the packet before it stands.
    packet.link = source.link
    return true
  }
}
