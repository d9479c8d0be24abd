import { canonicalIp, isIpv4 } from './ip-address.ts'
import { networkRange } from './network-range.ts'

/**
 * An address or range in its one spelling: `10.1.2.3/8` is `10.0.0.0/8`, a single address has no length. Undefined when the
 * text is neither.
 */
export function canonicalNetwork(text: string): string | undefined {
  const [addressText, lengthText, ...more] = text.trim().split('/')
  const address = canonicalIp(addressText ?? '')
  if (address === undefined || more.length > 0) return undefined
  if (lengthText === undefined) return address
  const width = isIpv4(address) ? 32 : 128
  const length = /^\d{1,3}$/.test(lengthText) ? Number(lengthText) : Number.NaN
  if (!(length <= width)) return undefined
  return length === width ? address : `${networkRange(address, length)[0]}/${length}`
}
