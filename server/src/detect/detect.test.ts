import { describe, expect, it } from 'vitest'
import { shippedContentDir } from '../config/content-dir.ts'
import type { Event, Fields } from '../event/event.ts'
import { decodeMatches, encodeMatches, isSilent } from '../event/match.ts'
import { createCorrelationStage } from './correlations.ts'
import { createDetector } from './detect.ts'
import { loadLookups } from './sigma/logsource.ts'
import { parseSigma } from './sigma/parse.ts'
import { compileRuleSet } from './sigma/ruleset.ts'

const lookups = loadLookups(shippedContentDir())
const rules = `title: Sign-in failed
name: failed
level: low
logsource: {product: windows, service: security}
detection: {s: {EventID: 4625}, condition: s}
---
title: Password spraying
id: spray
level: high
tags: [attack.t1110.003, attack.credential_access, attack.initial-access]
correlation: {type: value_count, rules: [failed], group-by: [WorkstationName], timespan: 5m, condition: {field: TargetUserName, gte: 3}}
---
title: Account created
id: created
author: Ann, Bob
license: DRL-1.1
references: [https://example.org/a, https://example.org/b]
tags: [attack.t1136.001, attack.persistence]
logsource: {product: windows, service: security}
detection: {s: {EventID: 4720}, condition: s}
`
const ruleSet = compileRuleSet([parseSigma(rules, 'rules.yml')])

function event(id: string, minute: number, fields: Fields): Event {
  const base = { 'event.module': 'windows', 'winlog.channel': 'Security', 'host.name': 'DC1' }
  return {
    id,
    timeMs: Date.UTC(2026, 0, 1, 0, minute),
    receivedAtMs: 0,
    raw: Buffer.alloc(0),
    sourceKey: 'syslog:dc1',
    unitPath: '/1/2/',
    fields: { ...base, ...fields },
  }
}

const failed = (id: string, minute: number, user: string) =>
  event(id, minute, {
    'event.code': '4625',
    'winlog.event_data.TargetUserName': user,
    'winlog.event_data.WorkstationName': 'WS7',
    'source.ip': '203.0.113.9',
  })

