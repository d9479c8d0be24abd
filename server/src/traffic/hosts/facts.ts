import type { Event, Fields } from '../../event/event.ts'
import { canonicalIp, isPrivateIp } from '../../lib/ip-address.ts'

/** Kinds of what is known of a host from what it was seen to do. */
const factKinds = ['mac', 'name', 'os', 'service', 'software', 'certificate', 'user_agent', 'syn'] as const
export type FactKind = (typeof factKinds)[number]

export interface HostFact {
  address: string
  kind: FactKind
  value: string
  /** Where it was read: `arp`, `dhcp`, `http.user_agent`, ... */
  origin: string
}

const valueLimit = 512
/** States of TCP in which the server spoke (zeek.conn_state). */
const answeredStates = new Set(['SF', 'S1', 'S2', 'S3', 'RSTO', 'RSTR'])

/**
 * What a record of traffic tells of the hosts in it, whoever watched the wire: our sensor, Zeek, Suricata, a router. Only of
 * hosts that are ours: private addresses, and those of assets (network.direction).
 */
export function hostFacts({ fields }: Event): HostFact[] {
  const facts: HostFact[] = []
  const dataset = kindOf(fields)
  if (dataset === undefined) return facts
  const direction = fields['network.direction']
  const source = ours(fields['source.ip'], direction === 'outbound' || direction === 'internal')
  const destination = ours(fields['destination.ip'], direction === 'inbound' || direction === 'internal')
  const add = (address: string | undefined, kind: FactKind, value: unknown, origin: string) => {
    if (address === undefined || (typeof value !== 'string' && typeof value !== 'number') || value === '') return
    facts.push({ address, kind, value: String(value).slice(0, valueLimit), origin })
  }
  readers[dataset]?.({ fields, source, destination, add })
  return facts
}

interface Reading {
  fields: Fields
  source: string | undefined
  destination: string | undefined
  add(address: string | undefined, kind: FactKind, value: unknown, origin: string): void
}

const readers: Record<string, (reading: Reading) => void> = {
  host({ fields, add }) {
    const address = ours(first(fields['host.ip']), false)
    const origin = String(fields['traffic.host.origin'] ?? 'frame')
    add(address, 'mac', macText(first(fields['host.mac'])), origin)
    add(address, 'os', fields['host.os.family'], origin)
    add(address, 'syn', fields['traffic.host.syn'], origin)
  },
  flow({ fields, source, destination, add }) {
    if (answeredStates.has(String(fields['zeek.conn_state']))) add(destination, 'service', serviceOf(fields), 'flow')
    // Exports and Zeek tell link addresses too; those of hosts behind a router are the router's, which Zeek cannot know.
    if (fields['network.direction'] === 'internal') {
      add(source, 'mac', macText(fields['source.mac']), 'flow')
      add(destination, 'mac', macText(fields['destination.mac']), 'flow')
    }
  },
  dhcp({ fields, source, add }) {
    const told =
      fields['zeek.assigned_addr'] ?? fields['suricata.eve.dhcp.assigned_ip'] ?? fields['zeek.requested_addr']
    const address = ours(told, false) ?? source
    if (address === '0.0.0.0') return
    add(address, 'mac', macText(fields['client.mac'] ?? fields['source.mac']), 'dhcp')
    add(address, 'name', fields['zeek.host_name'] ?? fields['host.name'], 'dhcp')
    add(address, 'os', systemOfVendorClass(fields['traffic.dhcp.vendor_class']), 'dhcp')
  },
  dns({ fields, add }) {
    // Over multicast the owner of a name answers for it.
    if (fields['network.protocol'] !== 'mdns' && fields['network.protocol'] !== 'llmnr') return
    for (const address of [fields['dns.resolved_ip']].flat())
      add(ours(address, false), 'name', fields['dns.question.name'], String(fields['network.protocol']))
  },
  nbns({ fields, source, add }) {
    if (fields['event.action'] === 'registration' || fields['event.action'] === 'refresh')
      add(source, 'name', fields['dns.question.name'], 'netbios')
  },
  http({ fields, source, destination, add }) {
    const agent = fields['user_agent.original']
    add(source, 'user_agent', agent, 'http')
    add(source, 'os', systemOfAgent(agent), 'http.user_agent')
    add(destination, 'software', fields['traffic.http.server'] ?? fields['suricata.eve.http.server'], 'http.server')
  },
  tls({ fields, destination, add }) {
    const subject = fields['tls.server.subject'] ?? fields['tls.server.x509.subject.distinguished_name']
    if (typeof subject === 'string') {
      const hash = fields['tls.server.hash.sha256']
      add(destination, 'certificate', hash === undefined ? subject : `${subject} ${hash}`, 'tls')
    }
    const common = fields['tls.server.x509.subject.common_name']
    if (typeof common === 'string' && /^[\w-]+(\.[\w-]+)+$/.test(common)) add(destination, 'name', common, 'tls')
  },
  ssh({ fields, source, destination, add }) {
    add(source, 'software', fields['zeek.client'], 'ssh.client')
    add(destination, 'software', fields['zeek.server'], 'ssh.server')
  },
  ntlm({ fields, source, destination, add }) {
    add(source, 'name', fields['zeek.hostname'] ?? fields['host.name'], 'ntlm')
    add(destination, 'name', fields['zeek.server_nb_computer_name'], 'ntlm')
  },
  kerberos({ fields, source, add }) {
    // A machine signs in with its own account, whose name ends with a dollar sign.
    const name = /^([\w.-]+)\$/.exec(String(fields['user.name'] ?? ''))?.[1]
    add(source, 'name', name, 'kerberos')
  },
  mysql({ fields, destination, add }) {
    const version = fields['traffic.database.server_version']
    if (typeof version === 'string') add(destination, 'software', `MySQL ${version}`, 'mysql')
  },
}

