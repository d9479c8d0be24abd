import { canonicalIp, formatIpv6 } from './ip-address.ts'

/** Canonical text of 4 or 16 octets. */
export function canonicalIpOf(octets: Uint8Array): string {
  if (octets.length === 4) return `${octets[0]}.${octets[1]}.${octets[2]}.${octets[3]}`
  const groups: number[] = []
  for (let index = 0; index < 16; index += 2) groups.push((octets[index]! << 8) | octets[index + 1]!)
  const text = formatIpv6(groups)
  return text.startsWith('::ffff:') ? (canonicalIp(text) ?? text) : text
}
