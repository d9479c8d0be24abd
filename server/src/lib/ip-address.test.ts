import { isIPv4, isIPv6 } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CidrTable } from './cidr-table.ts'
import { canonicalIp, isIpv4, isPrivateIp } from './ip-address.ts'

describe('addresses', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8:0:1:0:0:0:1', '2001:db8:0:1::1'],
    ['0:0:0:0:0:0:0:0', '::'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['[fe80::1%eth0]', 'fe80::1'],
    ['1:0:0:2:0:0:3:4', '1::2:0:0:3:4'],
    ['192.0.2.01', undefined],
    ['192.0.2', undefined],
    ['1:2:3:4:5:6:7:8:9', undefined],
    ['1::2::3', undefined],
    ['example.com', undefined],
    ['10:20', undefined],
    ['', undefined],
  ])('canonical form of %s is %s', (text, expected) => expect(canonicalIp(text)).toBe(expected))

  it('accepts what the platform accepts, and no more', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.stringMatching(/^[0-9a-f.:]{0,20}$/)), (text) => {
        expect(isIpv4(text)).toBe(isIPv4(text))
        expect(canonicalIp(text) !== undefined).toBe(isIPv4(text) || isIPv6(text))
      }),
    )
  })

  it('finds the longest range that holds an address', () => {
    const table = new CidrTable<string>()
    for (const range of ['10.0.0.0/8', '10.1.0.0/16', '10.1.2.3', '2001:db8::/32', '0.0.0.0/0'])
      expect(table.add(range, range)).toBe(true)
    expect(table.add('10.0.0.0/33', 'x')).toBe(false)
    expect(table.add('nonsense', 'x')).toBe(false)
    expect(table.find('10.1.2.3')).toBe('10.1.2.3')
    expect(table.find('10.1.9.9')).toBe('10.1.0.0/16')
    expect(table.find('10.200.0.1')).toBe('10.0.0.0/8')
    expect(table.find('203.0.113.1')).toBe('0.0.0.0/0')
    expect(table.find('2001:db8:1::1')).toBe('2001:db8::/32')
    expect(table.find('2001:db9::1')).toBeUndefined()
  })

  it('knows private ranges at their edges', () => {
    for (const address of [
      '10.0.0.1',
      '172.16.0.0',
      '172.31.255.255',
      '192.168.0.1',
      '100.64.0.1',
      '127.0.0.1',
      '169.254.1.1',
      '::1',
      'fd00::1',
      'fe80::1',
    ])
      expect(isPrivateIp(address), address).toBe(true)
    for (const address of [
      '172.15.255.255',
      '172.32.0.0',
      '192.169.0.1',
      '100.128.0.1',
      '11.0.0.1',
      '2001:db8::1',
      '8.8.8.8',
    ])
      expect(isPrivateIp(address), address).toBe(false)
  })
})
