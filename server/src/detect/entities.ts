import { isIP } from 'node:net'
import type { Entity, EntityType, Fields, FieldValue } from '../event/event.ts'
import { canonicalPeerAddress } from '../lib/address.ts'

/** Fields that name an entity, most telling first, and what the entity did. */
const entityFields: [field: string, type: EntityType, role: Entity['role']][] = [
  ['source.ip', 'ip', 'actor'],
  ['client.ip', 'ip', 'actor'],
  ['user.name', 'user', 'actor'],
  ['user.target.name', 'user', 'target'],
  ['host.name', 'host', 'target'],
  ['destination.ip', 'ip', 'target'],
  ['server.ip', 'ip', 'target'],
  ['destination.domain', 'domain', 'target'],
  ['url.domain', 'domain', 'target'],
  ['dns.question.name', 'domain', 'target'],
  ['tls.client.server_name', 'domain', 'target'],
  ['source.domain', 'domain', 'actor'],
  ['process.executable', 'process', 'actor'],
  ['file.path', 'file', 'target'],
  ['url.full', 'url', 'target'],
  ['url.original', 'url', 'target'],
]

/** Entities kept of one event. */
const entityLimit = 16
const valueLimit = 1024
/** What sources write where there is nothing to name. */
const placeholders = new Set(['', '-', '--', 'n/a', 'none', 'null', 'unknown', '(null)', '?'])

/** Who and what an event is about, most telling first, each once. */
export function entitiesOf(fields: Fields): Entity[] {
  const entities: Entity[] = []
  for (const [field, type, role] of entityFields) {
    const value = fields[field]
    for (const member of Array.isArray(value) ? value : [value]) {
      const canonical = canonicalEntity(type, member)
      if (canonical === undefined || entities.length >= entityLimit) continue
      if (entities.some((known) => known.type === canonical.type && known.value === canonical.value)) continue
      entities.push({ ...canonical, role })
    }
  }
  return entities
}

/** The canonical form of an entity's value, or undefined when it names nothing anyone could act on. */
function canonicalEntity(
  type: EntityType,
  value: FieldValue | undefined,
): { type: EntityType; value: string } | undefined {
  if (typeof value !== 'string' || value.length > valueLimit) return undefined
  const text = value.trim()
  if (placeholders.has(text.toLowerCase())) return undefined
  switch (type) {
    case 'ip':
      return isIP(text) > 0 && !isLocal(text) ? { type, value: canonicalPeerAddress(text.toLowerCase()) } : undefined
    case 'domain':
      // A domain field may hold an address: then it is one.
      if (isIP(text) > 0) return canonicalEntity('ip', text)
      return { type, value: text.toLowerCase().replace(/\.$/, '') }
    case 'host':
    case 'user':
      return { type, value: text.toLowerCase() }
    default:
      return { type, value: text }
  }
}

/** Loopback and unspecified addresses name this host to itself: they would tie unrelated events together. */
function isLocal(address: string): boolean {
  return address.startsWith('127.') || address === '0.0.0.0' || address === '::' || address === '::1'
}
