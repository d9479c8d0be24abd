import type { Fields } from '../event/event.ts'
import { canonicalIpOf } from '../lib/ip-octets.ts'
import { communityId } from './flow/community-id.ts'
import { Echoes } from './flow/echoes.ts'
import { setIcmpPorts } from './flow/flow-key.ts'
import { FlowTable } from './flow/flow-table.ts'
import { datagramState, flagLetters, flowBit, tcpState } from './flow/state.ts'
import { Timeouts, timeoutClass } from './flow/timeouts.ts'
import { HostSightings } from './hosts/sightings.ts'
import { type Inspect, Inspector } from './inspect.ts'
import { Decoder } from './packet/decode.ts'
import { type Packet, tcpFlag, transport } from './packet/packet.ts'
import { datagramProtocols, streamProtocols } from './protocols/protocols.ts'
import { type Emit, Endpoints, isoTime, noEndpoints, type Side } from './record.ts'
import { type FileCounters, Files, type InspectFile } from './stream/files.ts'
import { Talk, type TalkSurroundings } from './stream/talk.ts'

export interface SensorOptions {
  emit: Emit
  /** Flows that may be open at once; beyond it the quietest gives way, and is counted. */
  flowLimit?: number
  /** Looks into the files that travel; without it they are hashed and typed only. */
  inspectFile?: InspectFile | undefined
  /** Told of every failure of a dissector, which costs the conversation its content; counted in any case. */
  onFailure?(error: unknown): void
  /** Shown every piece of every conversation: for rules that look at bytes. Costs memory and time. */
  inspect?: Inspect | undefined
}

export interface SensorCounters {
  packets: number
  wireBytes: number
  /** Frames without an IP packet we read. */
  otherFrames: number
  flows: number
  evictedFlows: number
  weird: number
  failures: number
}

const defaultFlowLimit = 1_000_000
/** Timeouts are looked at this often in the time of the capture. */
const sweepEveryUs = 250_000
/** A weird condition is told this many times, then once in a thousand. */
const weirdToldFully = 25
const weirdToldEvery = 1_000

/** Pings whose content is looked at, at the same time. */
const echoesLimit = 4_096

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

/**
 * Packets in, records out: flows with their state and volume, and what the protocols within them say. One sensor is one
 * thread's; several share the traffic by flow.
 */
export class Sensor {
  readonly counters: SensorCounters = {
    packets: 0,
    wireBytes: 0,
    otherFrames: 0,
    flows: 0,
    evictedFlows: 0,
    weird: 0,
    failures: 0,
  }
  readonly fileCounters: Readonly<FileCounters>
  readonly decoder: Decoder
  private readonly table = new FlowTable()
  private readonly sightings: HostSightings
  private readonly timeouts = new Timeouts(this.table)
  /** What pings carry, by row. */
  private readonly echoes = new Map<number, Echoes>()
  private readonly weirdCounts = new Map<string, number>()
  private readonly surroundings: TalkSurroundings
  private readonly emit: Emit
  private readonly inspector: Inspector | undefined
  private readonly flowLimit: number
  private nowUs = 0
  private sweptUs = 0

  constructor(options: SensorOptions) {
    this.inspector = options.inspect && new Inspector(options.inspect)
    const { inspector } = this
    this.emit = inspector
      ? (record) => {
          inspector.record(record)
          options.emit(record)
        }
      : options.emit
    this.flowLimit = options.flowLimit ?? defaultFlowLimit
    this.decoder = new Decoder((name, detail) => this.weird(name, detail, noEndpoints))
    this.sightings = new HostSightings(this.emit)
    const files = new Files(this.emit, options.inspectFile)
    this.fileCounters = files.counters
    this.surroundings = {
      streams: streamProtocols,
      datagrams: datagramProtocols,
      emit: this.emit,
      weird: (name, detail, endpoints) => this.weird(name, detail, endpoints),
      openFile: (talk, about) => files.open(talk, about),
      inspector,
      failed: (error, talk) => {
        this.counters.failures++
        options.onFailure?.(error)
        this.weird('dissector_failed', talk.protocol, talk.endpoints)
      },
    }
  }

