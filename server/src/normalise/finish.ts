import type { Fields } from '../event/event.ts'
import type { Run } from './run.ts'
import { addRelated, derives, runStoreFor } from './store-field.ts'

const stores = {
  relatedIp: runStoreFor('related.ip'),
  relatedUser: runStoreFor('related.user'),
  relatedHosts: runStoreFor('related.hosts'),
  path: runStoreFor('url.path'),
}

/** Fields that follow from others, for every source alike: names from paths, parts of the URL, what is related. */
export function deriveFields(run: Run): void {
  const { fields, derive } = run
  if (derive !== 0) {
    if (derive & derives.processName) nameFromPath(fields, 'process.executable', 'process.name')
    if (derive & derives.parentName) nameFromPath(fields, 'process.parent.executable', 'process.parent.name')
    if (derive & derives.fileName) nameFromPath(fields, 'file.path', 'file.name')
    if (derive & derives.url && fields['url.path'] === undefined) splitUrl(run)
  }
  if (run.relatedIp !== undefined) stores.relatedIp(run, run.relatedIp)
  if (run.relatedUser !== undefined) stores.relatedUser(run, run.relatedUser)
  if (run.relatedHosts !== undefined) stores.relatedHosts(run, run.relatedHosts)
}

function nameFromPath(fields: Fields, from: string, to: string): void {
  const path = fields[from]
  if (typeof path !== 'string' || fields[to] !== undefined) return
  const name = path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
  if (name !== '') fields[to] = name
}

/** `url.path`, `url.query`, `url.domain`, `url.scheme` and `url.port` from the whole URL or the one in the request line. */
function splitUrl(run: Run): void {
  const { fields } = run
  const url = fields['url.full'] ?? fields['url.original']
  if (typeof url !== 'string') return
  let rest = url
  // Only in front: `/go?to=https://…` is a path with a query.
  const scheme = /^[A-Za-z][A-Za-z\d+.-]{0,10}:\/\//.test(rest) ? rest.indexOf('://') : -1
  if (scheme > 0) {
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
    if (host !== '' && fields['url.domain'] === undefined) {
      fields['url.domain'] = host.toLowerCase()
      addRelated(run, 'relatedHosts', host.toLowerCase())
    }
  } else if (!rest.startsWith('/') && !rest.startsWith('?')) return
  const fragment = rest.indexOf('#')
  if (fragment >= 0) rest = rest.slice(0, fragment)
  const question = rest.indexOf('?')
  stores.path(run, question < 0 ? rest || '/' : rest.slice(0, question) || '/')
  if (question >= 0) fields['url.query'] ??= rest.slice(question + 1)
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
