import { BoundedMap } from '../../lib/bounded-map.ts'
import { isInRange } from './addresses.ts'
import { foldCase, partsMatch, surestContent, Text } from './match.ts'
import type { BufferName, ContentPart, FlowBit, Part, SuricataRule, Threshold } from './rule.ts'

/** A piece of a conversation: a packet, what a side has said so far, or a message with its parts by name. */
export interface Inspected {
  kind: 'packet' | 'stream' | 'message'
  timeMs: number
  /** The same object for everything of one conversation. */
  flow: object
  source: string
  destination: string
  sourcePort: number
  destinationPort: number
  transport: 'tcp' | 'udp' | 'icmp' | 'other'
  /** What the conversation speaks, as far as it is known; empty otherwise. */
  protocol: string
  direction: 'to_server' | 'to_client'
  isEstablished: boolean
  buffers: Partial<Record<BufferName, Buffer>>
  /** Of packets. */
  tcpFlags?: number
  icmpType?: number
  icmpCode?: number
}

export interface SuricataAlert {
  rule: SuricataRule
  timeMs: number
  seen: Inspected
}

interface Prepared {
  rule: SuricataRule
  byBuffer: { name: BufferName; parts: Part[]; surest: ContentPart | undefined; folded: Buffer | undefined }[]
  /** Needs single packets: their size, flags or type. */
  isOfPackets: boolean
  /** Reads named buffers, which come with messages. */
  isOfMessages: boolean
}

interface FlowState {
  bits: Set<string>
  /** Rules on what a side says, that have alerted: once is enough. */
  told: Set<string>
}

const countersLimit = 100_000
const bitsLimit = 256
const protocolNames: Record<string, string> = { dcerpc: 'dce_rpc', krb5: 'kerberos', ike: 'ike' }

/** Runs rules of Suricata over what a sensor sees. Flow bits and thresholds are kept in memory, both bounded. */
export class SuricataEngine {
  private readonly prepared: Prepared[]
  private readonly flows = new WeakMap<object, FlowState>()
  private readonly counters = new BoundedMap<string, { sinceMs: number; count: number; told: number }>(countersLimit)

  constructor(rules: readonly SuricataRule[]) {
    // Rules that set bits before those that ask for them, so that one piece may do both.
    const setsBits = (rule: SuricataRule) => rule.flowBits.some(({ act }) => act !== 'isset' && act !== 'isnotset')
    this.prepared = [...rules.filter(setsBits), ...rules.filter((rule) => !setsBits(rule))].map(prepare)
  }

  inspect(seen: Inspected): SuricataAlert[] {
    const alerts: SuricataAlert[] = []
    const texts = new Map<BufferName, Text>()
    for (const prepared of this.prepared) {
      const { rule } = prepared
      if (!this.holds(prepared, seen, texts)) continue
      const state = this.stateOf(seen.flow)
      if (!bitsHold(rule.flowBits, state.bits)) continue
      const key = `${rule.gid}:${rule.sid}:${seen.direction}`
      if (seen.kind === 'stream') {
        if (state.told.has(key)) continue
        state.told.add(key)
      }
      setBits(rule.flowBits, state.bits)
      if (rule.isSilent || !this.passes(rule, seen)) continue
      alerts.push({ rule, timeMs: seen.timeMs, seen })
    }
    return alerts
  }

  private stateOf(flow: object): FlowState {
    let state = this.flows.get(flow)
    if (!state) {
      state = { bits: new Set(), told: new Set() }
      this.flows.set(flow, state)
    }
    return state
  }

  private holds(
    { rule, byBuffer, isOfPackets, isOfMessages }: Prepared,
    seen: Inspected,
    texts: Map<BufferName, Text>,
  ): boolean {
    // What a side says in all is asked of streams where there are streams, and of packets elsewhere.
    if (isOfMessages !== (seen.kind === 'message')) return false
    if (!isOfMessages) {
      const wantsPackets = isOfPackets || seen.transport !== 'tcp'
      if (wantsPackets !== (seen.kind === 'packet')) return false
    }
    if (!protocolHolds(rule.protocol, seen)) return false
    if (rule.direction !== undefined && rule.direction !== seen.direction) return false
    if (rule.isEstablished !== undefined && rule.isEstablished !== seen.isEstablished) return false
    if (!endsHold(rule, seen)) return false
    if (rule.payloadSize && !isInRange(seen.buffers.payload?.length ?? 0, rule.payloadSize)) return false
    if (rule.icmpType && (seen.icmpType === undefined || !isInRange(seen.icmpType, rule.icmpType))) return false
    if (rule.icmpCode && (seen.icmpCode === undefined || !isInRange(seen.icmpCode, rule.icmpCode))) return false
    if (rule.tcpFlags && !flagsHold(rule.tcpFlags, seen.tcpFlags)) return false
    return byBuffer.every(({ name, parts, surest, folded }) => {
      const bytes = seen.buffers[name]
      if (!bytes) return false
      let text = texts.get(name)
      if (!text) {
        text = new Text(bytes)
        texts.set(name, text)
      }
      if (surest && !(folded ? text.lower.includes(folded) : bytes.includes(surest.bytes))) return false
      return partsMatch(parts, text)
    })
  }