  packet(packet: Packet): void {
    const { counters, table } = this
    counters.packets++
    counters.wireBytes += packet.wireLength
    if (packet.timeUs > this.nowUs) {
      this.nowUs = packet.timeUs
      if (this.nowUs - this.sweptUs > sweepEveryUs) this.sweep()
    }
    if (!this.decoder.decode(packet)) {
      if (packet.ipVersion === 0) {
        counters.otherFrames++
        this.sightings.frame(packet)
      }
      return
    }
    const { protocol } = packet
    if (protocol === transport.icmp || protocol === transport.icmpv6) setIcmpPorts(packet)
    let row = table.find(packet)
    if (!table.isNew && protocol === transport.tcp && this.isAnotherConnection(row, packet)) {
      this.end(row)
      row = table.find(packet)
    }
    if (table.isNew) this.begin(row, packet)
    const keySide = table.isReversed ? 1 : 0
    const at = 2 * row + keySide
    table.packets[at]!++
    table.bytes[at]! += packet.ipEnd - packet.ipStart
    table.payloadBytes[at]! += packet.payloadLength
    if (packet.timeUs > table.lastUs[row]!) table.lastUs[row] = packet.timeUs
    const bits = table.bits[row]!
    const side: Side = keySide === (bits & flowBit.beganBySecond) ? 0 : 1
    if (side === 1 && (bits & flowBit.answered) === 0) table.bits[row]! |= flowBit.answered
    if (this.inspector) {
      const isEstablished =
        protocol === transport.tcp ? (bits & flowBit.handshake) !== 0 : (bits & flowBit.answered) !== 0
      this.inspector.packet(packet, this.talkOf(row), side, isEstablished)
    }
    if (protocol === transport.tcp) this.tcp(row, side, keySide, packet)
    else if (protocol === transport.icmp || protocol === transport.icmpv6) this.echo(row, packet)
    else if (packet.payloadEnd > packet.payloadStart && (bits & flowBit.contentDone) === 0)
      this.datagram(row, side, packet)
  }

  /** Time passes without a packet: flows that have been silent for long enough end. */
  advance(timeUs: number): void {
    if (timeUs <= this.nowUs) return
    this.nowUs = timeUs
    this.sweep()
  }

  /** The capture is over, or the sensor stops: everything open is told. */
  close(): void {
    for (const row of this.timeouts.all()) this.end(row)
  }

  get openFlows(): number {
    return this.table.size
  }

  private begin(row: number, packet: Packet): void {
    const { table } = this
    this.counters.flows++
    this.sightings.flow(packet)
    table.startUs[row] = packet.timeUs
    table.lastUs[row] = packet.timeUs
    table.vlan[row] = packet.vlan
    const sourceIsSecond = table.isReversed
    const beganByOther = isAnswer(packet)
    table.bits[row] = sourceIsSecond !== beganByOther ? flowBit.beganBySecond : 0
    this.timeouts.add(row, packet.protocol === transport.tcp ? timeoutClass.attempt : timeoutClass.datagrams)
    if (table.size > this.flowLimit) {
      const oldest = this.timeouts.oldest()
      if (oldest >= 0 && oldest !== row) {
        this.counters.evictedFlows++
        this.end(oldest)
      }
    }
  }

  /** The same endpoints begin anew: a SYN after the end of the first, or with another number than the first had. */
  private isAnotherConnection(row: number, packet: Packet): boolean {
    if ((packet.flags & (tcpFlag.syn | tcpFlag.ack)) !== tcpFlag.syn) return false
    const { table } = this
    const side = table.isReversed ? 1 : 0
    const bits = table.bits[row]!
    if (bits & flowBit.isClosed) return true
    const isKnown = bits & (side === 0 ? flowBit.sequenceOfFirst : flowBit.sequenceOfSecond)
    const wasSyn = table.tcpFlags[2 * row + side]! & tcpFlag.syn
    return isKnown !== 0 && wasSyn !== 0 && table.nextSequence[2 * row + side] !== (packet.sequence + 1) >>> 0
  }

