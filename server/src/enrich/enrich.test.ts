import { describe, expect, it } from 'vitest'
import type { Event, Fields } from '../event/event.ts'
import { createEnricher, type EnrichKnowledge } from './enrich.ts'
import { openPlaces } from './geo.ts'
import { comparableUrl, type EnrichIndicator } from './indicators.ts'

const event = (fields: Fields, sourceKey = 'syslog:192.0.2.1'): Event => ({
  id: '0-10',
  timeMs: 1000,
  receivedAtMs: 1000,
  raw: Buffer.from(''),
  sourceKey,
  unitPath: '/1/',
  fields,
})

const indicator = (part: Partial<EnrichIndicator>): EnrichIndicator => ({
  id: 1,
  type: 'ip',
  value: '203.0.113.9',
  severity: 'high',
  confidence: 80,
  description: 'scanner',
  origin: 'feed-a',
  unitPath: '/1/',
  ...part,
})

const knowledge = (part: Partial<EnrichKnowledge>): EnrichKnowledge => ({
  assets: [],
  units: new Map(),
  sources: new Map(),
  indicators: [],
  ...part,
})

const places = openPlaces()
const enrichOne = (part: Partial<EnrichKnowledge>, fields: Fields, sourceKey?: string) => {
  const one = event(fields, sourceKey)
  createEnricher(knowledge(part), places).enrich([one])
  return one
}