  /** Suricata, "Rule Thresholding": limit tells the first `count`, threshold every `count`-th, both the `count`-th once. */
  private passes(rule: SuricataRule, seen: Inspected): boolean {
    const { threshold } = rule
    if (!threshold) return true
    const key = `${rule.gid}:${rule.sid}|${trackOf(threshold, seen)}`
    let counter = this.counters.get(key)
    if (!counter || seen.timeMs - counter.sinceMs >= threshold.seconds * 1_000) {
      counter = { sinceMs: seen.timeMs, count: 0, told: 0 }
      this.counters.set(key, counter)
    }
    counter.count++
    const { count } = threshold
    switch (threshold.type) {
      case 'limit':
        return counter.count <= count
      case 'threshold':
        return counter.count % count === 0
      case 'both':
        return counter.count === count
      case 'filter':
        return counter.count > count
    }
  }
}

function prepare(rule: SuricataRule): Prepared {
  const byBuffer = rule.buffers.map((name) => {
    const parts = rule.parts.filter((part) => part.buffer === name)
    const surest = surestContent(parts, name)
    return { name, parts, surest, folded: surest?.isCaseless ? foldCase(surest.bytes) : undefined }
  })
  const isOfMessages = rule.buffers.some((name) => name !== 'payload')
  const isPacketProtocol = rule.protocol === 'tcp-pkt'
  const hasPacketParts = rule.payloadSize ?? rule.tcpFlags ?? rule.icmpType ?? rule.icmpCode
  const isOfPackets = !isOfMessages && (isPacketProtocol || hasPacketParts !== undefined || rule.parts.length === 0)
  return { rule, byBuffer, isOfPackets, isOfMessages }
}

function protocolHolds(protocol: string, seen: Inspected): boolean {
  if (protocol === 'ip') return true
  if (protocol === 'tcp' || protocol === 'tcp-pkt' || protocol === 'tcp-stream') return seen.transport === 'tcp'
  if (protocol === 'udp' || protocol === 'icmp') return seen.transport === protocol
  return seen.protocol === (protocolNames[protocol] ?? protocol)
}

function endsHold(rule: SuricataRule, seen: Inspected): boolean {
  const hasPorts = seen.transport === 'tcp' || seen.transport === 'udp'
  const holds = (from: string, fromPort: number, to: string, toPort: number) =>
    rule.source(from) &&
    rule.destination(to) &&
    (!hasPorts || (rule.sourcePort(fromPort) && rule.destinationPort(toPort)))
  const { source, sourcePort, destination, destinationPort } = seen
  if (holds(source, sourcePort, destination, destinationPort)) return true
  return rule.isBidirectional && holds(destination, destinationPort, source, sourcePort)
}

function flagsHold(
  { mask, value, isNegated, mode }: NonNullable<SuricataRule['tcpFlags']>,
  flags: number | undefined,
): boolean {
  if (flags === undefined) return false
  const own = flags & mask
  const holds = mode === 'exact' ? own === value : mode === 'all' ? (own & value) === value : (own & value) !== 0
  return isNegated ? (own & value) === 0 : holds
}

function bitsHold(flowBits: readonly FlowBit[], bits: ReadonlySet<string>): boolean {
  return flowBits.every(({ act, names }) => {
    if (act === 'isset') return names.some((name) => bits.has(name))
    return act !== 'isnotset' || !names.some((name) => bits.has(name))
  })
}

function setBits(flowBits: readonly FlowBit[], bits: Set<string>): void {
  for (const { act, names } of flowBits) {
    for (const name of names) {
      const isSet = bits.has(name)
      if (act === 'unset' || (act === 'toggle' && isSet)) bits.delete(name)
      else if ((act === 'set' || act === 'toggle') && bits.size < bitsLimit) bits.add(name)
    }
  }
}

function trackOf({ track }: Threshold, { source, destination }: Inspected): string {
  if (track === 'by_src') return source
  if (track === 'by_dst') return destination
  return track === 'by_both' ? `${source}|${destination}` : ''
}
