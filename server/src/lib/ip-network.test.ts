import { expect, test } from 'vitest'
import { canonicalNetwork } from './ip-network.ts'

test.each([
  ['10.1.2.3', '10.1.2.3'],
  [' 10.1.2.3/32 ', '10.1.2.3'],
  ['10.1.2.3/8', '10.0.0.0/8'],
  ['10.1.2.255/31', '10.1.2.254/31'],
  ['255.255.255.255/0', '0.0.0.0/0'],
  ['2001:DB8::FFFF/36', '2001:db8::/36'],
  ['2001:db8:abcd:12ff::1/60', '2001:db8:abcd:12f0::/60'],
  ['::1/128', '::1'],
  ['ff::/0', '::/0'],
])('%s is %s', (text, network) => {
  expect(canonicalNetwork(text)).toBe(network)
  expect(canonicalNetwork(network)).toBe(network)
})

test.each([
  '',
  '/8',
  '10.1.2.3/',
  '10.1.2.3/33',
  '::/129',
  '10.1.2.3/8/8',
  '10.1.2.3/-1',
  '10.1.2.3/8x',
  '10.1.2',
  '::ffff:10.0.0.1/96',
])('%s is none', (text) => expect(canonicalNetwork(text)).toBeUndefined())
