import type { Fields } from '../../event/event.ts'
import { canonicalIpOf } from '../../lib/ip-octets.ts'
import { communityId } from '../flow/community-id.ts'
import { datagramState, flagLetters, tcpState } from '../flow/state.ts'
import { tcpFlag, transport } from '../packet/packet.ts'
import { Endpoints, isoTime, type TrafficRecord } from '../record.ts'

/** A flow as a router or a probe tells it, before it is put in our words. Counts of the other way are there for two-way exports only. */
export interface ExportedFlow {
  source: Uint8Array
  destination: Uint8Array
  sourcePort: number
  destinationPort: number
  protocol: number
  bytes: number
  packets: number
  tcpFlags: number
  reverse?: { bytes: number; packets: number; tcpFlags: number }
  /** Microseconds since the epoch. */
  startUs: number
  endUs: number
  vlan?: number
  sourceMac?: string
  destinationMac?: string
  ingress?: number
  egress?: number
  /** One in so many packets was looked at; 1 when all were. The counts are scaled by it already. */
  samplingRate: number
}

/** Flows of one datagram: two that are the two directions of a conversation become one. */
export function joinDirections(flows: readonly ExportedFlow[]): ExportedFlow[] {
  const joined: ExportedFlow[] = []
  const open = new Map<string, number>()
  for (const flow of flows) {
    if (flow.reverse) {
      joined.push(flow)
      continue
    }
    const key = keyOf(flow, false)
    const at = open.get(keyOf(flow, true))
    const other = at === undefined ? undefined : joined[at]
    if (at === undefined || !other || other.reverse || !overlap(flow, other)) {
      open.set(key, joined.length)
      joined.push(flow)
      continue
    }
    const [began, answered] = isAnswer(flow, other) ? [other, flow] : [flow, other]
    joined[at] = {
      ...began,
      reverse: { bytes: answered.bytes, packets: answered.packets, tcpFlags: answered.tcpFlags },
      startUs: Math.min(began.startUs, answered.startUs),
      endUs: Math.max(began.endUs, answered.endUs),
    }
    open.delete(keyOf(other, false))
  }
  return joined
}

function keyOf(
  { source, destination, sourcePort, destinationPort, protocol }: ExportedFlow,
  reversed: boolean,
): string {
  const ends = [`${source} ${sourcePort}`, `${destination} ${destinationPort}`]
  return `${protocol} ${reversed ? ends.reverse().join(' ') : ends.join(' ')}`
}

function overlap(one: ExportedFlow, two: ExportedFlow): boolean {
  return one.startUs <= two.endUs + 1e6 && two.startUs <= one.endUs + 1e6
}

/** Whoever spoke first began; at the same time, whoever speaks from the higher port. */
function isAnswer(flow: ExportedFlow, other: ExportedFlow): boolean {
  if (flow.startUs !== other.startUs) return flow.startUs > other.startUs
  return flow.sourcePort < other.sourcePort
}

const transportNames = new Map<number, string>([
  [transport.icmp, 'icmp'],
  [transport.igmp, 'igmp'],
  [transport.tcp, 'tcp'],
  [transport.udp, 'udp'],
  [transport.gre, 'gre'],
  [transport.esp, 'esp'],
  [transport.icmpv6, 'ipv6-icmp'],
  [transport.sctp, 'sctp'],
])

/** The record `flow` that our own sensor would tell, as far as the export knows it. */
export function recordOfFlow(flow: ExportedFlow, exporter: { address: string; product: string }): TrafficRecord {
  const { protocol, reverse } = flow
  const isIcmp = protocol === transport.icmp || protocol === transport.icmpv6
  const hasPorts = protocol === transport.tcp || protocol === transport.udp || protocol === transport.sctp
  const isReversed =
    Buffer.compare(flow.source, flow.destination) > 0 ||
    (Buffer.compare(flow.source, flow.destination) === 0 && flow.sourcePort > flow.destinationPort)
  const ports: [number, number] = isReversed
    ? [flow.destinationPort, flow.sourcePort]
    : [flow.sourcePort, flow.destinationPort]
  const [first, second] = isReversed ? [flow.destination, flow.source] : [flow.source, flow.destination]
  const ends: Fields = {
    'source.ip': canonicalIpOf(flow.source),
    'destination.ip': canonicalIpOf(flow.destination),
    'network.transport': transportNames.get(protocol) ?? String(protocol),
    'network.type': flow.source.length === 16 ? 'ipv6' : 'ipv4',
    'network.community_id': communityId(first, second, ports, protocol, hasPorts || isIcmp),
  }
  if (hasPorts) {
    ends['source.port'] = flow.sourcePort
    ends['destination.port'] = flow.destinationPort
  }
  if (flow.vlan !== undefined) ends['network.vlan.id'] = String(flow.vlan)
  const fields: Fields = {
    'source.packets': flow.packets,
    'source.bytes': flow.bytes,
    'network.packets': flow.packets + (reverse?.packets ?? 0),
    'network.bytes': flow.bytes + (reverse?.bytes ?? 0),
    'event.start': isoTime(flow.startUs),
    'event.end': isoTime(flow.endUs),
    'event.duration': Math.round(Math.max(0, flow.endUs - flow.startUs) * 1e3),
    'observer.ip': exporter.address,
    'observer.product': exporter.product,
  }
  if (reverse) {
    fields['destination.packets'] = reverse.packets
    fields['destination.bytes'] = reverse.bytes
    fields['zeek.conn_state'] =
      protocol === transport.tcp
        ? tcpState(flow.tcpFlags, reverse.tcpFlags, hasHandshake(flow.tcpFlags, reverse.tcpFlags))
        : datagramState(flow.packets, reverse.packets)
  }
  if (protocol === transport.tcp && !(reverse && hasHandshake(flow.tcpFlags, reverse.tcpFlags)))
    fields['traffic.tcp.flags'] = flagLetters(flow.tcpFlags)
  if (isIcmp) {
    fields['icmp.type'] = String(flow.sourcePort)
    fields['icmp.code'] = String(flow.destinationPort)
  }
  if (flow.sourceMac !== undefined) fields['source.mac'] = flow.sourceMac
  if (flow.destinationMac !== undefined) fields['destination.mac'] = flow.destinationMac
  if (flow.ingress !== undefined) fields['observer.ingress.interface.id'] = String(flow.ingress)
  if (flow.egress !== undefined) fields['observer.egress.interface.id'] = String(flow.egress)
  if (flow.samplingRate > 1) fields['traffic.sampling_rate'] = flow.samplingRate
  return { dataset: 'flow', timeUs: flow.startUs, endpoints: new Endpoints(ends), fields }
}

function hasHandshake(began: number, answered: number): boolean {
  return (began & answered & tcpFlag.syn) !== 0 && (answered & tcpFlag.ack) !== 0 && (began & tcpFlag.ack) !== 0
}
