import type { Event, Fields } from '../event/event.ts'
import { severityRank } from '../event/event.ts'
import type { EnrichIndicator, IndicatorIndex } from './indicators.ts'

const addressFields = [
  'destination.ip',
  'source.ip',
  'dns.resolved_ip',
  'network.forwarded_ip',
  'client.ip',
  'server.ip',
] as const
const domainFields = [
  'dns.question.name',
  'url.domain',
  'tls.client.server_name',
  'destination.domain',
  'source.domain',
] as const
const hashFields: [type: EnrichIndicator['type'], fields: readonly string[]][] = [
  ['sha256', ['file.hash.sha256', 'process.hash.sha256', 'dll.hash.sha256']],
  ['sha1', ['file.hash.sha1', 'process.hash.sha1', 'dll.hash.sha1']],
  ['md5', ['file.hash.md5', 'process.hash.md5', 'dll.hash.md5']],
  ['email', ['email.from.address', 'email.sender.address', 'email.reply_to.address']],
]

/** ECS names of the kinds of indicators. */
const ecsTypes: Record<EnrichIndicator['type'], string> = {
  ip: 'ipv4-addr',
  cidr: 'ipv4-addr',
  domain: 'domain-name',
  url: 'url',
  sha256: 'file',
  sha1: 'file',
  md5: 'file',
  email: 'email-addr',
}

interface Found {
  indicator: EnrichIndicator
  field: string
  value: string
}

/**
 * Marks an event that holds something known to be bad: `threat.indicator.*` describes the worst indicator,
 * `threat.matched.*` says in which field it was found and how many others were.
 */
export function matchIndicators(
  event: Event,
  index: IndicatorIndex,
  lookAddress: (address: string) => readonly EnrichIndicator[],
): boolean {
  const { fields } = event
  let best: Found | undefined
  let count = 0
  const consider = (indicators: readonly EnrichIndicator[], field: string, value: string) => {
    for (const indicator of indicators) {
      if (!event.unitPath.startsWith(indicator.unitPath)) continue
      if (indicator.expiresAtMs !== undefined && indicator.expiresAtMs <= event.receivedAtMs) continue
      count++
      if (!best || severityRank[indicator.severity] > severityRank[best.indicator.severity])
        best = { indicator, field, value }
    }
  }
  for (const field of addressFields) each(fields, field, (value) => consider(lookAddress(value), field, value))
  for (const field of domainFields) each(fields, field, (value) => consider(index.byDomain(value), field, value))
  for (const [type, names] of hashFields) {
    for (const field of names) each(fields, field, (value) => consider(index.byExact(type, value), field, value))
  }
  if (index.hasUrls) {
    const url = urlOf(fields)
    if (url) consider(index.byUrl(url.value), url.field, url.value)
  }
  if (!best) return false
  mark(fields, best, count)
  return true
}

function each(fields: Fields, field: string, visit: (value: string) => void): void {
  const value = fields[field]
  if (value === undefined) return
  if (typeof value === 'string') visit(value)
  else if (Array.isArray(value)) for (const item of value) if (typeof item === 'string') visit(item)
}

/** The whole URL: as given, or put together from host and request target. */
function urlOf(fields: Fields): { field: string; value: string } | undefined {
  const full = fields['url.full']
  if (typeof full === 'string') return { field: 'url.full', value: full }
  const original = fields['url.original']
  if (typeof original !== 'string') return undefined
  if (original.includes('://')) return { field: 'url.original', value: original }
  const domain = fields['url.domain']
  return typeof domain === 'string' ? { field: 'url.original', value: `${domain}${original}` } : undefined
}

function mark(fields: Fields, { indicator, field, value }: Found, count: number): void {
  const isAddress = indicator.type === 'ip' || indicator.type === 'cidr'
  fields['threat.indicator.type'] = isAddress && value.includes(':') ? 'ipv6-addr' : ecsTypes[indicator.type]
  fields['threat.indicator.name'] = indicator.value
  fields['threat.indicator.confidence'] = String(indicator.confidence)
  fields['threat.indicator.provider'] = indicator.origin
  if (indicator.description !== '') fields['threat.indicator.description'] = indicator.description
  fields['threat.matched.field'] = field
  fields['threat.matched.value'] = value
  fields['threat.matched.indicator_id'] = indicator.id
  fields['threat.matched.kind'] = indicator.type
  fields['threat.matched.severity'] = indicator.severity
  fields['threat.matched.count'] = count
}
