import { u32be } from '../../lib/binary.ts'
import { setIcmpPorts } from '../flow/flow-key.ts'
import { Decoder } from '../packet/decode.ts'
import { linkType, Packet, transport } from '../packet/packet.ts'
import type { ExportedFlow } from './exported-flow.ts'

export interface SflowCounters {
  datagrams: number
  samples: number
  damaged: number
  /** Datagrams that never arrived, by the numbers of the agents. */
  lost: number
}

const agentsMax = 4_096
const gapMax = 1_000_000
/** Formats of samples and records of the standard enterprise (https://sflow.org/sflow_version_5.txt). */
const sampleFormat = { flow: 1, expandedFlow: 3 } as const
const rawHeaderFormat = 1
/** Protocols of sampled headers that we decode, and their link types. */
const headerLinks = new Map<number, number>([
  [1, linkType.ethernet],
  [7, linkType.ppp],
  [11, linkType.ipv4],
  [12, linkType.ipv6],
])

/**
 * Reads sFlow version 5: each sampled packet stands for as many as its agent skipped, and is told as a flow of one direction
 * with the counts scaled so. Counters of interfaces are read over.
 */
export class SflowReader {
  readonly counters: SflowCounters = { datagrams: 0, samples: 0, damaged: 0, lost: 0 }
  private readonly decoder = new Decoder(() => undefined)
  private readonly packet = new Packet()
  private readonly sequences = new Map<string, number>()

  static reads(bytes: Uint8Array): boolean {
    return bytes.length >= 28 && u32be(bytes, 0) === 5
  }

  /** Flows of one datagram, which arrived at `receivedUs`: samples tell no time. */
  take(bytes: Buffer, sender: string, receivedUs: number): ExportedFlow[] {
    this.counters.datagrams++
    const flows: ExportedFlow[] = []
    const addressBytes = u32be(bytes, 4) === 1 ? 4 : u32be(bytes, 4) === 2 ? 16 : 0
    let at = 8 + addressBytes
    if (addressBytes === 0 || at + 16 > bytes.length) {
      this.counters.damaged++
      return flows
    }
    this.follow(`${sender} ${u32be(bytes, at)}`, u32be(bytes, at + 4))
    const samples = u32be(bytes, at + 12)
    at += 16
    for (let sample = 0; sample < samples; sample++) {
      if (at + 8 > bytes.length) return this.damaged(flows)
      const format = u32be(bytes, at)
      const length = u32be(bytes, at + 4)
      const start = at + 8
      if (length > bytes.length - start) return this.damaged(flows)
      at = start + length
      if (format === sampleFormat.flow && length >= 32) this.sample(bytes, start, at, 8, receivedUs, flows)
      else if (format === sampleFormat.expandedFlow && length >= 44)
        this.sample(bytes, start, at, 12, receivedUs, flows)
    }
    return flows
  }

  private damaged(flows: ExportedFlow[]): ExportedFlow[] {
    this.counters.damaged++
    return flows
  }

  /** `rateAt` is where the sampling rate stands in the sample: behind the number and the (expanded) source. */
  private sample(
    bytes: Buffer,
    start: number,
    end: number,
    rateAt: number,
    timeUs: number,
    flows: ExportedFlow[],
  ): void {
    const isExpanded = rateAt === 12
    const samplingRate = Math.max(1, u32be(bytes, start + rateAt))
    const ingress = u32be(bytes, start + (isExpanded ? 28 : 20))
    const egress = u32be(bytes, start + (isExpanded ? 36 : 24))
    const records = u32be(bytes, start + (isExpanded ? 40 : 28))
    let at = start + (isExpanded ? 44 : 32)
    for (let record = 0; record < records && at + 8 <= end; record++) {
      const format = u32be(bytes, at)
      const length = u32be(bytes, at + 4)
      const body = at + 8
      if (length > end - body) return void this.counters.damaged++
      at = body + length
      if (format !== rawHeaderFormat || length < 16) continue
      const headerBytes = u32be(bytes, body + 12)
      const link = headerLinks.get(u32be(bytes, body))
      if (link === undefined || headerBytes > length - 16) continue
      this.counters.samples++
      const flow = this.flowOf(bytes, body + 16, headerBytes, u32be(bytes, body + 4), link, timeUs)
      if (flow)
        flows.push({ ...flow, packets: samplingRate, bytes: flow.bytes * samplingRate, samplingRate, ingress, egress })
    }
  }

  private flowOf(
    bytes: Buffer,
    start: number,
    headerBytes: number,
    wireLength: number,
    link: number,
    timeUs: number,
  ): ExportedFlow | undefined {
    const { packet } = this
    Object.assign(packet, { bytes, start, end: start + headerBytes, wireLength, link, timeUs })
    if (!this.decoder.decode(packet)) return undefined
    const { protocol, ipVersion, sourceOffset, destinationOffset } = packet
    if (protocol === transport.icmp || protocol === transport.icmpv6) setIcmpPorts(packet)
    const addressBytes = ipVersion === 4 ? 4 : 16
    const flow: ExportedFlow = {
      source: Buffer.from(packet.bytes.subarray(sourceOffset, sourceOffset + addressBytes)),
      destination: Buffer.from(packet.bytes.subarray(destinationOffset, destinationOffset + addressBytes)),
      sourcePort: packet.sourcePort,
      destinationPort: packet.destinationPort,
      protocol,
      bytes: packet.ipEnd - packet.ipStart,
      packets: 1,
      tcpFlags: packet.flags & 0x3f,
      startUs: timeUs,
      endUs: timeUs,
      samplingRate: 1,
    }
    if (packet.vlan >= 0) flow.vlan = packet.vlan
    return flow
  }

  private follow(agent: string, sequence: number): void {
    const before = this.sequences.get(agent)
    const gap = before === undefined ? 0 : (sequence - before - 1) >>> 0
    if (gap > 0 && gap < gapMax) this.counters.lost += gap
    this.sequences.delete(agent)
    this.sequences.set(agent, sequence)
    if (this.sequences.size > agentsMax) this.sequences.delete(this.sequences.keys().next().value as string)
  }
}
