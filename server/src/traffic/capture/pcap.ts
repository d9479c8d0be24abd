import { u32be, u32le } from '../../lib/binary.ts'
import type { Packet } from '../packet/packet.ts'
import type { CaptureFormat } from './capture.ts'

const fileHeaderBytes = 24
const recordHeaderBytes = 16
/** libpcap's own bound of a packet (MAXIMUM_SNAPLEN) is 256 KiB; some writers of loopback captures go beyond. */
const packetLimitBytes = 1_048_576

/** The classic format: a file header of 24 bytes, then records of 16 bytes and the packet (draft-ietf-opsawg-pcap). */
export class PcapBlocks implements CaptureFormat {
  private headerSeen = false
  private link = 0
  private readonly u32: (bytes: Uint8Array, at: number) => number
  private readonly subsecondDivisor: number
  private readonly recordHeaderBytes: number

  constructor(options: { isLittle: boolean; isNano: boolean; extraHeaderBytes: number }) {
    this.u32 = options.isLittle ? u32le : u32be
    this.subsecondDivisor = options.isNano ? 1_000 : 1
    this.recordHeaderBytes = recordHeaderBytes + options.extraHeaderBytes
  }

  need(bytes: Uint8Array, start: number, end: number): number {
    if (!this.headerSeen) return fileHeaderBytes
    if (end - start < recordHeaderBytes) return recordHeaderBytes
    const captured = this.u32(bytes, start + 8)
    return captured > packetLimitBytes ? -1 : this.recordHeaderBytes + captured
  }

  take(bytes: Uint8Array, start: number, end: number, packet: Packet): boolean {
    const { u32 } = this
    if (!this.headerSeen) {
      this.headerSeen = true
      // The upper half of the word tells of frame check sequences.
      this.link = u32(bytes, start + 20) & 0xffff
      return false
    }
    packet.bytes = bytes
    packet.start = start + this.recordHeaderBytes
    packet.end = end
    packet.wireLength = u32(bytes, start + 12)
    packet.timeUs = u32(bytes, start) * 1e6 + Math.floor(u32(bytes, start + 4) / this.subsecondDivisor)
    packet.link = this.link
    return true
  }
}