describe('the detect stage', () => {
  it('reads records of Zeek and of our own sensor by the names Zeek gives its fields, whatever the service', () => {
    const text = `title: t
id: t
logsource: {product: zeek, service: conn}
detection: {s: {'id.resp_p': 443, 'id.resp_h|cidr': 198.51.100.0/24}, condition: s}
`
    const detector = createDetector(compileRuleSet([parseSigma(text, 't.yml')]), { lookups })
    const flow = { 'destination.port': 443, 'destination.ip': '198.51.100.7', 'winlog.channel': null }
    const records = [
      event('zeek', 0, { ...flow, 'event.module': 'zeek', 'event.dataset': 'zeek.conn' }),
      event('sensor', 0, { ...flow, 'event.module': 'traffic', 'event.dataset': 'flow' }),
      event('other', 0, { ...flow, 'event.module': 'zeek', 'event.dataset': 'zeek.dns' }),
    ]
    expect(detector.detect(records).map(({ eventIds }) => eventIds)).toEqual([['zeek'], ['sensor']])
  })

  it('describes what matched: entities, ATT&CK, evidence, and the same id on every replay', () => {
    const detector = createDetector(ruleSet, { lookups })
    const created = event('e1', 0, {
      'event.code': '4720',
      'user.name': 'Admin7',
      'source.ip': '127.0.0.1',
      'process.command_line': 'x'.repeat(5000),
    })
    const [detection] = detector.detect([created])
    expect(detection).toMatchObject({
      ruleId: 'created',
      severity: 'medium',
      techniques: ['T1136.001'],
      tactics: ['persistence'],
      entities: [
        { type: 'user', value: 'admin7', role: 'actor' },
        { type: 'host', value: 'dc1', role: 'target' },
      ],
      eventIds: ['e1'],
      matched: [{ part: 's', field: 'EventID', value: '4720' }],
      unitPath: '/1/2/',
      summary: 'Account created: admin7 · dc1',
      ruleAttribution: { author: 'Ann, Bob', license: 'DRL-1.1', reference: 'https://example.org/a' },
    })
    expect(detection!.fields['process.command_line']).toHaveLength(1025)
    expect(createDetector(ruleSet, { lookups }).detect([created])[0]!.id).toBe(detection!.id)
    expect(detector.counters).toEqual({ events: 1, matches: 1 })
  })

  it('leaves out rules that are switched off, between two batches too', () => {
    const created = event('e1', 0, { 'event.code': '4720' })
    const detector = createDetector(ruleSet, { lookups, enabled: (id) => id !== 'created' })
    expect(detector.detect([created])).toEqual([])
    detector.replace(ruleSet)
    expect(detector.detect([created])).toHaveLength(1)
  })

  it('feeds correlations by the names rules use, and keeps back what only feeds them', () => {
    const detector = createDetector(ruleSet, { lookups })
    const stage = createCorrelationStage(ruleSet)
    const batch = [failed('e1', 0, 'ann'), failed('e2', 1, 'bob'), failed('e3', 2, 'bob'), failed('e4', 3, 'cid')]
    const found = stage.push(detector.detect(batch))
    expect(found).toHaveLength(1)
    expect(found[0]).toMatchObject({
      ruleId: 'spray',
      detector: 'correlation',
      severity: 'high',
      techniques: ['T1110.003'],
      tactics: ['initial-access', 'credential-access'],
      eventIds: ['e1', 'e2', 'e3', 'e4'],
      unitPath: '/1/2/',
      sourceKey: 'syslog:dc1',
    })
    expect(found[0]!.entities).toContainEqual({ type: 'ip', value: '203.0.113.9', role: 'actor' })
    expect(found[0]!.matched).toContainEqual({ part: 'correlation', field: 'value_count', value: '3' })
    expect(found[0]!.fields.WorkstationName).toBe('WS7')
  })

  it.each([
    [[undefined], ['c1']],
    [[false], ['c1']],
    [[true], ['e1 failed', 'e2 failed', 'c1']],
    // One correlation that asks for the rule's own detections is enough.
    [
      [false, true],
      ['e1 failed', 'e2 failed', 'c1', 'c2'],
    ],
  ])('raises what correlations count as detections of its own where one says `generate`: %j', (generate, expected) => {
    const correlations = generate.map(
      (value, index) => `
---
title: c${index + 1}
id: c${index + 1}
correlation: {type: event_count, rules: [failed], timespan: 5m, condition: {gte: 2}${value === undefined ? '' : `, generate: ${value}`}}
`,
    )
    const [failedRule] = rules.split('---')
    const set = compileRuleSet([parseSigma(`${failedRule}${correlations.join('')}`, 'generate.yml')])
    expect(set.refused).toEqual([])
    const detector = createDetector(set, { lookups })
    const matches = detector.match([failed('e1', 0, 'ann'), failed('e2', 1, 'bob')]).flatMap((one) => one.matches)
    const found = createCorrelationStage(set).push(matches)
    const named = found.map(({ detector: kind, ruleId, eventIds }) =>
      kind === 'correlation' ? ruleId : `${eventIds[0]} ${ruleId}`,
    )
    expect(named.sort()).toEqual([...expected].sort())
  })

  it('gives the stream a short match for silent rules, of which a correlation makes the same detection over the bus', () => {
    const long = 'y'.repeat(3000)
    const batch = [failed('e1', 0, 'ann'), failed('e2', 1, 'bob'), failed('e3', 2, 'cid')]
    batch[2]!.fields['process.command_line'] = long
    batch[2]!.fields.message = 'a line\nand a second one'
    const matches = createDetector(ruleSet, { lookups })
      .match(batch)
      .flatMap((one) => one.matches)
    expect(matches.map(isSilent)).toEqual([true, true, true])
    expect(matches[0]).toMatchObject({
      eventId: 'e1',
      rules: [{ counted: { WorkstationName: 'WS7', TargetUserName: 'ann' } }],
    })
    const carried = matches.flatMap((match, offset) => {
      const bytes = Buffer.from(encodeMatches({ partition: 3, offset, matches: [match] })).toString()
      const record = decodeMatches(Buffer.from(bytes))
      // What the version before this one left on the bus, and what a later one might.
      expect(decodeMatches(Buffer.from(bytes.replace('[2,', '[')))).toEqual(record)
      expect(() => decodeMatches(Buffer.from(bytes.replace('[2,', '[3,')))).toThrow('unknown version 3')
      expect(record).toMatchObject({ partition: 3, offset })
      return record.matches
    })
    expect(carried).toEqual(matches)
    const found = createCorrelationStage(ruleSet).push(carried)
    expect(found).toEqual(createCorrelationStage(ruleSet).push(createDetector(ruleSet, { lookups }).detect(batch)))
    expect(found[0]!.fields['process.command_line']).toHaveLength(1025)
  })

  it('passes what a thread found with newer rules, though by the older ones of this thread the rule is silent', () => {
    const batch = [failed('e1', 0, 'ann'), failed('e2', 1, 'bob'), failed('e3', 2, 'cid')]
    const [failedRule] = rules.split('---')
    const newer = compileRuleSet([parseSigma(failedRule!, 'newer.yml')])
    const found = createDetector(newer, { lookups })
      .match(batch)
      .flatMap((one) => one.matches)
    const older = createCorrelationStage(ruleSet, { passesDetections: true })
    expect(older.push(found).map(({ eventIds }) => eventIds)).toEqual([['e1'], ['e2'], ['e3']])
  })

  it('goes on from a snapshot as if nothing had happened', () => {
    const detections = createDetector(ruleSet, { lookups }).detect([
      failed('e1', 0, 'ann'),
      failed('e2', 1, 'bob'),
      failed('e3', 2, 'cid'),
    ])
    const whole = createCorrelationStage(ruleSet).push(detections)
    const first = createCorrelationStage(ruleSet)
    expect(first.push(detections.slice(0, 2))).toEqual([])
    const second = createCorrelationStage(ruleSet)
    second.restore(JSON.parse(JSON.stringify(first.snapshot())))
    expect(second.push(detections.slice(2))).toEqual(whole)
  })
})