describe('enrich', () => {
  it('adds countries to public addresses and leaves private ones alone', () => {
    const { fields } = enrichOne({}, { 'source.ip': '1.1.1.1', 'destination.ip': '10.0.0.5' })
    expect(fields['source.geo.country_iso_code']).toMatch(/^[A-Z]{2}$/)
    expect(fields['destination.geo.country_iso_code']).toBeUndefined()
    expect(fields['network.direction']).toBe('inbound')
  })

  it('tells directions, and counts public addresses of assets as ours', () => {
    const assets = [
      { id: 1, name: 'portal', addresses: ['198.51.100.0/24'], hostNames: [], criticality: 'high', unitPath: '/1/' },
    ]
    const direction = (source: string, destination: string) =>
      enrichOne({ assets }, { 'source.ip': source, 'destination.ip': destination }).fields['network.direction']
    expect(direction('10.0.0.1', '192.168.1.1')).toBe('internal')
    expect(direction('10.0.0.1', '203.0.113.1')).toBe('outbound')
    expect(direction('203.0.113.1', '198.51.100.7')).toBe('inbound')
    expect(direction('203.0.113.1', '203.0.113.2')).toBe('external')
    expect(direction('2001:db8::1', 'fd00::1')).toBe('inbound')
  })

  it('gives the event to the unit of the sender, or of an asset below it, never to one beside it', () => {
    const assets = [
      {
        id: 1,
        name: 'db',
        addresses: ['10.1.0.0/16'],
        hostNames: ['db01', '.tax.example'],
        criticality: 'high',
        unitPath: '/1/2/5/',
      },
      { id: 2, name: 'db-special', addresses: ['10.1.2.3'], hostNames: [], criticality: 'low', unitPath: '/1/2/6/' },
    ]
    const units = new Map([['/1/2/5/', { id: 5, name: '税务局' }]])
    const owned = enrichOne({ assets, units }, { 'host.name': 'WEB.tax.example' })
    expect(owned.unitPath).toBe('/1/2/5/')
    expect(owned.fields).toMatchObject({ 'asset.name': 'db', 'organization.id': '5', 'organization.name': '税务局' })
    expect(enrichOne({ assets }, { 'destination.ip': '10.1.2.3' }).unitPath).toBe('/1/2/6/')
    const sources = new Map([['syslog:192.0.2.1', '/1/3/']])
    const beside = enrichOne({ assets, sources }, { 'host.name': 'db01' })
    expect(beside.unitPath).toBe('/1/3/')
    expect(beside.fields['asset.name']).toBeUndefined()
    const above = enrichOne({ assets, sources: new Map([['syslog:192.0.2.1', '/1/2/']]) }, { 'host.name': 'db01' })
    expect(above.unitPath).toBe('/1/2/5/')
  })

  it.each([
    ['ip', '203.0.113.9', { 'source.ip': '203.0.113.9' }, 'source.ip'],
    ['ip', '2001:DB8:0:0::9', { 'destination.ip': '2001:db8::9' }, 'destination.ip'],
    ['cidr', '203.0.113.0/24', { 'destination.ip': '203.0.113.77' }, 'destination.ip'],
    ['domain', 'bad.example', { 'dns.question.name': 'a.b.BAD.example.' }, 'dns.question.name'],
    ['domain', 'bad.example', { 'url.domain': 'bad.example' }, 'url.domain'],
    ['url', 'http://Bad.example:80/x?y=1#z', { 'url.domain': 'bad.example', 'url.original': '/x?y=1' }, 'url.original'],
    ['sha256', 'AB'.repeat(32), { 'process.hash.sha256': 'ab'.repeat(32) }, 'process.hash.sha256'],
    ['ip', '203.0.113.9', { 'dns.resolved_ip': ['192.0.2.1', '203.0.113.9'] }, 'dns.resolved_ip'],
  ] as [EnrichIndicator['type'], string, Fields, string][])(
    'finds an indicator of type %s (%s)',
    (type, value, fields, field) => {
      expect(enrichOne({ indicators: [indicator({ type, value })] }, fields).fields).toMatchObject({
        'threat.matched.field': field,
        'threat.indicator.name': value,
        'threat.matched.severity': 'high',
      })
    },
  )

  it('does not find what only looks alike, has expired, or belongs to another unit', () => {
    const silent = (part: Partial<EnrichIndicator>, fields: Fields) =>
      expect(enrichOne({ indicators: [indicator(part)] }, fields).fields['threat.matched.field']).toBeUndefined()
    silent({ type: 'domain', value: 'bad.example' }, { 'dns.question.name': 'notbad.example' })
    silent({ type: 'domain', value: 'a.bad.example' }, { 'dns.question.name': 'bad.example' })
    silent({ type: 'cidr', value: '203.0.113.0/25' }, { 'source.ip': '203.0.113.200' })
    silent({ expiresAtMs: 1000 }, { 'source.ip': '203.0.113.9' })
    silent({ unitPath: '/1/7/' }, { 'source.ip': '203.0.113.9' })
  })

  it('describes the worst of several and counts them', () => {
    const indicators = [
      indicator({ id: 1, severity: 'low' }),
      indicator({ id: 2, severity: 'critical', type: 'cidr', value: '203.0.0.0/8' }),
      indicator({ id: 3, type: 'domain', value: 'bad.example' }),
    ]
    const { fields } = enrichOne({ indicators }, { 'source.ip': '203.0.113.9', 'url.domain': 'bad.example' })
    expect(fields).toMatchObject({ 'threat.matched.indicator_id': 2, 'threat.matched.count': 3 })
  })

  it('forgets cached answers when its knowledge is replaced', () => {
    const enricher = createEnricher(knowledge({}), places)
    enricher.enrich([event({ 'source.ip': '203.0.113.9' })])
    enricher.replace(knowledge({ indicators: [indicator({})] }))
    const after = event({ 'source.ip': '203.0.113.9' })
    enricher.enrich([after])
    expect(after.fields['threat.indicator.name']).toBe('203.0.113.9')
    expect(enricher.counters).toMatchObject({ events: 2, matched: 1 })
  })

  it('compares URLs by what they mean', () => {
    expect(comparableUrl('HTTPS://Example.com:443/')).toBe(comparableUrl('example.com'))
    expect(comparableUrl('http://example.com/A')).not.toBe(comparableUrl('http://example.com/a'))
  })
})
