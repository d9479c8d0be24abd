import { formatIpv6, ipv4Number, parseIpv6 } from './ip-address.ts'

/** First and last address of a network, in canonical text; `network` is a canonical address of either family. */
export function networkRange(network: string, prefixBits: number): [low: string, high: string] {
  if (!network.includes(':')) {
    const mask = prefixBits === 0 ? 0 : (0xffffffff << (32 - prefixBits)) >>> 0
    const low = (ipv4Number(network) & mask) >>> 0
    return [ipv4Text(low), ipv4Text((low | ~mask) >>> 0)]
  }
  const groups = parseIpv6(network) ?? []
  const low = groups.map((group, index) => group & groupMask(prefixBits, index))
  const high = low.map((group, index) => group | (~groupMask(prefixBits, index) & 0xffff))
  return [formatIpv6(low), formatIpv6(high)]
}

/** Bits of the 16-bit group that belong to the network. */
function groupMask(prefixBits: number, index: number): number {
  const bits = Math.min(16, Math.max(0, prefixBits - index * 16))
  return (0xffff << (16 - bits)) & 0xffff
}

function ipv4Text(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.')
}
