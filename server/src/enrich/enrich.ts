import type { Event, Fields } from '../event/event.ts'
import { BoundedMap } from '../lib/bounded-map.ts'
import { isPrivateIp } from '../lib/ip-address.ts'
import type { FindPlace, Place } from './geo.ts'
import { createIndicatorIndex, type EnrichIndicator } from './indicators.ts'
import { createInventory, type EnrichAsset } from './inventory.ts'
import { matchIndicators } from './match-indicators.ts'

/** Everything enrichment knows beside the event; replaced as a whole when something of it changes. */
export interface EnrichKnowledge {
  assets: readonly EnrichAsset[]
  /** Unit path -> the unit's id and name. */
  units: ReadonlyMap<string, { id: number; name: string }>
  /** Source key -> path of the unit the sender was given to. */
  sources: ReadonlyMap<string, string>
  indicators: readonly EnrichIndicator[]
}

export interface Enricher {
  /** Adds place, owner, asset and indicators to the events, in place. */
  enrich(events: readonly Event[]): void
  /** Takes new knowledge; the next batch is enriched with it. */
  replace(knowledge: EnrichKnowledge): void
  counters: { events: number; matched: number; cachedAddresses: number; evictedAddresses: number }
}

/** What is known of one address, looked up once. */
interface Address {
  isPrivate: boolean
  place: Place
  asset: EnrichAsset | undefined
  indicators: readonly EnrichIndicator[]
}

const rootUnitPath = '/1/'
/** Most addresses whose facts are kept. */
const addressesLimit = 100_000
const emptyPlace: Place = {
  country: undefined,
  region: undefined,
  city: undefined,
  location: undefined,
  asNumber: undefined,
  asOrganization: undefined,
}

/**
 * Event -> Event. The owner is the unit of the sender, or the unit of the asset when that lies below it: a unit's
 * sender never writes into another unit's events.
 */
export function createEnricher(knowledge: EnrichKnowledge, findPlace: FindPlace): Enricher {
  let inventory = createInventory(knowledge.assets)
  let indicators = createIndicatorIndex(knowledge.indicators)
  let { units, sources } = knowledge
  const addresses = new BoundedMap<string, Address>(addressesLimit)
  const counters = { events: 0, matched: 0, cachedAddresses: 0, evictedAddresses: 0 }

  function look(address: string): Address {
    let facts = addresses.get(address)
    if (facts === undefined) {
      const isPrivate = isPrivateIp(address)
      facts = {
        isPrivate,
        place: isPrivate ? emptyPlace : findPlace(address),
        asset: inventory.byAddress(address),
        indicators: indicators.byAddress(address),
      }
      addresses.set(address, facts)
    }
    return facts
  }
  const indicatorsOf = (address: string) => look(address).indicators

  function assetOf(
    fields: Fields,
    source: Address | undefined,
    destination: Address | undefined,
  ): EnrichAsset | undefined {
    const host = fields['host.name']
    const byHost = typeof host === 'string' ? inventory.byHost(host) : undefined
    if (byHost) return byHost
    const hostIp = fields['host.ip']
    if (Array.isArray(hostIp)) {
      for (const address of hostIp) {
        const asset = typeof address === 'string' ? look(address).asset : undefined
        if (asset) return asset
      }
    }
    return destination?.asset ?? source?.asset
  }

  function enrichOne(event: Event): void {
    const { fields } = event
    const sourceIp = fields['source.ip']
    const destinationIp = fields['destination.ip']
    const source = typeof sourceIp === 'string' ? look(sourceIp) : undefined
    const destination = typeof destinationIp === 'string' ? look(destinationIp) : undefined
    if (source) putPlace(fields, 'source', source.place)
    if (destination) putPlace(fields, 'destination', destination.place)
    if (source && destination) fields['network.direction'] ??= directionOf(source, destination)

    const asset = assetOf(fields, source, destination)
    let unitPath = sources.get(event.sourceKey) ?? rootUnitPath
    if (asset) {
      if (asset.unitPath.startsWith(unitPath)) unitPath = asset.unitPath
      // Another unit's asset is not named in this unit's event: its owner's inventory is not theirs to read.
      if (unitPath.startsWith(asset.unitPath) || asset.unitPath === unitPath) {
        fields['asset.id'] = asset.id
        fields['asset.name'] = asset.name
        fields['asset.criticality'] = asset.criticality
      }
    }
    event.unitPath = unitPath
    const unit = units.get(unitPath)
    if (unit) {
      fields['organization.id'] = String(unit.id)
      fields['organization.name'] = unit.name
    }
    if (!indicators.isEmpty && matchIndicators(event, indicators, indicatorsOf)) counters.matched++
  }

  return {
    enrich(events) {
      for (const event of events) enrichOne(event)
      counters.events += events.length
      counters.cachedAddresses = addresses.size
      counters.evictedAddresses = addresses.evictions
    },
    replace(next) {
      inventory = createInventory(next.assets)
      indicators = createIndicatorIndex(next.indicators)
      units = next.units
      sources = next.sources
      addresses.clear()
    },
    counters,
  }
}

/** Seen from the networks that are ours: private ranges and the addresses of assets. */
function directionOf(source: Address, destination: Address): string {
  const fromUs = source.isPrivate || source.asset !== undefined
  const toUs = destination.isPrivate || destination.asset !== undefined
  if (fromUs) return toUs ? 'internal' : 'outbound'
  return toUs ? 'inbound' : 'external'
}

/** Names of the fields of each side, spelled out: this is run for every event. */
const placeFields = {
  source: {
    country: 'source.geo.country_iso_code',
    region: 'source.geo.region_name',
    city: 'source.geo.city_name',
    location: 'source.geo.location',
    asNumber: 'source.as.number',
    asOrganization: 'source.as.organization.name',
  },
  destination: {
    country: 'destination.geo.country_iso_code',
    region: 'destination.geo.region_name',
    city: 'destination.geo.city_name',
    location: 'destination.geo.location',
    asNumber: 'destination.as.number',
    asOrganization: 'destination.as.organization.name',
  },
} as const

/** What the sender said itself stays. */
function putPlace(fields: Fields, side: 'source' | 'destination', place: Place): void {
  const names = placeFields[side]
  if (place.country !== undefined) fields[names.country] ??= place.country
  if (place.region !== undefined) fields[names.region] ??= place.region
  if (place.city !== undefined) fields[names.city] ??= place.city
  if (place.location !== undefined) fields[names.location] ??= place.location
  if (place.asNumber === undefined) return
  fields[names.asNumber] ??= place.asNumber
  // The name belongs to the number: it is not put beside another number that the sender gave.
  if (fields[names.asNumber] === place.asNumber && place.asOrganization !== undefined)
    fields[names.asOrganization] ??= place.asOrganization
}