  private tcp(row: number, side: Side, keySide: number, packet: Packet): void {
    const { table } = this
    const { flags } = packet
    const at = 2 * row + keySide
    const seen = table.tcpFlags[at]! | (flags & 0x3f)
    table.tcpFlags[at] = seen
    const knownBit = keySide === 0 ? flowBit.sequenceOfFirst : flowBit.sequenceOfSecond
    let { sequence } = packet
    if (flags & tcpFlag.syn) {
      sequence = (sequence + 1) >>> 0
      if ((table.bits[row]! & knownBit) === 0) {
        table.nextSequence[at] = sequence
        table.bits[row]! |= knownBit
      }
      if (side === 1 && flags & tcpFlag.ack) {
        table.bits[row]! |= flowBit.handshake
        this.timeouts.move(row, timeoutClass.established)
      }
    }
    const captured = packet.payloadEnd - packet.payloadStart
    const { payloadLength } = packet
    if (payloadLength > 0 && (table.bits[row]! & flowBit.contentDone) === 0) {
      if ((table.bits[row]! & knownBit) === 0) {
        table.nextSequence[at] = sequence
        table.bits[row]! |= knownBit
        this.timeouts.move(row, timeoutClass.established)
      }
      const talk = this.talkOf(row)
      if (talk.sides[side] === undefined) talk.side(side, table.nextSequence[at]!)
      if (flags & tcpFlag.ack) this.acknowledge(talk, side, packet)
      const cutBytes = Math.max(0, payloadLength - Math.max(0, captured))
      talk.segment(
        side,
        sequence,
        packet.bytes,
        packet.payloadStart,
        Math.max(packet.payloadStart, packet.payloadEnd),
        cutBytes,
        packet.timeUs,
      )
      if (talk.isDone && !this.inspector) table.bits[row]! |= flowBit.contentDone
    } else if (flags & tcpFlag.ack && table.talk[row] !== undefined && (table.bits[row]! & flowBit.contentDone) === 0) {
      this.acknowledge(table.talk[row] as Talk, side, packet)
    }
    if (flags & (tcpFlag.fin | tcpFlag.rst)) {
      const other = table.tcpFlags[2 * row + (1 - keySide)]!
      if (flags & tcpFlag.rst || other & tcpFlag.fin) {
        table.bits[row]! |= flowBit.isClosed
        this.timeouts.move(row, timeoutClass.closed)
      }
    }
  }

  private acknowledge(talk: Talk, side: Side, packet: Packet): void {
    const other = talk.sides[side === 0 ? 1 : 0]
    if (other?.isWaiting) other.acknowledged(packet.acknowledgement)
  }

  private datagram(row: number, side: Side, packet: Packet): void {
    if (packet.protocol !== transport.udp) return
    const talk = this.talkOf(row)
    talk.datagram(side, packet.bytes, packet.payloadStart, packet.payloadEnd, packet.timeUs)
    if (talk.isDone) this.table.bits[row]! |= flowBit.contentDone
  }

  private echo(row: number, packet: Packet): void {
    const { bytes, transportStart: start } = packet
    const type = bytes[start]!
    const isRequest = type === 8 || type === 128
    if (!isRequest && type !== 0 && type !== 129) return
    let echoes = this.echoes.get(row)
    if (!echoes) {
      if (this.echoes.size >= echoesLimit) return
      echoes = new Echoes()
      this.echoes.set(row, echoes)
    }
    echoes.add(isRequest, bytes, start + 4, packet.payloadEnd)
  }

  private talkOf(row: number): Talk {
    const known = this.table.talk[row] as Talk | undefined
    if (known) return known
    const { table } = this
    const first = table.bits[row]! & flowBit.beganBySecond ? 1 : 0
    const ports = [table.portOf(row, first), table.portOf(row, 1 - first)] as const
    const name = transportNames.get(table.protocolOf(row)) as Talk['transport']
    const talk = new Talk(name, ports, this.endpoints(row, first), this.surroundings)
    table.talk[row] = talk
    return talk
  }

  /** Fields that every record of the flow carries; `first` is the key's side that began. */
  private endpoints(row: number, first: number): Endpoints {
    const { table } = this
    const protocol = table.protocolOf(row)
    const low = table.addressOf(row, 0)
    const high = table.addressOf(row, 1)
    const isIcmp = protocol === transport.icmp || protocol === transport.icmpv6
    const hasPorts = protocol === transport.tcp || protocol === transport.udp || protocol === transport.sctp
    const ports: [number, number] = [table.portOf(row, 0), table.portOf(row, 1)]
    const source = first === 0 ? low : high
    const destination = first === 0 ? high : low
    const fields: Fields = {
      'source.ip': canonicalIpOf(source),
      'destination.ip': canonicalIpOf(destination),
      'network.transport': transportNames.get(protocol) ?? String(protocol),
      'network.type': table.isIpv6(row) ? 'ipv6' : 'ipv4',
      'network.community_id': communityId(low, high, ports, protocol, hasPorts || isIcmp),
    }
    if (hasPorts) {
      fields['source.port'] = ports[first]!
      fields['destination.port'] = ports[1 - first]!
    }
    if (table.vlan[row]! >= 0) fields['network.vlan.id'] = String(table.vlan[row]!)
    return new Endpoints(fields)
  }

