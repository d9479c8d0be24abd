/** Link types of the captures we read, by their registered numbers (https://www.tcpdump.org/linktypes.html). */
export const linkType = {
  null: 0,
  ethernet: 1,
  ppp: 9,
  pppHdlc: 50,
  rawOld: 12,
  rawBsd: 14,
  raw: 101,
  loop: 108,
  linuxCooked: 113,
  ieee80211: 105,
  ppiHeader: 192,
  radiotap: 127,
  ipv4: 228,
  ipv6: 229,
  linuxCooked2: 276,
} as const

export const transport = { icmp: 1, igmp: 2, tcp: 6, udp: 17, gre: 47, esp: 50, icmpv6: 58, sctp: 132 } as const

export const tcpFlag = { fin: 1, syn: 2, rst: 4, push: 8, ack: 16, urgent: 32 } as const

/**
 * One captured packet, decoded down to its transport payload. One object is reused for all packets of a sensor, so
 * nobody may keep it, or a view of `bytes`, beyond the call.
 */
export class Packet {
  /** The buffer that holds the frame; it may hold many others. */
  bytes: Uint8Array = new Uint8Array(0)
  /** Start and end of the captured bytes of the frame in `bytes`. */
  start = 0
  end = 0
  /** Bytes that were on the wire, which is more than `end - start` where the capture cut the frame. */
  wireLength = 0
  /** Microseconds since the epoch; a double holds them exactly until the year 2255. */
  timeUs = 0
  link: number = linkType.ethernet

  // What decoding finds.
  /** Outermost VLAN id, or -1. */
  vlan = -1
  /** Offsets of the link addresses, or -1 where the link has none. */
  macSource = -1
  macDestination = -1
  /** Last EtherType seen; 0 where the link has none. */
  etherType = 0
  /** 4 or 6; 0 when the frame holds no IP packet. */
  ipVersion = 0
  /** Offset of the (innermost) IP header. */
  ipStart = 0
  /** End of the IP packet as its header tells it, which may lie beyond the captured end. */
  ipEnd = 0
  /** Offsets of the addresses in `bytes`. */
  sourceOffset = 0
  destinationOffset = 0
  timeToLive = 0
  protocol = 0
  /** True for all fragments but those that were put together again. */
  isFragment = false
  /** Names the datagram that a fragment belongs to, also when it completed it; empty for what is no fragment. */
  fragmentKey = ''
  /** Where the transport header begins; of a frame without an IP packet, what its EtherType is of. */
  transportStart = 0
  sourcePort = 0
  destinationPort = 0
  sequence = 0
  acknowledgement = 0
  flags = 0
  window = 0
  /** Start and end of the transport payload that was captured. */
  payloadStart = 0
  payloadEnd = 0
  /** Payload length on the wire; larger than what was captured for a cut frame. */
  payloadLength = 0
  /** Tunnels around the packet, outermost first, `''` when none: `gre`, `vxlan`, `ipip`, `6in4`, ... */
  tunnel = ''
}
