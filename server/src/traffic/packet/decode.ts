import { u16be, u32be } from '../../lib/binary.ts'
import { Fragments, isIpv4Fragment } from './fragments.ts'
import { linkType, type Packet, transport } from './packet.ts'
import type { ReportWeird } from './weird.ts'

const etherType = {
  ipv4: 0x0800,
  arp: 0x0806,
  vlan: 0x8100,
  ipv6: 0x86dd,
  mplsUnicast: 0x8847,
  mplsMulticast: 0x8848,
  pppoeSession: 0x8864,
  serviceVlan: 0x88a8,
  erspan2: 0x88be,
  erspan3: 0x22eb,
  transparentEthernet: 0x6558,
  ppp: 0x880b,
} as const

const tunnelPort = { vxlan: 4789, vxlanLinux: 8472, geneve: 6081, gtpUser: 2152 } as const
/** Tunnels within tunnels that are followed; deeper ones are an attack on the decoder or a mistake. */
const tunnelDepthLimit = 4
const extensionHeaderLimit = 8

/** Finds addresses, ports and payload of a packet: link, VLAN tags, MPLS, PPPoE, IP with fragments, tunnels, transport. */
export class Decoder {
  readonly fragments: Fragments
  private readonly weird: ReportWeird
  private depth = 0

  constructor(weird: ReportWeird) {
    this.weird = weird
    this.fragments = new Fragments(weird)
  }

  /** True when the packet is IP and complete enough to belong to a flow; others are told by `packet.etherType`. */
  decode(packet: Packet): boolean {
    packet.vlan = -1
    packet.macSource = -1
    packet.macDestination = -1
    packet.etherType = 0
    packet.ipVersion = 0
    packet.isFragment = false
    packet.fragmentKey = ''
    packet.tunnel = ''
    this.depth = 0
    const { bytes, start, end } = packet
    switch (packet.link) {
      case linkType.ethernet:
        return this.ethernet(packet, start)
      case linkType.raw:
      case linkType.rawOld:
      case linkType.rawBsd:
      case linkType.ipv4:
      case linkType.ipv6:
        return this.ip(packet, start)
      case linkType.linuxCooked:
        if (end - start < 16) return this.truncated('truncated_link_header')
        if (u16be(bytes, start + 4) === 6) packet.macSource = start + 6
        return this.byEtherType(packet, u16be(bytes, start + 14), start + 16)
      case linkType.linuxCooked2:
        if (end - start < 20) return this.truncated('truncated_link_header')
        if (bytes[start + 11] === 6) packet.macSource = start + 12
        return this.byEtherType(packet, u16be(bytes, start), start + 20)
      case linkType.null:
      case linkType.loop:
        // The address family in the byte order of whoever captured: IPv4 is 2 everywhere, IPv6 is not, so look.
        return end - start < 5 ? this.truncated('truncated_link_header') : this.ip(packet, start + 4)
      case linkType.ppp:
      case linkType.pppHdlc:
        return this.ppp(packet, start)
      case linkType.ieee80211:
        return this.ieee80211(packet, start)
      case linkType.radiotap:
      case linkType.ppiHeader:
        if (end - start < 4) return this.truncated('truncated_link_header')
        return this.ieee80211(packet, start + (bytes[start + 2]! | (bytes[start + 3]! << 8)))
      default:
        this.weird('unknown_link_type', String(packet.link))
        return false
    }
  }

  private truncated(name: string): false {
    this.weird(name)
    return false
  }

  private ethernet(packet: Packet, start: number): boolean {
    if (packet.end - start < 14) return this.truncated('truncated_ethernet_frame')
    packet.macDestination = start
    packet.macSource = start + 6
    return this.byEtherType(packet, u16be(packet.bytes, start + 12), start + 14)
  }

  private byEtherType(packet: Packet, type: number, start: number): boolean {
    const { bytes, end } = packet
    let at = start
    let kind = type
    for (let tags = 0; kind === etherType.vlan || kind === etherType.serviceVlan || kind === 0x9100; tags++) {
      if (end - at < 4 || tags > 3) return this.truncated('truncated_vlan_tag')
      if (packet.vlan < 0) packet.vlan = u16be(bytes, at) & 0xfff
      kind = u16be(bytes, at + 2)
      at += 4
    }
    packet.etherType = kind
    packet.transportStart = at
    if (kind === etherType.ipv4 || kind === etherType.ipv6) return this.ip(packet, at)
    if (kind === etherType.mplsUnicast || kind === etherType.mplsMulticast) return this.mpls(packet, at)
    if (kind === etherType.pppoeSession) return this.ppp(packet, at + 6)
    // A length instead of a type: 802.3 with LLC; only the SNAP form carries an EtherType.
    if (kind < 1_536 && end - at >= 8 && u16be(bytes, at) === 0xaaaa && bytes[at + 2] === 3) {
      packet.etherType = u16be(bytes, at + 6)
      if (packet.etherType >= 1_536) return this.byEtherType(packet, packet.etherType, at + 8)
    }
    return false
  }

