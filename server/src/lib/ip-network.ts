import { canonicalIp, formatIpv6, ipv4Number, isIpv4, parseIpv6 } from './ip-address.ts'

/**
 * An address or range in its one spelling: `10.1.2.3/8` is `10.0.0.0/8`, a single address has no length. Undefined when the
 * text is neither.
 */
export function canonicalNetwork(text: string): string | undefined {
  const [addressText, lengthText, ...more] = text.trim().split('/')
  const address = canonicalIp(addressText ?? '')
  if (address === undefined || more.length > 0) return undefined
  const width = isIpv4(address) ? 32 : 128
  if (lengthText === undefined) return address
  if (!/^\d{1,3}$/.test(lengthText)) return undefined
  const length = Number(lengthText)
  if (length > width) return undefined
  if (length === width) return address
  return `${width === 32 ? maskIpv4(address, length) : maskIpv6(address, length)}/${length}`
}

function maskIpv4(address: string, length: number): string {
  const mask = length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0
  const masked = (ipv4Number(address) & mask) >>> 0
  return [24, 16, 8, 0].map((shift) => (masked >>> shift) & 255).join('.')
}

function maskIpv6(address: string, length: number): string {
  const groups = parseIpv6(address)!.map((group, index) => {
    const kept = Math.min(16, Math.max(0, length - index * 16))
    return group & (0xffff << (16 - kept)) & 0xffff
  })
  return formatIpv6(groups)
}