/** The data set as our sensor names it, of records of traffic only. */
function kindOf(fields: Fields): string | undefined {
  const dataset = String(fields['event.dataset'] ?? '')
  switch (fields['event.module']) {
    case 'traffic':
      return dataset
    case 'zeek':
      return zeekNames[dataset.slice('zeek.'.length)] ?? dataset.slice('zeek.'.length)
    case 'suricata':
      return suricataNames[dataset.slice('suricata.'.length)] ?? dataset.slice('suricata.'.length)
    default:
      return undefined
  }
}

const zeekNames: Record<string, string> = { conn: 'flow', ssl: 'tls' }
const suricataNames: Record<string, string> = { krb5: 'kerberos' }

function ours(value: unknown, isOurs: boolean): string | undefined {
  const address = typeof value === 'string' ? canonicalIp(value) : undefined
  if (address === undefined || address === '0.0.0.0' || address === '::' || address.startsWith('127.')) return undefined
  return isOurs || isPrivateIp(address) ? address : undefined
}

function first(value: unknown): unknown {
  return Array.isArray(value) ? value[0] : value
}

/** As ECS writes it: capitals and hyphens; undefined for groups and what is none. */
function macText(value: unknown): string | undefined {
  const digits = typeof value === 'string' ? value.replace(/[^0-9a-f]/gi, '').toUpperCase() : ''
  if (digits.length !== 12 || /^0+$/.test(digits) || Number.parseInt(digits[1]!, 16) & 1) return undefined
  return digits.replace(/..(?=.)/g, '$&-')
}

function serviceOf(fields: Fields): string | undefined {
  const port = fields['destination.port']
  const transport = fields['network.transport']
  if (port === undefined || transport === undefined) return undefined
  const protocol = fields['network.protocol']
  return `${transport}/${port}${typeof protocol === 'string' && protocol !== '' ? ` ${protocol}` : ''}`
}

/** What DHCP clients call themselves (option 60). */
function systemOfVendorClass(value: unknown): string | undefined {
  const text = String(value ?? '')
  if (text.startsWith('MSFT')) return 'windows'
  if (text.startsWith('android-dhcp')) return 'android'
  if (/^(udhcp|dhcpcd)/.test(text)) return 'linux'
  return undefined
}

function systemOfAgent(value: unknown): string | undefined {
  const text = String(value ?? '')
  if (!text.startsWith('Mozilla/')) return undefined
  if (/Windows NT/.test(text)) return 'windows'
  if (/HarmonyOS|OpenHarmony/.test(text)) return 'harmonyos'
  if (/Android/.test(text)) return 'android'
  if (/iPhone|iPad/.test(text)) return 'ios'
  if (/Mac OS X/.test(text)) return 'macos'
  if (/Linux/.test(text)) return 'linux'
  return undefined
}