  private mpls(packet: Packet, start: number): boolean {
    const { bytes, end } = packet
    let at = start
    for (let labels = 0; ; labels++) {
      if (end - at < 5 || labels > 15) return this.truncated('truncated_mpls_label')
      const isBottom = (bytes[at + 2]! & 1) === 1
      at += 4
      if (isBottom) break
    }
    const nibble = bytes[at]! >> 4
    if (nibble === 4 || nibble === 6) return this.ip(packet, at)
    // A pseudowire: a control word of zeros (RFC 4385), then Ethernet; without one Ethernet at once.
    return this.ethernet(packet, nibble === 0 ? at + 4 : at)
  }

  private ppp(packet: Packet, start: number): boolean {
    const { bytes, end } = packet
    let at = start
    if (end - at < 4) return this.truncated('truncated_ppp_frame')
    if (bytes[at] === 0xff && bytes[at + 1] === 3) at += 2
    // Protocol numbers may be compressed to one octet, which is then odd (RFC 1661 section 6.5).
    const isShort = (bytes[at]! & 1) === 1
    const protocol = isShort ? bytes[at]! : u16be(bytes, at)
    at += isShort ? 1 : 2
    return protocol === 0x21 || protocol === 0x57 ? this.ip(packet, at) : false
  }

  /** Data frames of 802.11 that are not encrypted; their LLC header carries the EtherType. */
  private ieee80211(packet: Packet, start: number): boolean {
    const { bytes, end } = packet
    if (end - start < 24) return false
    const control = bytes[start]!
    const flags = bytes[start + 1]!
    const isData = (control & 0x0c) === 0x08
    if (!isData || (control & 0x40) !== 0 || (flags & 0x40) !== 0) return false
    const hasFourAddresses = (flags & 3) === 3
    const at = start + 24 + (hasFourAddresses ? 6 : 0) + (control & 0x80 ? 2 : 0)
    if (end - at < 8 || u16be(bytes, at) !== 0xaaaa) return false
    return this.byEtherType(packet, u16be(bytes, at + 6), at + 8)
  }

  private ip(packet: Packet, start: number): boolean {
    if (packet.end - start < 1) return this.truncated('truncated_ip')
    const version = packet.bytes[start]! >> 4
    if (version === 4) return this.ipv4(packet, start)
    if (version === 6) return this.ipv6(packet, start)
    this.weird('unknown_ip_version')
    return false
  }

  private ipv4(packet: Packet, start: number): boolean {
    const { bytes, end } = packet
    if (end - start < 20) return this.truncated('truncated_ip')
    const headerBytes = (bytes[start]! & 15) << 2
    if (headerBytes < 20 || start + headerBytes > end) return this.truncated('invalid_ip_header_size')
    const totalLength = u16be(bytes, start + 2)
    if (totalLength !== 0 && totalLength < headerBytes) return this.truncated('internally_truncated_header')
    packet.ipVersion = 4
    packet.ipStart = start
    // A length of zero: the network card was to cut the packet (segmentation offload), and the capture saw it before.
    packet.ipEnd = totalLength === 0 ? start + packet.wireLength - (start - packet.start) : start + totalLength
    packet.sourceOffset = start + 12
    packet.destinationOffset = start + 16
    packet.timeToLive = bytes[start + 8]!
    packet.protocol = bytes[start + 9]!
    if (isIpv4Fragment(bytes, start)) {
      const word = u16be(bytes, start + 6)
      const whole = this.fragments.take(packet, {
        id: u16be(bytes, start + 4),
        offset: (word & 0x1fff) << 3,
        isLast: (word & 0x2000) === 0,
        start: start + headerBytes,
        headerEnd: start + headerBytes,
        protocol: packet.protocol,
      })
      packet.isFragment = !whole
      return whole ? this.transport(packet, headerBytes) : false
    }
    return this.transport(packet, start + headerBytes)
  }

