import { isIP } from 'node:net'
import type { Network } from './predicate.ts'

/** Reads `10.0.0.0/8` or `fe80::/10`; undefined when it is no network or has host bits set. */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf('/')
  const bytes = parseAddress(slash < 0 ? text : text.slice(0, slash))
  if (!bytes) return undefined
  const length = slash < 0 ? String(bytes.length * 8) : text.slice(slash + 1)
  if (!/^\d{1,3}$/.test(length) || Number(length) > bytes.length * 8) return undefined
  const network = { bytes, prefixLength: Number(length) }
  for (let bit = network.prefixLength; bit < bytes.length * 8; bit++) {
    if ((bytes[bit >> 3]! & (0x80 >> (bit & 7))) !== 0) return undefined
  }
  return network
}

/** The 4 or 16 bytes of an address in any textual form; undefined for anything else. IPv4-mapped IPv6 stays IPv6. */
export function parseAddress(text: string): Uint8Array | undefined {
  const version = isIP(text)
  if (version === 4) return ipv4Bytes(text)
  if (version !== 6) return undefined
  let address = text.split('%')[0]!
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address)
  if (dotted) {
    const [, head, a, b, c, d] = dotted
    address = `${head}${((Number(a) << 8) | Number(b)).toString(16)}:${((Number(c) << 8) | Number(d)).toString(16)}`
  }
  const [left = '', right] = address.split('::')
  const leftGroups = left === '' ? [] : left.split(':')
  const rightGroups = right === undefined || right === '' ? [] : right.split(':')
  const bytes = new Uint8Array(16)
  for (const [index, group] of leftGroups.entries()) writeGroup(bytes, index, group)
  for (const [index, group] of rightGroups.entries()) writeGroup(bytes, 8 - rightGroups.length + index, group)
  return bytes
}

/** The text is known to be an IPv4 address. */
function ipv4Bytes(text: string): Uint8Array {
  const bytes = new Uint8Array(4)
  let place = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 46) place++
    else bytes[place] = bytes[place]! * 10 + code - 48
  }
  return bytes
}

function writeGroup(bytes: Uint8Array, index: number, group: string): void {
  const value = Number.parseInt(group, 16)
  bytes[index * 2] = value >> 8
  bytes[index * 2 + 1] = value & 0xff
}

/** True when the address lies in the network; families never mix. */
export function contains(network: Network, address: Uint8Array): boolean {
  if (address.length !== network.bytes.length) return false
  const whole = network.prefixLength >> 3
  for (let i = 0; i < whole; i++) if (address[i] !== network.bytes[i]) return false
  const rest = network.prefixLength & 7
  if (rest === 0) return true
  const mask = (0xff00 >> rest) & 0xff
  return (address[whole]! & mask) === (network.bytes[whole]! & mask)
}
