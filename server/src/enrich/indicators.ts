import type { Severity } from '../event/event.ts'
import { severityRank } from '../event/event.ts'
import { CidrTable } from '../lib/cidr-table.ts'
import { canonicalIp } from '../lib/ip-address.ts'

/** What is known to be bad; see state/indicators. */
export interface EnrichIndicator {
  id: number
  type: 'ip' | 'cidr' | 'domain' | 'url' | 'sha256' | 'sha1' | 'md5' | 'email'
  value: string
  severity: Severity
  /** 0 to 100. */
  confidence: number
  description: string
  /** Where it came from. */
  origin: string
  /** It is looked for in events of this unit and below. */
  unitPath: string
  /** Milliseconds since the epoch; absent when it does not expire. */
  expiresAtMs?: number | undefined
}

/** Indicators arranged for looking up; each answer lists the worst first. */
export interface IndicatorIndex {
  isEmpty: boolean
  hasUrls: boolean
  byAddress(address: string): readonly EnrichIndicator[]
  /** The name itself and every domain above it. */
  byDomain(name: string): readonly EnrichIndicator[]
  byUrl(url: string): readonly EnrichIndicator[]
  /** Hashes and mail addresses, exact. */
  byExact(type: EnrichIndicator['type'], value: string): readonly EnrichIndicator[]
}

const none: readonly EnrichIndicator[] = []

/** Most labels of a name that are looked up from its end. */
const labelsLimit = 32

export function createIndicatorIndex(indicators: readonly EnrichIndicator[]): IndicatorIndex {
  const networks = new CidrTable<EnrichIndicator[]>()
  const networkLists = new Map<string, EnrichIndicator[]>()
  const addresses = new Map<string, EnrichIndicator[]>()
  const domains = new Map<string, EnrichIndicator[]>()
  const urls = new Map<string, EnrichIndicator[]>()
  const exact = new Map<string, EnrichIndicator[]>()
  for (const indicator of indicators) {
    const value = indicator.value.trim()
    if (indicator.type === 'ip' || indicator.type === 'cidr') {
      const address = canonicalIp(value)
      if (address !== undefined) push(addresses, address, indicator)
      else {
        push(networkLists, value, indicator)
        networks.add(value, networkLists.get(value)!)
      }
    } else if (indicator.type === 'domain') push(domains, value.toLowerCase().replace(/^\*?\.|\.$/g, ''), indicator)
    else if (indicator.type === 'url') push(urls, comparableUrl(value), indicator)
    else push(exact, `${indicator.type}:${value.toLowerCase()}`, indicator)
  }
  for (const lists of [addresses, domains, urls, exact, networkLists])
    for (const list of lists.values()) list.sort(worstFirst)
  return {
    isEmpty: indicators.length === 0,
    hasUrls: urls.size > 0,
    byAddress(address) {
      const direct = addresses.get(address)
      const network = networks.find(address)
      return direct && network ? [...direct, ...network].sort(worstFirst) : (direct ?? network ?? none)
    },
    byDomain(name) {
      if (domains.size === 0) return none
      let domain = name.toLowerCase()
      if (domain.endsWith('.')) domain = domain.slice(0, -1)
      let found = none
      for (let labels = 0; labels < labelsLimit; labels++) {
        const list = domains.get(domain)
        if (list) found = found.length === 0 ? list : [...found, ...list].sort(worstFirst)
        const dot = domain.indexOf('.')
        if (dot < 0) break
        domain = domain.slice(dot + 1)
      }
      return found
    },
    byUrl: (url) => urls.get(comparableUrl(url)) ?? none,
    byExact: (type, value) => exact.get(`${type}:${value.toLowerCase()}`) ?? none,
  }
}

function push(lists: Map<string, EnrichIndicator[]>, key: string, indicator: EnrichIndicator): void {
  const list = lists.get(key)
  if (list) list.push(indicator)
  else lists.set(key, [indicator])
}

function worstFirst(left: EnrichIndicator, right: EnrichIndicator): number {
  return (
    severityRank[right.severity] - severityRank[left.severity] ||
    right.confidence - left.confidence ||
    left.id - right.id
  )
}

/** Host in lower case, no scheme, no fragment, no port that is the scheme's own, no lone slash at the end. */
export function comparableUrl(url: string): string {
  let text = url
  const fragment = text.indexOf('#')
  if (fragment >= 0) text = text.slice(0, fragment)
  const scheme = text.indexOf('://')
  if (scheme > 0 && scheme < 12) text = text.slice(scheme + 3)
  const slash = text.search(/[/?]/)
  const host = (slash < 0 ? text : text.slice(0, slash)).toLowerCase().replace(/:(?:80|443)$/, '')
  const path = slash < 0 ? '' : text.slice(slash)
  return host + (path === '/' ? '' : path)
}
