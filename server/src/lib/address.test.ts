import { expect, it } from 'vitest'
import { canonicalPeerAddress } from './address.ts'

it('gives one text for one peer', () => {
  expect(canonicalPeerAddress('::ffff:192.0.2.1')).toBe('192.0.2.1')
  expect(canonicalPeerAddress('192.0.2.1')).toBe('192.0.2.1')
  expect(canonicalPeerAddress('fe80::1%eth0')).toBe('fe80::1')
  // An IPv6 address of that prefix in hexadecimal is not what the operating system writes for IPv4.
  expect(canonicalPeerAddress('::ffff:c000:201')).toBe('::ffff:c000:201')
})
