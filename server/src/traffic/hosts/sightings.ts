import type { Fields } from '../../event/event.ts'
import { i32be, u16be } from '../../lib/binary.ts'
import { canonicalIpOf } from '../../lib/ip-octets.ts'
import { type Packet, tcpFlag, transport } from '../packet/packet.ts'
import { type Emit, noEndpoints } from '../record.ts'

/** Addresses that are remembered; beyond it the older half is forgotten and told again when it speaks. */
const rememberedMax = 131_072
/** A link address with more IPv4 addresses than this is a router's, and tells nothing of theirs. */
const addressesOfOneMac = 4
const arp = 0x0806
/** Records at once, and one a so many microseconds after: a flood of made-up addresses is no list of hosts. */
const recordsAtOnce = 500
const recordEveryUs = 20_000

/**
 * What packets tell of hosts before anybody reads what they say: which link address an address has, and how its system opens
 * connections. Told once by address, and again when it changes, as records of the data set `host`.
 */
export class HostSightings {
  private macs = new Map<number, number>()
  private systems = new Map<number, number>()
  private budget = recordsAtOnce
  private budgetUs = 0
  private readonly addressesByMac = new Map<number, Set<number>>()
  private readonly emit: Emit

  constructor(emit: Emit) {
    this.emit = emit
  }

  /** Takes the first packet of a flow. */
  flow(packet: Packet): void {
    const { bytes, sourceOffset } = packet
    if (packet.ipVersion !== 4 || packet.tunnel !== '' || !isPrivate(bytes, sourceOffset)) return
    const address = i32be(bytes, sourceOffset)
    if (packet.macSource >= 0) this.mac(packet, packet.macSource, sourceOffset, 'frame')
    if (packet.protocol === transport.tcp && (packet.flags & (tcpFlag.syn | tcpFlag.ack)) === tcpFlag.syn)
      this.system(packet, address)
  }

  /** Takes a frame without an IP packet, whose body begins at `transportStart`. */
  frame(packet: Packet): void {
    const { bytes, transportStart: at, end } = packet
    // Ethernet and IPv4 (RFC 826): the sender's two addresses, in questions and answers alike.
    if (packet.etherType !== arp || at + 28 > end || u16be(bytes, at) !== 1 || u16be(bytes, at + 2) !== 0x0800) return
    if (isPrivate(bytes, at + 14)) this.mac(packet, at + 8, at + 14, 'arp')
  }

  private mac(packet: Packet, macAt: number, addressAt: number, origin: 'arp' | 'frame'): void {
    const { bytes } = packet
    const address = i32be(bytes, addressAt)
    // Two thirds of a link address suffice to see that it changed.
    const mac = i32be(bytes, macAt + 2)
    if (this.macs.get(address) === mac || !this.mayTell(packet)) return
    const known = this.addressesByMac.get(mac) ?? new Set()
    if (origin === 'frame' && known.size >= addressesOfOneMac) return
    known.add(address)
    this.addressesByMac.set(mac, known)
    if (this.addressesByMac.size > rememberedMax) this.addressesByMac.clear()
    this.macs = remember(this.macs, address, mac)
    const text = Buffer.from(bytes.subarray(macAt, macAt + 6))
      .toString('hex')
      .toUpperCase()
    this.tell(packet, addressAt, { 'host.mac': [text.replace(/..(?=.)/g, '$&-')], 'traffic.host.origin': origin })
  }

  private system(packet: Packet, address: number): void {
    const { bytes, transportStart: at } = packet
    const headerEnd = at + ((bytes[at + 12]! >> 4) << 2)
    const hops = initialTimeToLive(packet.timeToLive)
    const mark = Math.imul(hops, 65_599) ^ optionsHash(bytes, at + 20, headerEnd)
    if (this.systems.get(address) === mark || !this.mayTell(packet)) return
    this.systems = remember(this.systems, address, mark)
    const options = optionNames(bytes, at + 20, Math.min(headerEnd, packet.end))
    const fields: Fields = {
      'traffic.host.origin': 'tcp.syn',
      'traffic.host.syn': `${hops}:${packet.window}:${options}`,
    }
    const family = familyOf(hops, options)
    if (family !== undefined) fields['host.os.family'] = family
    this.tell(packet, packet.sourceOffset, fields)
  }

  /** What is not told now is told when the host speaks again. */
  private mayTell({ timeUs }: Packet): boolean {
    const due = Math.floor((timeUs - this.budgetUs) / recordEveryUs)
    if (due > 0) {
      this.budget = Math.min(recordsAtOnce, this.budget + due)
      this.budgetUs = timeUs
    }
    return this.budget > 0
  }

  private tell({ bytes, timeUs }: Packet, addressAt: number, fields: Fields): void {
    this.budget--
    const address = canonicalIpOf(bytes.subarray(addressAt, addressAt + 4))
    this.emit({ dataset: 'host', timeUs, endpoints: noEndpoints, fields: { 'host.ip': [address], ...fields } })
  }
}

function remember(map: Map<number, number>, key: number, value: number): Map<number, number> {
  const kept = map.size >= rememberedMax ? new Map([...map].slice(rememberedMax >> 1)) : map
  kept.delete(key)
  kept.set(key, value)
  return kept
}

function isPrivate(bytes: Uint8Array, at: number): boolean {
  const [one, two] = [bytes[at]!, bytes[at + 1]!]
  return (
    one === 10 || (one === 172 && two >> 4 === 1) || (one === 192 && two === 168) || (one === 100 && two >> 6 === 1)
  )
}

/** What it was before the routers took from it: systems begin with 32, 64, 128 or 255. */
function initialTimeToLive(timeToLive: number): number {
  return timeToLive <= 32 ? 32 : timeToLive <= 64 ? 64 : timeToLive <= 128 ? 128 : 255
}

const optionWords = new Map([
  [1, 'nop'],
  [2, 'mss'],
  [3, 'ws'],
  [4, 'sok'],
  [8, 'ts'],
])

function optionNames(bytes: Uint8Array, start: number, end: number): string {
  const names: string[] = []
  for (let at = start; at < end && bytes[at] !== 0; ) {
    const kind = bytes[at]!
    names.push(optionWords.get(kind) ?? String(kind))
    const length = kind === 1 ? 1 : bytes[at + 1]!
    if (length < 1 || names.length >= 20) break
    at += length
  }
  return names.join(',')
}

/** Of the kinds alone: values such as time stamps differ from one connection to the next. */
function optionsHash(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0
  for (let at = start, steps = 0; at < end && bytes[at] !== 0 && steps < 20; steps++) {
    hash = Math.imul(hash ^ bytes[at]!, 16_777_619)
    at += bytes[at] === 1 ? 1 : Math.max(1, bytes[at + 1]!)
  }
  return hash
}

/**
 * Families of systems by the first SYN: where they begin to count hops, and the order in which they write options (the TCP/IP
 * stacks of Linux, Windows and macOS as they are since 2008). A hint, no proof: both can be set.
 */
function familyOf(timeToLive: number, options: string): string | undefined {
  if (timeToLive === 64 && options.startsWith('mss,sok,ts,nop,ws')) return 'linux'
  if (timeToLive === 64 && options.startsWith('mss,nop,ws,nop,nop,ts')) return 'macos'
  if (timeToLive === 128 && options.startsWith('mss,nop')) return 'windows'
  return undefined
}
