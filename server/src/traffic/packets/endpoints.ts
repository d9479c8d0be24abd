import type { Fields } from '../../event/event.ts'
import { canonicalIp, isIpv4, parseIpv6 } from '../../lib/ip-address.ts'
import { FlowKey } from '../flow/flow-key.ts'
import { Packet, transport } from '../packet/packet.ts'

/** Both ends of a conversation, in either direction. For ICMP the ports are type and code, as the community id has them. */
export interface PacketEndpoints {
  /** Number of the transport protocol. */
  protocol: number
  source: string
  destination: string
  sourcePort: number
  destinationPort: number
}

const protocolNumbers = new Map<string, number>(Object.entries({ ...transport, 'ipv6-icmp': transport.icmpv6 }))

/** The conversation an event tells of, by its ECS fields; undefined when it names none. */
export function endpointsOfFields(fields: Readonly<Record<string, unknown>>): PacketEndpoints | undefined {
  const source = addressOf(fields['source.ip'])
  const destination = addressOf(fields['destination.ip'])
  const name = String(fields['network.transport'] ?? fields['network.iana_number'] ?? '').toLowerCase()
  if (source === undefined || destination === undefined) return undefined
  let protocol = protocolNumbers.get(name) ?? (/^\d{1,3}$/.test(name) ? Number(name) : undefined)
  if (protocol === undefined) return undefined
  if (protocol === transport.icmp && !isIpv4(source)) protocol = transport.icmpv6
  const isIcmp = protocol === transport.icmp || protocol === transport.icmpv6
  const sourcePort = portOf(fields[isIcmp ? 'icmp.type' : 'source.port'])
  const destinationPort = portOf(fields[isIcmp ? 'icmp.code' : 'destination.port'])
  return { protocol, source, destination, sourcePort, destinationPort }
}

/** `tcp 192.0.2.1:40000 198.51.100.1:80`, `udp [2001:db8::1]:53 [2001:db8::2]:40000`; undefined when it is not that. */
export function parseEndpoints(text: string): PacketEndpoints | undefined {
  const [name, from, to] = text.trim().split(/\s+/)
  const ends = [from, to].map((end) => /^(?:\[([^\]]+)\]|([^:\s]+))(?::(\d{1,5}))?$/.exec(end ?? ''))
  if (!name || !ends[0] || !ends[1]) return undefined
  const [source, destination] = ends.map((end) => [end![1] ?? end![2], Number(end![3] ?? 0)] as const)
  const fields: Fields = {
    'network.transport': name,
    'source.ip': source![0]!,
    'destination.ip': destination![0]!,
    'source.port': source![1],
    'destination.port': destination![1],
    'icmp.type': source![1],
    'icmp.code': destination![1],
  }
  return endpointsOfFields(fields)
}

/** Key of the conversation, comparable with that of its packets. */
export function keyOfEndpoints(ends: PacketEndpoints): { hash: number; words: Int32Array } {
  const packet = new Packet()
  const source = octetsOf(ends.source)
  const destination = octetsOf(ends.destination)
  packet.bytes = Buffer.from([...source, ...destination])
  packet.ipVersion = source.length === 4 ? 4 : 6
  packet.sourceOffset = 0
  packet.destinationOffset = source.length
  packet.protocol = ends.protocol
  packet.sourcePort = ends.sourcePort
  packet.destinationPort = ends.destinationPort
  const key = new FlowKey()
  const hash = key.take(packet)
  return { hash, words: key.words }
}

function octetsOf(address: string): number[] {
  if (isIpv4(address)) return address.split('.').map(Number)
  return parseIpv6(address)!.flatMap((group) => [group >> 8, group & 255])
}

function addressOf(value: unknown): string | undefined {
  const one = Array.isArray(value) ? value[0] : value
  return typeof one === 'string' ? canonicalIp(one) : undefined
}

function portOf(value: unknown): number {
  const port = Number(value ?? 0)
  return Number.isInteger(port) && port >= 0 && port <= 65_535 ? port : 0
}
