import { i32be, u16be } from '../../lib/binary.ts'
import { type Packet, transport } from '../packet/packet.ts'

/** Words of a key: both addresses (IPv4 in the last of four words), both ports, protocol and version. */
export const keyWords = 10

/**
 * Which conversation a packet belongs to. Both directions have one key: the lower of the two endpoints stands first.
 * One object is reused for all packets.
 */
export class FlowKey {
  readonly words = new Int32Array(keyWords)
  /** True when the packet last taken came from the second endpoint of the key. */
  isReversed = false

  /** Takes the key of a decoded packet; answers its hash, a signed word that is the same in every run. */
  take(packet: Packet): number {
    const { bytes, sourceOffset: source, destinationOffset: destination, protocol } = packet
    const { words } = this
    let hash: number
    if (packet.ipVersion === 4) {
      const from = i32be(bytes, source)
      const to = i32be(bytes, destination)
      const reversed = isGreater(from, to) || (from === to && packet.sourcePort > packet.destinationPort)
      this.isReversed = reversed
      words[0] = words[1] = words[2] = words[4] = words[5] = words[6] = 0
      words[3] = reversed ? to : from
      words[7] = reversed ? from : to
      words[8] = reversed
        ? (packet.destinationPort << 16) | packet.sourcePort
        : (packet.sourcePort << 16) | packet.destinationPort
      words[9] = (protocol << 8) | 4
      hash =
        Math.imul(words[3] ^ Math.imul(words[7], 0x9e3779b1), 0x85ebca6b) ^ Math.imul(words[8], 0xc2b2ae35) ^ words[9]
    } else {
      const order = compareAddresses(bytes, source, destination)
      const reversed = order > 0 || (order === 0 && packet.sourcePort > packet.destinationPort)
      this.isReversed = reversed
      const first = reversed ? destination : source
      const second = reversed ? source : destination
      hash = 0
      for (let word = 0; word < 4; word++) {
        words[word] = i32be(bytes, first + 4 * word)
        words[4 + word] = i32be(bytes, second + 4 * word)
        hash = Math.imul(hash ^ words[word]! ^ Math.imul(words[4 + word]!, 0x9e3779b1), 0x85ebca6b)
      }
      words[8] = reversed
        ? (packet.destinationPort << 16) | packet.sourcePort
        : (packet.sourcePort << 16) | packet.destinationPort
      words[9] = (protocol << 8) | 6
      hash ^= Math.imul(words[8], 0xc2b2ae35) ^ words[9]
    }
    hash ^= hash >>> 15
    hash = Math.imul(hash, 0x2c1b3c6d)
    return hash ^ (hash >>> 13)
  }
}

/** Unsigned order of two 32-bit words that are held as signed ones. */
function isGreater(one: number, two: number): boolean {
  return one >>> 0 > two >>> 0
}

function compareAddresses(bytes: Uint8Array, one: number, two: number): number {
  for (let octet = 0; octet < 16; octet++) {
    const difference = bytes[one + octet]! - bytes[two + octet]!
    if (difference !== 0) return difference
  }
  return 0
}

/** ICMP types that ask and their answers (community id specification; RFC 792, RFC 4443, RFC 2710, RFC 4861, RFC 4620). */
const icmpAnswers = new Map([
  [8, 0],
  [0, 8],
  [13, 14],
  [14, 13],
  [15, 16],
  [16, 15],
  [17, 18],
  [18, 17],
  [10, 9],
  [9, 10],
])
const icmpv6Answers = new Map([
  [128, 129],
  [129, 128],
  [130, 131],
  [131, 130],
  [133, 134],
  [134, 133],
  [135, 136],
  [136, 135],
  [139, 140],
  [140, 139],
  [144, 145],
  [145, 144],
])

/** Gives an ICMP packet "ports" as the community id does, so that question and answer share a flow. */
export function setIcmpPorts(packet: Packet): void {
  const { bytes, transportStart: start } = packet
  const type = bytes[start]!
  const answers = packet.protocol === transport.icmp ? icmpAnswers : icmpv6Answers
  const answer = answers.get(type)
  packet.sourcePort = type
  packet.destinationPort = answer ?? bytes[start + 1]!
  packet.sequence = answer === undefined ? 0 : u16be(bytes, start + 4)
}
