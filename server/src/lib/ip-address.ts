/**
 * IP addresses as text. IPv4 is dotted decimal without leading zeros (RFC 6943 section 3.1.1 explains why others are
 * refused); IPv6 is written as RFC 5952 asks. An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) is the IPv4 address.
 */

/** Canonical text of an address, or undefined when the text is none. Brackets and a zone (`%eth0`) are dropped. */
export function canonicalIp(text: string): string | undefined {
  if (isIpv4(text)) return text
  const groups = parseIpv6(text)
  if (!groups) return undefined
  return mappedIpv4(groups) ?? formatIpv6(groups)
}

/** True for dotted decimal with four parts of 0 to 255 and no leading zeros. */
export function isIpv4(text: string): boolean {
  const length = text.length
  if (length < 7 || length > 15) return false
  let parts = 1
  let digits = 0
  let value = 0
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index)
    if (code === 46) {
      if (digits === 0 || ++parts > 4) return false
      digits = 0
      value = 0
    } else {
      const digit = code - 48
      if (digit < 0 || digit > 9) return false
      if (digits > 0 && value === 0) return false
      value = value * 10 + digit
      if (value > 255) return false
      digits++
    }
  }
  return parts === 4 && digits > 0
}

/** The 32 bits of a dotted-decimal address that `isIpv4` accepts, as an unsigned number. */
export function ipv4Number(text: string): number {
  let number = 0
  let part = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code === 46) {
      number = number * 256 + part
      part = 0
    } else part = part * 10 + code - 48
  }
  return number * 256 + part
}

/** Eight 16-bit groups, or undefined when the text is no IPv6 address. */
export function parseIpv6(text: string): number[] | undefined {
  if (text.length < 2 || text.length > 64 || !text.includes(':')) return undefined
  let address = text
  if (address.startsWith('[') && address.endsWith(']')) address = address.slice(1, -1)
  const zone = address.indexOf('%')
  if (zone >= 0) address = address.slice(0, zone)
  const lastColon = address.lastIndexOf(':')
  const tail = address.slice(lastColon + 1)
  if (tail.includes('.')) {
    if (!isIpv4(tail)) return undefined
    const number = ipv4Number(tail)
    address = `${address.slice(0, lastColon + 1)}${(number >>> 16).toString(16)}:${(number & 0xffff).toString(16)}`
  }
  const halves = address.split('::')
  if (halves.length > 2) return undefined
  const head = parseGroups(halves[0]!)
  if (!head) return undefined
  if (halves.length === 1) return head.length === 8 ? head : undefined
  const rest = parseGroups(halves[1]!)
  if (!rest || head.length + rest.length > 7) return undefined
  return [...head, ...new Array<number>(8 - head.length - rest.length).fill(0), ...rest]
}

function parseGroups(text: string): number[] | undefined {
  if (text === '') return []
  const groups: number[] = []
  for (const group of text.split(':')) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return undefined
    groups.push(Number.parseInt(group, 16))
  }
  return groups
}

function mappedIpv4(groups: number[]): string | undefined {
  for (let index = 0; index < 5; index++) if (groups[index] !== 0) return undefined
  if (groups[5] !== 0xffff) return undefined
  const high = groups[6]!
  const low = groups[7]!
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}

/** RFC 5952: lower case, no leading zeros, the longest run of two or more zero groups (the first of equals) is `::`. */
export function formatIpv6(groups: number[]): string {
  let bestStart = -1
  let bestLength = 1
  for (let start = 0; start < 8; start++) {
    let length = 0
    while (start + length < 8 && groups[start + length] === 0) length++
    if (length > bestLength) {
      bestStart = start
      bestLength = length
    }
    start += length
  }
  const hex = groups.map((group) => group.toString(16))
  if (bestStart < 0) return hex.join(':')
  return `${hex.slice(0, bestStart).join(':')}::${hex.slice(bestStart + bestLength).join(':')}`
}

/** Ranges that are not reachable from the internet: RFC 1918, 6598, 3927, loopback, unique and link local (RFC 4193, 4291). */
export function isPrivateIp(canonical: string): boolean {
  if (canonical.includes(':')) {
    if (canonical === '::1' || canonical === '::') return true
    const first = Number.parseInt(canonical, 16)
    return (first & 0xfe00) === 0xfc00 || (first & 0xffc0) === 0xfe80
  }
  const number = ipv4Number(canonical)
  const first = Math.floor(number / 0x1000000)
  const second = (number >>> 16) & 255
  return (
    first === 10 ||
    first === 127 ||
    first === 0 ||
    (first === 172 && second >= 16 && second < 32) ||
    (first === 192 && second === 168) ||
    (first === 169 && second === 254) ||
    (first === 100 && second >= 64 && second < 128)
  )
}
