import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressWords } from '../lib/cidr-table.ts'
import { canonicalIpOf } from '../lib/ip-octets.ts'
import { openAutonomousSystems, packAutonomousSystems, type SystemRange } from './autonomous-systems.ts'

const range = (first: string, last: string, number: number, organization = `network ${number}`): SystemRange => ({
  first: addressWords(first),
  last: addressWords(last),
  system: { number, organization },
})

const open = (...ranges: SystemRange[]) => {
  const four = ranges.filter(({ first }) => first.length === 1)
  const packed = packAutonomousSystems(
    four,
    ranges.filter((one) => !four.includes(one)),
  )
  // As threads get it: in memory that is shared.
  const block = new SharedArrayBuffer(packed.length)
  new Uint8Array(block).set(packed)
  return openAutonomousSystems(block)
}

describe('autonomous systems', () => {
  it('knows the first and the last address of a range, and none beside it', () => {
    const find = open(
      range('192.0.2.0', '192.0.2.255', 64496, '云川市政务网'),
      range('192.0.3.0', '192.0.3.7', 64497),
      range('0.0.0.0', '0.0.0.255', 64498),
      range('255.255.255.0', '255.255.255.255', 64499),
      range('2001:db8::', '2001:db8:0:ffff:ffff:ffff:ffff:ffff', 64500),
      range('ffff::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 64501),
    )
    expect(find('192.0.2.0')).toEqual({ number: 64496, organization: '云川市政务网' })
    const known = ['192.0.1.255', '192.0.2.255', '192.0.3.0', '192.0.3.8', '0.0.0.0', '255.255.255.255']
    expect(known.map((address) => find(address)?.number)).toEqual([undefined, 64496, 64497, undefined, 64498, 64499])
    const six = ['2001:db8::', '2001:db8:0:ffff:ffff:ffff:ffff:ffff', '2001:db8:1::', '::1', 'ffff::1']
    expect(six.map((address) => find(address)?.number)).toEqual([64500, 64500, undefined, undefined, 64501])
  })

  it('ends a range where a later one begins', () => {
    const find = open(
      range('10.0.0.0', '10.0.0.99', 1),
      range('10.0.0.50', '10.0.0.60', 2),
      range('10.0.0.50', '10.0.0.70', 3),
    )
    expect(['10.0.0.49', '10.0.0.50', '10.0.0.70', '10.0.0.80'].map((one) => find(one)?.number)).toEqual([
      ...[1, 3, 3, undefined],
    ])
  })

  it('refuses what is cut, grown or something else', () => {
    const packed = packAutonomousSystems([range('192.0.2.0', '192.0.2.255', 64496)], [])
    const bytes = (copy: Uint8Array) => Uint8Array.from(copy).buffer
    expect(() => openAutonomousSystems(bytes(packed))).not.toThrow()
    for (const block of [packed.subarray(0, -1), packed.subarray(0, 8), new Uint8Array(0), new Uint8Array(4096)])
      expect(() => openAutonomousSystems(bytes(block))).toThrow(RangeError)
    expect(() => openAutonomousSystems(bytes(Buffer.concat([packed, Buffer.alloc(4)])))).toThrow(RangeError)
  })

  it('finds what a look at every range finds', () => {
    const octets = (size: number) =>
      fc.uint8Array({ minLength: size, maxLength: size }).map((bytes) => {
        // Few bits of each address vary, so that ranges meet, touch and hold the addresses that are asked for.
        const narrow = bytes.map((byte, index) => (index < size - 1 ? (byte % 2) * 255 : byte))
        return { text: canonicalIpOf(narrow), value: BigInt(`0x${Buffer.from(narrow).toString('hex')}`) }
      })
    const family = fc.constantFrom(4, 16).chain((size) =>
      fc.record({
        ends: fc.uniqueArray(octets(size), { selector: ({ value }) => value, maxLength: 12 }),
        asked: fc.array(octets(size), { minLength: 1, maxLength: 12 }),
      }),
    )
    fc.assert(
      fc.property(family, ({ ends, asked }) => {
        const sorted = ends.toSorted((a, b) => (a.value < b.value ? -1 : 1))
        const pairs = Array.from({ length: Math.floor(sorted.length / 2) }, (_, index) => ({
          first: sorted[index * 2]!,
          last: sorted[index * 2 + 1]!,
          number: 1 + (index % 3),
        }))
        const find = open(...pairs.map(({ first, last, number }) => range(first.text, last.text, number)))
        for (const { text, value } of [...asked, ...ends]) {
          const expected = pairs.find(({ first, last }) => first.value <= value && value <= last.value)?.number
          expect(find(text)?.number).toBe(expected)
        }
      }),
    )
  })
})