  private ipv6(packet: Packet, start: number): boolean {
    const { bytes, end } = packet
    if (end - start < 40) return this.truncated('truncated_ipv6')
    const payloadLength = u16be(bytes, start + 4)
    packet.ipVersion = 6
    packet.ipStart = start
    packet.ipEnd = payloadLength === 0 ? start + packet.wireLength - (start - packet.start) : start + 40 + payloadLength
    packet.sourceOffset = start + 8
    packet.destinationOffset = start + 24
    packet.timeToLive = bytes[start + 7]!
    return this.ipv6Headers(packet, bytes[start + 6]!, start + 40)
  }

  /** Follows the chain of extension headers to the transport (RFC 8200 section 4). */
  private ipv6Headers(packet: Packet, first: number, start: number): boolean {
    let next = first
    let at = start
    for (let headers = 0; headers < extensionHeaderLimit; headers++) {
      const { bytes, end } = packet
      switch (next) {
        case 0:
        case 43:
        case 60:
        case 135:
        case 139:
        case 140:
          if (end - at < 8) return this.truncated('truncated_ipv6_extension')
          next = bytes[at]!
          at += (bytes[at + 1]! + 1) << 3
          continue
        case 51:
          if (end - at < 8) return this.truncated('truncated_ipv6_extension')
          next = bytes[at]!
          at += (bytes[at + 1]! + 2) << 2
          continue
        case 44: {
          if (end - at < 8) return this.truncated('truncated_ipv6_extension')
          next = bytes[at]!
          const word = u16be(bytes, at + 2)
          if ((word & 0xfff9) === 0) {
            // An atomic fragment (RFC 6946): whole as it is.
            at += 8
            continue
          }
          const headerBytes = at - packet.ipStart
          const whole = this.fragments.take(packet, {
            id: u32be(bytes, at + 4),
            offset: word & 0xfff8,
            isLast: (word & 1) === 0,
            start: at + 8,
            headerEnd: at,
            protocol: next,
          })
          packet.isFragment = !whole
          if (!whole) return false
          // The whole datagram lies in a buffer of its own that begins with its headers.
          at = headerBytes
          continue
        }
        default:
          packet.protocol = next
          return this.transport(packet, at)
      }
    }
    this.weird('excessive_ipv6_extensions')
    return false
  }

  private transport(packet: Packet, start: number): boolean {
    const { bytes, protocol } = packet
    const end = Math.min(packet.end, packet.ipEnd)
    packet.transportStart = start
    packet.sourcePort = 0
    packet.destinationPort = 0
    packet.flags = 0
    packet.payloadStart = start
    packet.payloadEnd = end
    packet.payloadLength = Math.max(0, packet.ipEnd - start)
    if (protocol === transport.tcp) {
      if (end - start < 20) return this.truncated('truncated_tcp')
      const headerBytes = (bytes[start + 12]! >> 4) << 2
      if (headerBytes < 20) return this.truncated('bad_TCP_header_len')
      packet.sourcePort = u16be(bytes, start)
      packet.destinationPort = u16be(bytes, start + 2)
      packet.sequence = u32be(bytes, start + 4)
      packet.acknowledgement = u32be(bytes, start + 8)
      packet.flags = bytes[start + 13]!
      packet.window = u16be(bytes, start + 14)
      packet.payloadStart = Math.min(end, start + headerBytes)
      packet.payloadLength = Math.max(0, packet.ipEnd - start - headerBytes)
      return true
    }
    if (protocol === transport.udp) {
      if (end - start < 8) return this.truncated('truncated_UDP')
      packet.sourcePort = u16be(bytes, start)
      packet.destinationPort = u16be(bytes, start + 2)
      packet.payloadStart = start + 8
      const length = u16be(bytes, start + 4)
      // What stands behind the datagram's own length is padding; a length of zero means a jumbogram (RFC 2675).
      if (length >= 8 && start + length < end) packet.payloadEnd = start + length
      packet.payloadLength = length >= 8 ? length - 8 : Math.max(0, packet.ipEnd - start - 8)
      return this.udpTunnel(packet) ?? true
    }
    if (protocol === transport.icmp || protocol === transport.icmpv6) {
      if (end - start < 4) return this.truncated('truncated_ICMP')
      packet.payloadStart = Math.min(end, start + 8)
      packet.payloadLength = Math.max(0, packet.ipEnd - start - 8)
      return true
    }
    if (protocol === transport.sctp) {
      if (end - start < 12) return this.truncated('truncated_SCTP')
      packet.sourcePort = u16be(bytes, start)
      packet.destinationPort = u16be(bytes, start + 2)
      packet.payloadStart = start + 12
      packet.payloadLength = Math.max(0, packet.ipEnd - start - 12)
      return true
    }
    if (protocol === transport.gre) return this.gre(packet, start, end) ?? true
    if (protocol === 4 || protocol === 41) {
      if (!this.enter(packet, protocol === 4 ? 'ipip' : '6in4')) return false
      return this.ip(packet, start)
    }
    return true
  }

