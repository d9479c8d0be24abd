import smCrypto from 'sm-crypto'
import { expect, test } from 'vitest'
import { digestHex } from './digest.ts'

test('SM3 gives the digests of GB/T 32905-2016, appendix A', () => {
  expect(digestHex('sm3', 'abc')).toBe('66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0')
  expect(digestHex('sm3', 'abcd'.repeat(16))).toBe('debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732')
})

test('where OpenSSL has no SM3, sm-crypto gives the same', () => {
  for (const text of ['', 'a', '烽燧 🔥', 'x'.repeat(55), 'x'.repeat(56), 'x'.repeat(64), '长'.repeat(1_000)]) {
    expect(smCrypto.sm3(text)).toBe(digestHex('sm3', text))
  }
})