  private end(row: number): void {
    const { table } = this
    const talk = table.talk[row] as Talk | undefined
    talk?.close(table.lastUs[row]!)
    this.timeouts.remove(row)
    const first = table.bits[row]! & flowBit.beganBySecond ? 1 : 0
    const endpoints = talk?.endpoints ?? this.endpoints(row, first)
    this.emit({ dataset: 'flow', timeUs: table.startUs[row]!, endpoints, fields: this.flowFields(row, talk) })
    this.echoes.delete(row)
    table.remove(row)
  }

  private flowFields(row: number, talk: Talk | undefined): Fields {
    const { table } = this
    const bits = table.bits[row]!
    const first = bits & flowBit.beganBySecond ? 1 : 0
    const source = 2 * row + first
    const destination = 2 * row + 1 - first
    const startUs = table.startUs[row]!
    const lastUs = table.lastUs[row]!
    const protocol = table.protocolOf(row)
    const fields: Fields = {
      'source.packets': table.packets[source]!,
      'source.bytes': table.bytes[source]!,
      'destination.packets': table.packets[destination]!,
      'destination.bytes': table.bytes[destination]!,
      'network.packets': table.packets[source]! + table.packets[destination]!,
      'network.bytes': table.bytes[source]! + table.bytes[destination]!,
      'zeek.orig_bytes': table.payloadBytes[source]!,
      'zeek.resp_bytes': table.payloadBytes[destination]!,
      'zeek.conn_state':
        protocol === transport.tcp
          ? tcpState(table.tcpFlags[source]!, table.tcpFlags[destination]!, (bits & flowBit.handshake) !== 0)
          : datagramState(table.packets[source]!, table.packets[destination]!),
      'event.start': isoTime(startUs),
      'event.end': isoTime(lastUs),
      'event.duration': Math.round((lastUs - startUs) * 1e3),
    }
    // Of a conversation that never was: what the scanner sent tells its kind.
    if (protocol === transport.tcp && (bits & flowBit.handshake) === 0)
      fields['traffic.tcp.flags'] = flagLetters(table.tcpFlags[source]!)
    if (talk && talk.protocol !== '') fields['network.protocol'] = talk.protocol
    if (protocol === transport.icmp || protocol === transport.icmpv6) {
      fields['icmp.type'] = String(table.portOf(row, first))
      fields['icmp.code'] = String(table.portOf(row, 1 - first))
      const echoes = this.echoes.get(row)
      if (echoes) Object.assign(fields, echoes.fields())
    }
    const missing = (talk?.sides[0]?.missingBytes ?? 0) + (talk?.sides[1]?.missingBytes ?? 0)
    if (missing > 0) fields['zeek.missed_bytes'] = missing
    const again = (talk?.sides[0]?.retransmittedBytes ?? 0) + (talk?.sides[1]?.retransmittedBytes ?? 0)
    if (again > 0) fields['network.tcp.retransmitted_bytes'] = again
    return fields
  }

  private sweep(): void {
    this.sweptUs = this.nowUs
    this.timeouts.expire(this.nowUs, (row) => this.end(row))
  }

  private weird(name: string, detail: string | undefined, endpoints: Endpoints): void {
    this.counters.weird++
    const count = (this.weirdCounts.get(name) ?? 0) + 1
    this.weirdCounts.set(name, count)
    if (count > weirdToldFully && count % weirdToldEvery !== 0) return
    const fields: Fields = { 'event.action': name, 'zeek.weird.count': count }
    if (detail !== undefined) fields['event.reason'] = detail
    this.emit({ dataset: 'weird', timeUs: this.nowUs, endpoints, fields })
  }
}

/** Ports of servers, by which the answer of a conversation is known whose beginning the capture lacks. */
const serverPorts = new Set([
  20, 21, 22, 23, 25, 53, 67, 80, 88, 110, 111, 123, 135, 137, 138, 139, 143, 161, 389, 443, 445, 465, 502, 514, 587,
  636, 853, 993, 995, 1433, 1521, 3306, 3389, 5060, 5432, 5985, 6379, 8080, 8443, 9200,
])

/** The first packet we see of a flow is the answer to one we did not see. */
function isAnswer(packet: Packet): boolean {
  const { flags, protocol, sourcePort, destinationPort } = packet
  if (protocol === transport.tcp) {
    if (flags & tcpFlag.syn) return (flags & tcpFlag.ack) !== 0
    return serverPorts.has(sourcePort) && !serverPorts.has(destinationPort)
  }
  if (protocol === transport.udp) return sourcePort < 1_024 && serverPorts.has(sourcePort) && destinationPort >= 1_024
  if (protocol === transport.icmp) return sourcePort === 0 || sourcePort === 14
  if (protocol === transport.icmpv6) return sourcePort === 129
  return false
}
