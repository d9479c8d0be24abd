import { describe, expect, it } from 'vitest'
import type { Event } from '../../event/event.ts'
import { detectIntel } from './detect.ts'

const event = (fields: Event['fields']): Event => ({
  id: '0-10',
  timeMs: 5,
  receivedAtMs: 6,
  raw: Buffer.from(''),
  sourceKey: 'syslog:192.0.2.1',
  unitPath: '/1/4/',
  fields,
})

const marked = {
  'source.ip': '10.0.0.8',
  'dns.question.name': 'a.bad.example',
  'threat.matched.kind': 'domain',
  'threat.matched.field': 'dns.question.name',
  'threat.matched.value': 'a.bad.example',
  'threat.matched.severity': 'critical',
  'threat.indicator.name': 'bad.example',
  'threat.indicator.provider': 'feed-a',
}

describe('intel detector', () => {
  it('makes one detection of a marked event, with the same id every time', () => {
    const [first] = detectIntel([event(marked)]).flatMap(({ matches }) => matches)
    const [again] = detectIntel([event(marked)]).flatMap(({ matches }) => matches)
    expect(first).toMatchObject({
      detector: 'intel',
      ruleId: 'watchfire-intel-domain',
      severity: 'critical',
      unitPath: '/1/4/',
      tactics: ['command-and-control'],
      eventIds: ['0-10'],
      matched: [{ part: 'indicator', field: 'dns.question.name', value: 'a.bad.example' }],
      summary: 'Domain known to threat intelligence: a.bad.example (bad.example), feed-a',
    })
    expect(first).toMatchObject({
      ruleTitleZh: '命中情报的域名',
      summaryZh: '命中情报的域名：a.bad.example (bad.example), feed-a',
    })
    expect(first!.entities).toContainEqual({ type: 'ip', value: '10.0.0.8', role: 'actor' })
    expect(again!.id).toBe(first!.id)
  })

  it('is silent while its rule is switched off', () => {
    expect(detectIntel([event(marked)], (ruleId) => ruleId !== 'watchfire-intel-domain')).toEqual([])
    expect(detectIntel([event(marked)], (ruleId) => ruleId !== 'watchfire-intel-ip')).toHaveLength(1)
  })

  it('says nothing about events without a mark', () => {
    expect(detectIntel([event({ 'source.ip': '10.0.0.8' })])).toEqual([])
  })
})
