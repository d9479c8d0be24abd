// Measures the parsers on real records when the data folder beside the checkout is there; skipped otherwise.
// The floors are what was reached; a change that falls below them is looked at.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { shippedContentDir } from '../config/content-dir.ts'
import type { Event } from '../event/event.ts'
import { loadParsers } from './load.ts'
import { createNormaliser } from './normalise.ts'

const dataDir = join(process.env.WATCHFIRE_SHARED ?? join(import.meta.dirname, '../../../../shared'), 'data')
const { parsers } = loadParsers([shippedContentDir()])

interface Pair {
  raw: string
  expected?: Record<string, unknown>
  package?: string
  data_stream?: string
  vendor?: string
  product?: string
}

const read = (path: string) => {
  const bytes = readFileSync(join(dataDir, path))
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
}
const lines = (path: string) =>
  read(path)
    .split('\n')
    .filter((line) => line !== '')
const pairs = (path: string) =>
  lines(path)
    .map((line) => JSON.parse(line) as Pair)
    .filter(({ raw }) => typeof raw === 'string')

function normalise(bodies: string[], receivedAtMs = Date.UTC(2026, 2, 2)): Event[] {
  const normaliser = createNormaliser(parsers, { zone: 'UTC', aheadLimitMs: Number.POSITIVE_INFINITY })
  return normaliser.normalise(
    bodies.map((body, offset) => ({
      partition: 0,
      offset,
      record: { receivedAtMs, transport: 'syslog-udp' as const, sender: 'x', source: '', body: Buffer.from(body) },
    })),
  ).events
}

const parsedShare = (events: Event[]) =>
  events.filter(({ fields }) => fields['event.dataset'] !== 'unparsed').length / events.length

/** Nested document as flat names. */
function flat(value: object, prefix = '', into: Record<string, unknown> = {}): Record<string, unknown> {
  for (const [key, member] of Object.entries(value)) {
    if (typeof member === 'object' && member !== null && !Array.isArray(member)) flat(member, `${prefix}${key}.`, into)
    else into[prefix + key] = member
  }
  return into
}

/** Fields that say who, what and where; classification and lookups differ by taste and are not compared. */
const compared =
  /^(?:source|destination|user|process|url|http|dns|tls|network\.transport|event\.outcome|event\.code|rule|file|log\.level|winlog)\./
const notCompared = /geo|\.as\.|user_agent\.(?:name|os|device|version)|registered_domain|subdomain|top_level/

function agreement(rows: Pair[]) {
  const count = { records: 0, parsed: 0, times: 0, expected: 0, present: 0, equal: 0 }
  for (const { raw, expected = {} } of rows) {
    const timeMs = Date.parse(String(expected['@timestamp']))
    const [event] = normalise([raw], Number.isNaN(timeMs) ? undefined : timeMs + 1000)
    count.records++
    if (event!.fields['event.dataset'] !== 'unparsed') count.parsed++
    if (event!.timeMs === timeMs) count.times++
    for (const [name, value] of Object.entries(flat(expected))) {
      if (!compared.test(name) || notCompared.test(name) || value === '-') continue
      const ours = event!.fields[name]
      count.expected++
      if (ours !== undefined) count.present++
      if (String(ours).toLowerCase() === String(value).toLowerCase()) count.equal++
    }
  }
  return count
}

describe.skipIf(!existsSync(dataDir))('real records of ../shared', () => {
  it.each([
    ['OpenSSH_2k.log', 'linux.auth', 2000],
    ['Apache_2k.log', 'apache.error', 2000],
    ['Linux_2k.log', 'linux.auth', 850],
  ])('%s: everything is parsed, %s', (file, dataset, atLeast) => {
    const events = normalise(lines(`logs/loghub/${file}`))
    expect(parsedShare(events)).toBe(1)
    const own = events.filter(({ fields }) => fields['event.dataset'] === dataset)
    expect(own.length).toBeGreaterThanOrEqual(atLeast)
    if (dataset === 'linux.auth')
      expect(own.filter(({ fields }) => fields['event.action']).length / own.length).toBeGreaterThan(0.99)
  })

  it('Windows events of the rule tests are all recognised, with their data', () => {
    const folder = 'sigma/regression'
    const bodies = readdirSync(join(dataDir, folder))
      .filter((name) => name.endsWith('.ndjson'))
      .flatMap((name) => lines(join(folder, name)))
    const events = normalise(bodies)
    for (const { fields } of events) {
      expect(fields['event.module']).toBe('windows')
      expect(fields['winlog.channel']).toBeTypeOf('string')
      expect(fields['winlog.event_id']).toBeTypeOf('string')
    }
  })

  it('Chinese devices: most are taken apart by the generic parsers', () => {
    const rows = pairs('logs/chinese_devices_botuq.ndjson.gz')
    const events = rows.map(({ raw }) => normalise([raw])[0]!)
    const structured = events.filter(({ fields }) => !['unparsed', 'syslog'].includes(String(fields['event.dataset'])))
    const telling = events.filter(
      ({ fields }) => fields['source.ip'] ?? fields['destination.ip'] ?? fields['user.name'],
    )
    console.log(
      `Chinese devices: ${rows.length} records, parsed ${parsedShare(events).toFixed(3)}, structured ${structured.length}, with an address or user ${telling.length}`,
    )
    expect(parsedShare(events)).toBeGreaterThan(0.95)
    expect(structured.length / rows.length).toBeGreaterThan(0.78)
  })

  it('agrees with a peer on the sources both know', () => {
    const known = [
      'apache/access',
      'apache/error',
      'nginx/access',
      'nginx/error',
      'nginx_ingress_controller/access',
      'system/auth',
      'auditd/log',
      'fortinet/firewall',
      'iptables/log',
      'suricata/eve',
      'cef/log',
    ]
    const rows = pairs('logs/pairs_elastic2021.ndjson.gz').filter((row) =>
      known.includes(`${row.package}/${row.data_stream}`),
    )
    const count = agreement(rows)
    console.log('peer A, sources both know:', JSON.stringify(count))
    expect(count.parsed / count.records).toBeGreaterThan(0.99)
    expect(count.present / count.expected).toBeGreaterThan(0.7)
  })

  it('agrees with a second peer', () => {
    const known = ['winlogbeat', 'auditbeat', 'fortigate', 'apache', 'nginx', 'suricata', 'cef', 'openssh', 'windows']
    const rows = pairs('logs/pairs_sekoia.ndjson.gz')
    const own = agreement(rows.filter(({ product }) => known.includes(product ?? '')))
    const all = agreement(rows)
    console.log('peer B, sources both know:', JSON.stringify(own))
    console.log('peer B, all:', JSON.stringify(all))
    expect(own.parsed / own.records).toBeGreaterThan(0.94)
  })
})
