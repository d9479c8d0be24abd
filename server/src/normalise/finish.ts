import type { Fields, FieldValue } from '../event/event.ts'

const addressFields = [
  'source.ip',
  'destination.ip',
  'host.ip',
  'client.ip',
  'server.ip',
  'source.nat.ip',
  'destination.nat.ip',
  'dns.resolved_ip',
] as const
const userFields = [
  'user.name',
  'user.target.name',
  'source.user.name',
  'destination.user.name',
  'user.effective.name',
] as const
const hostFields = [
  'host.name',
  'source.domain',
  'destination.domain',
  'url.domain',
  'dns.question.name',
  'tls.client.server_name',
] as const

/** Fields that follow from others, for every source alike: names from paths, parts of the URL, what is related. */
export function deriveFields(fields: Fields): void {
  nameFromPath(fields, 'process.executable', 'process.name')
  nameFromPath(fields, 'process.parent.executable', 'process.parent.name')
  nameFromPath(fields, 'file.path', 'file.name')
  if (fields['url.path'] === undefined) splitUrl(fields)
  related(fields, 'related.ip', addressFields)
  related(fields, 'related.user', userFields)
  related(fields, 'related.hosts', hostFields)
}

function nameFromPath(fields: Fields, from: string, to: string): void {
  const path = fields[from]
  if (typeof path !== 'string' || fields[to] !== undefined) return
  const name = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
  if (name !== '') fields[to] = name
}

/** `url.path`, `url.query`, `url.domain`, `url.scheme` and `url.port` from the whole URL or the one in the request line. */
function splitUrl(fields: Fields): void {
  const url = fields['url.full'] ?? fields['url.original']
  if (typeof url !== 'string') return
  let rest = url
  const scheme = rest.indexOf('://')
  if (scheme > 0 && scheme < 12) {
    fields['url.scheme'] ??= rest.slice(0, scheme).toLowerCase()
    rest = rest.slice(scheme + 3)
    const slash = rest.search(/[/?#]/)
    let host = slash < 0 ? rest : rest.slice(0, slash)
    rest = slash < 0 ? '' : rest.slice(slash)
    host = host.slice(host.lastIndexOf('@') + 1)
    const port = /:(\d{1,5})$/.exec(host)
    if (port) {
      fields['url.port'] ??= Number(port[1])
      host = host.slice(0, port.index)
    }
    if (host !== '') fields['url.domain'] ??= host.toLowerCase()
  } else if (!rest.startsWith('/') && !rest.startsWith('?')) return
  const fragment = rest.indexOf('#')
  if (fragment >= 0) rest = rest.slice(0, fragment)
  const question = rest.indexOf('?')
  fields['url.path'] = question < 0 ? rest || '/' : rest.slice(0, question) || '/'
  if (question >= 0) fields['url.query'] ??= rest.slice(question + 1)
}

function related(fields: Fields, to: string, from: readonly string[]): void {
  let list: FieldValue[] | undefined
  const present = fields[to]
  if (Array.isArray(present)) list = present
  for (const name of from) {
    const value = fields[name]
    if (value === undefined || value === null) continue
    if (Array.isArray(value)) {
      for (const item of value) {
        if (list === undefined) list = [item]
        else if (!list.includes(item)) list.push(item)
      }
    } else if (list === undefined) list = [value]
    else if (!list.includes(value)) list.push(value)
  }
  if (list !== undefined) fields[to] = list
}

/** Before this no log was written: clocks that were never set begin in 1970 or 1980. */
const earliestMs = Date.UTC(1990, 0, 1)

/**
 * The event time that is used: the one found, unless it lies too far ahead of the receipt or before any log was
 * written. Then it is the time of receipt; what was found is kept in `labels.claimed_time`, with a tag.
 */
export function plausibleTime(
  timeMs: number,
  receivedAtMs: number,
  aheadLimitMs: number,
  fields: Fields,
  tags: string[],
): number {
  if (Number.isNaN(timeMs)) return receivedAtMs
  if (timeMs > receivedAtMs + aheadLimitMs) tags.push('time_in_future')
  else if (timeMs < earliestMs) tags.push('time_implausible')
  else return timeMs
  if (Math.abs(timeMs) < 8.64e15) fields['labels.claimed_time'] = new Date(timeMs).toISOString()
  return receivedAtMs
}