  private enter(packet: Packet, name: string): boolean {
    if (++this.depth > tunnelDepthLimit) {
      this.weird('exceeded_tunnel_max_depth')
      return false
    }
    packet.tunnel = packet.tunnel === '' ? name : `${packet.tunnel},${name}`
    return true
  }

  /** Undefined when what is inside is not followed, and the GRE packet itself is the flow's. */
  private gre(packet: Packet, start: number, end: number): boolean | undefined {
    const { bytes } = packet
    if (end - start < 4) return this.truncated('truncated_GRE')
    const flags = bytes[start]!
    const version = bytes[start + 1]! & 7
    const type = u16be(bytes, start + 2)
    let at = start + 4
    if (flags & 0xc0) at += 4
    if (flags & 0x20) at += 4
    if (flags & 0x10) at += 4
    if (version === 1 && bytes[start + 1]! & 0x80) at += 4
    if (at >= end) return undefined
    if (version === 1) return type === etherType.ppp && this.enter(packet, 'pptp') ? this.ppp(packet, at) : undefined
    if (version !== 0) return undefined
    // ERSPAN type I has no header of its own, types II and III have 8 and 12 bytes; the sequence bit tells I from II.
    if (type === etherType.erspan2) {
      return this.enter(packet, 'erspan') ? this.ethernet(packet, flags & 0x10 ? at + 8 : at) : false
    }
    if (type === etherType.erspan3) {
      const hasSubheader = end - at >= 12 && (bytes[at + 11]! & 1) === 1
      return this.enter(packet, 'erspan') ? this.ethernet(packet, at + (hasSubheader ? 20 : 12)) : false
    }
    if (type === etherType.transparentEthernet) return this.enter(packet, 'gre') ? this.ethernet(packet, at) : false
    if (type === etherType.ipv4 || type === etherType.ipv6)
      return this.enter(packet, 'gre') ? this.ip(packet, at) : false
    if (type === etherType.mplsUnicast) return this.enter(packet, 'gre') ? this.mpls(packet, at) : false
    return undefined
  }

  /** Undefined when the datagram carries no tunnel we follow. */
  private udpTunnel(packet: Packet): boolean | undefined {
    const { bytes, destinationPort, payloadStart: start, payloadEnd: end } = packet
    if (destinationPort === tunnelPort.vxlan || destinationPort === tunnelPort.vxlanLinux) {
      // RFC 7348 section 5: the flag I alone is set, the reserved octets are zero.
      if (end - start < 22 || (bytes[start]! & 0x08) === 0 || bytes[start + 7] !== 0) return undefined
      return this.enter(packet, 'vxlan') ? this.ethernet(packet, start + 8) : false
    }
    if (destinationPort === tunnelPort.geneve) {
      if (end - start < 22 || bytes[start]! >> 6 !== 0) return undefined
      const type = u16be(bytes, start + 2)
      const at = start + 8 + ((bytes[start]! & 0x3f) << 2)
      if (type !== etherType.transparentEthernet || at + 14 > end) return undefined
      return this.enter(packet, 'geneve') ? this.ethernet(packet, at) : false
    }
    if (destinationPort === tunnelPort.gtpUser) {
      // 3GPP TS 29.281: version 1, protocol type GTP, message type 255 (G-PDU).
      if (end - start < 28 || bytes[start]! >> 4 !== 3 || bytes[start + 1] !== 255) return undefined
      let at = start + 8
      if (bytes[start]! & 7) {
        at += 4
        let next = bytes[start]! & 4 ? bytes[at - 1]! : 0
        while (next !== 0 && at < end && bytes[at]! > 0) {
          at += bytes[at]! << 2
          next = bytes[at - 1]!
        }
      }
      if (at >= end) return undefined
      return this.enter(packet, 'gtp') ? this.ip(packet, at) : false
    }
    return undefined
  }
}
