import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Detection } from '../event/event.ts'
import type { IncidentFacts } from '../event/incident.ts'
import { createUtcOffset } from '../lib/utc-offset.ts'
import { decodeMatch } from './decode.ts'
import { type DetectionRow, dedupe, mergeRows } from './dedupe.ts'
import { factsOf, mergeFacts } from './facts.ts'
import { type GroupNode, group } from './group.ts'
import { linksOfRow, unitKey } from './links.ts'
import { anyMatches, anyShuffled, attack, batchOf, host, ip, match, startMs, user } from './matches-for-tests.ts'
import { score, severityOf } from './score.ts'
import { defaultSettings as settings } from './settings.ts'
import { orderTactics, stageChain, techniqueName } from './stage.ts'
import { story, title } from './story.ts'

const china = createUtcOffset('Asia/Shanghai')!

const rowsOf = (matches: Detection[]) =>
  dedupe(
    matches.map((one) => ({ match: one, suppressedBy: null })),
    settings,
  )

/** As the stage does it: batch by batch, each folded into what is there. */
function foldInBatches(matches: Detection[], size: number): Map<string, DetectionRow> {
  const rows = new Map<string, DetectionRow>()
  for (let at = 0; at < matches.length; at += size) {
    for (const [id, delta] of rowsOf(matches.slice(at, at + size))) {
      const known = rows.get(id)
      rows.set(id, known ? mergeRows(known, delta, settings) : delta)
    }
  }
  return rows
}

const sorted = (rows: Map<string, DetectionRow>) => [...rows.values()].sort((a, b) => (a.id < b.id ? -1 : 1))

describe('dedupe', () => {
  test('any order and any batches give the same rows', () => {
    fc.assert(
      fc.property(anyShuffled(40), fc.integer({ min: 1, max: 41 }), ([matches, shuffled], size) => {
        expect(sorted(foldInBatches(shuffled, size))).toEqual(sorted(rowsOf(matches)))
      }),
    )
  })

  test('a flood is one row that keeps the fifty earliest events', () => {
    const flood = Array.from({ length: 5_000 }, (_, index) =>
      match({ id: `f${index}`, timeMs: startMs + ((index * 7919) % 5_000), eventIds: [`e${index}`] }),
    )
    const rows = [...rowsOf(flood).values()]
    expect(rows).toHaveLength(1)
    const [row] = rows
    expect(row!.matches).toBe(5_000)
    expect(row!.evidence).toHaveLength(50)
    expect(row!.evidence.map(([timeMs]) => timeMs - startMs)).toEqual(Array.from({ length: 50 }, (_, index) => index))
  })

  test('rule, principal, unit and ten minutes keep detections apart; the rest does not', () => {
    const base = match({})
    const same = [match({ minute: 9 }), match({ entities: [ip('203.0.113.7'), host('portal-02')] })]
    const apart = [
      match({ ruleId: 'other' }),
      match({ entities: [ip('203.0.113.8')] }),
      match({ unitPath: '/1/8/' }),
      match({ minute: 10 }),
      match({ minute: -1 }),
    ]
    expect(rowsOf([base, ...same]).size).toBe(1)
    expect(rowsOf([base, ...apart]).size).toBe(6)
  })

  test('who acts is counted: an address, an account on its host, a host; never a program', () => {
    const principal = (entities: Detection['entities']) => [...rowsOf([match({ entities })]).values()][0]!.principal
    const program = { type: 'process' as const, value: '/usr/bin/cat', role: 'actor' as const }
    expect(principal([ip('203.0.113.7'), user('ops'), host('a')])).toBe('ip|203.0.113.7')
    expect(principal([user('ops'), host('a'), program])).toBe('user|ops host|a')
    expect(principal([program, host('a')])).toBe('host|a')
    expect(principal([ip('10.0.0.1', 'target')])).toBe('ip|10.0.0.1')
    expect(principal([program])).toBe('process|/usr/bin/cat')
    expect(principal([])).toBe('')
  })

  test('an attempt that succeeds is no attempt', () => {
    const success = match({ fields: { 'event.outcome': 'success', 'event.category': 'authentication' } })
    const [row] = rowsOf([success]).values()
    expect(row!.attempt).toBeNull()
    expect(row!.success?.id).toBe(success.id)
  })
})

describe('group', () => {
  /** The definition itself, by trying all pairs. */
  function components(nodes: GroupNode[]): string[][] {
    const linked = (a: GroupNode, b: GroupNode) =>
      a.keys.some((one) => b.keys.some((other) => one.key === other.key && (one.isOwn || other.isOwn))) &&
      Math.abs(a.bucketMs - b.bucketMs) <= settings.gapMs
    const left = new Set(nodes)
    const found: string[][] = []
    for (const first of nodes) {
      if (!left.delete(first)) continue
      const members = [first]
      for (let at = 0; at < members.length; at++) {
        for (const other of [...left]) {
          if (linked(members[at]!, other) && left.delete(other)) members.push(other)
        }
      }
      found.push(members.map(({ id }) => id).sort())
    }
    return found.sort((a, b) => (a[0]! < b[0]! ? -1 : 1))
  }

  const nodesOf = (matches: Detection[]): GroupNode[] =>
    [...rowsOf(matches).values()].map((row) => ({
      id: row.id,
      incidentId: null,
      bucketMs: row.bucketMs,
      principal: row.principal,
      keys: linksOfRow(row, new Set(), settings)
        .filter(({ link }) => link !== 'none')
        .map((one) => ({ key: unitKey(row.unitPath, one), isOwn: one.link === 'own' })),
    }))

  test('finds exactly the connected components, in any order', () => {
    fc.assert(
      fc.property(anyShuffled(40), ([, shuffled]) => {
        const nodes = nodesOf(shuffled)
        const groups = group(nodes, [], new Map(), new Set(), settings).map(({ nodeIds }) => [...nodeIds].sort())
        expect(groups.sort((a, b) => (a[0]! < b[0]! ? -1 : 1))).toEqual(components(nodes))
      }),
      { numRuns: 300 },
    )
  })

  test('a chain longer than the window breaks at it, and the next group names the one before', () => {
    const nodes = Array.from({ length: 72 }, (_, hour) => nodesOf([match({ minute: hour * 60 })])[0]!)
    const groups = group(nodes, [], new Map(), new Set(), settings)
    expect(groups.map(({ nodeIds }) => nodeIds.length)).toEqual([25, 25, 22])
    expect(groups.map(({ continues }) => continues)).toEqual([null, { group: 0 }, { group: 1 }])
    for (const { firstBucketMs, lastBucketMs } of groups)
      expect(lastBucketMs - firstBucketMs).toBeLessThanOrEqual(settings.windowMs)
  })

  test('a detection that bridges two open incidents joins them', () => {
    const [node] = nodesOf([match({ entities: [ip('203.0.113.7'), host('portal-01')] })])
    const near = (key: string, incidentId: number) => ({
      key,
      principal: key,
      bucketMs: node!.bucketMs,
      incidentId,
      isOwn: true,
    })
    const span = { firstBucketMs: node!.bucketMs, lastBucketMs: node!.bucketMs }
    const spans = new Map([4, 9].map((id) => [id, span]))
    const neighbours = [near('/1/7/|ip|203.0.113.7', 4), near('/1/7/|host|portal-01', 9)]
    const [joined] = group([node!], neighbours, spans, new Set(), settings)
    expect(joined!.incidentIds.sort()).toEqual([4, 9])
  })

  test('a hub links only detections of the same principal', () => {
    const key = '/1/7/|host|portal-01'
    const on = (actor: string, minute: number) =>
      nodesOf([match({ minute, entities: [ip(actor), host('portal-01')] })]).map((one) => ({
        ...one,
        keys: [{ key, isOwn: true }],
      }))[0]!
    const nodes = [on('198.51.100.1', 0), on('198.51.100.2', 0), on('198.51.100.1', 60)]
    expect(group(nodes, [], new Map(), new Set(), settings)).toHaveLength(1)
    expect(group(nodes, [], new Map(), new Set([key]), settings).map(({ nodeIds }) => nodeIds.length)).toEqual([2, 1])
  })

  test('units never share an incident: neither siblings nor one with the unit above it', () => {
    for (const other of ['/1/8/', '/1/70/', '/1/', '/1/7/3/']) {
      const nodes = nodesOf([match({}), match({ unitPath: other, minute: 1 })])
      expect([other, group(nodes, [], new Map(), new Set(), settings).length]).toEqual([other, 2])
    }
    expect(group(nodesOf([match({}), match({ minute: 20 })]), [], new Map(), new Set(), settings)).toHaveLength(1)
  })
})

describe('facts, score and story', () => {
  const factsFrom = (matches: Detection[]): IncidentFacts =>
    [...rowsOf(matches).values()].map((row) => factsOf(row, true)).reduce(mergeFacts)

  test('facts do not depend on order or batches', () => {
    fc.assert(
      fc.property(anyShuffled(40), fc.integer({ min: 1, max: 9 }), ([matches, shuffled], size) => {
        const seen = new Set<string>()
        let facts: IncidentFacts | undefined
        for (let at = 0; at < shuffled.length; at += size) {
          for (const row of rowsOf(shuffled.slice(at, at + size)).values()) {
            const more = factsOf(row, !seen.has(row.id))
            seen.add(row.id)
            facts = facts ? mergeFacts(facts, more) : more
          }
        }
        expect(facts).toEqual(factsFrom(matches))
      }),
    )
  })

  test('the parts add up to the score, which lies in 0 to 100 and never falls', () => {
    fc.assert(
      fc.property(anyMatches(40), (matches) => {
        let before = 0
        for (let count = 1; count <= matches.length; count++) {
          const scored = score(factsFrom(matches.slice(0, count)), attack, settings)
          expect(scored.parts.reduce((sum, part) => sum + part.points, 0)).toBe(scored.score)
          expect(scored.score).toBeGreaterThanOrEqual(before)
          expect(scored.score).toBeLessThanOrEqual(100)
          expect(scored.severity).toBe(severityOf(scored.score, settings))
          before = scored.score
        }
      }),
    )
  })

  test('alone, medium opens and low does not; three low rules in successive stages do', () => {
    const alone = (severity: Detection['severity']) => score(factsFrom([match({ severity })]), attack, settings)
    expect(alone('informational').score).toBe(0)
    expect(alone('low').score).toBeLessThan(settings.openScore)
    expect(alone('medium').score).toBeGreaterThanOrEqual(settings.openScore)
    expect([alone('medium'), alone('high'), alone('critical')].map(({ severity }) => severity)).toEqual([
      'medium',
      'high',
      'critical',
    ])
    const steps = ['discovery', 'lateral-movement', 'collection'].map((tactic, index) =>
      match({ ruleId: tactic, severity: 'low', tactics: [tactic], minute: index * 5 }),
    )
    expect(score(factsFrom(steps.slice(0, 2)), attack, settings).score).toBeLessThan(settings.openScore)
    expect(score(factsFrom(steps), attack, settings).score).toBe(35)
    const fourth = match({ ruleId: 'exfiltration', severity: 'low', tactics: ['exfiltration'], minute: 20 })
    expect(score(factsFrom([...steps, fourth]), attack, settings).score).toBe(45)
  })

  test('stages count only in the order of an attack and of time', () => {
    const rule = (tactic: string, first: number, last = first) => ({ tactics: [tactic], firstMs: first, lastMs: last })
    const chain = (...rules: ReturnType<typeof rule>[]) => stageChain(rules, attack)
    expect(chain(rule('initial-access', 1), rule('execution', 2), rule('impact', 3))).toHaveLength(3)
    expect(chain(rule('impact', 1), rule('initial-access', 2))).toEqual(['impact'])
    expect(chain(rule('credential-access', 5), rule('execution', 1, 9))).toEqual(['execution', 'credential-access'])
    expect(orderTactics(['impact', 'unheard-of', 'reconnaissance', 'impact'], attack)).toEqual([
      'reconnaissance',
      'impact',
      'unheard-of',
    ])
    expect(techniqueName('T1110.002', attack).zh).toBe('暴力破解')
    expect(techniqueName('T9999', attack).en).toBe('T9999')
  })

  const intrusion = [
    ...Array.from({ length: 120 }, (_, index) =>
      match({
        timeMs: startMs + index * 1_000,
        fields: {
          'source.ip': '203.0.113.7',
          'source.geo.country_iso_code': 'SG',
          'event.outcome': 'failure',
          'event.category': 'authentication',
        },
      }),
    ),
    match({
      minute: 3,
      ruleId: 'ssh_success_after_brute_force',
      ruleTitle: 'Sign-in after brute force',
      ruleTitleZh: '暴力破解后登录成功',
      severity: 'critical',
      tactics: ['initial-access'],
      entities: [ip('203.0.113.7'), user('ops'), host('portal-01')],
      fields: {
        'source.ip': '203.0.113.7',
        'user.name': 'ops',
        'host.name': 'portal-01',
        'event.outcome': 'success',
        'event.category': ['authentication'],
      },
    }),
    match({
      minute: 20,
      ruleId: 'large_upload',
      ruleTitle: 'Large upload',
      ruleTitleZh: '大量外传',
      severity: 'high',
      tactics: ['exfiltration'],
      entities: [ip('10.1.2.3'), ip('203.0.113.9', 'target'), host('portal-01')],
      fields: {},
      sourceKey: 'http:zeek',
      summary: 'Large upload: 10.1.2.3 · 203.0.113.9',
      summaryZh: '大量外传：10.1.2.3 · 203.0.113.9',
    }),
  ]

  test('the story tells who, from where, what in which order, what it led to and what is not known', () => {
    const facts = factsFrom(intrusion)
    expect(score(facts, attack, settings)).toMatchObject({ score: 100, severity: 'critical' })
    expect(title(facts, attack)).toEqual({
      zh: '2 个阶段的攻击，已进展至数据渗出：203.0.113.7 → portal-01',
      en: 'Attack in 2 stages up to Exfiltration: 203.0.113.7 → portal-01',
    })
    const told = story(facts, attack, china)
    expect(told.zh).toBe(
      '2026-03-01 09:00:00 至 09:20:00（历时 20 分），来自地址 203.0.113.7（新加坡）、针对主机 portal-01 的活动触发 3 条规则，共命中 122 次。' +
        '09:00:00 进入凭据访问阶段：「SSH 暴力破解」120 次。09:03:00 进入初始访问阶段：「暴力破解后登录成功」。' +
        '09:20:00 进入数据渗出阶段：「大量外传」。经过尝试，账号 ops 于 09:03:00 成功登录主机 portal-01。' +
        '已出现数据渗出的迹象（大量外传：10.1.2.3 · 203.0.113.9）。涉及主机 portal-01、账号 ops、地址 3 个（203.0.113.7、10.1.2.3、203.0.113.9）。' +
        '尚不清楚：流出数据的内容。',
    )
    expect(told.en).toBe(
      'From 2026-03-01 09:00:00 to 09:20:00 (UTC+08:00, 20 min), address 203.0.113.7 (Singapore) acted against host portal-01 and set off 3 rules, 122 times in all. ' +
        'Credential Access from 09:00:00: “SSH brute force” (120 times). Initial Access from 09:03:00: “Sign-in after brute force”. ' +
        'Exfiltration from 09:20:00: “Large upload”. After the attempts, at 09:03:00, account ops signed in on host portal-01. ' +
        'There are signs of Exfiltration (Large upload: 10.1.2.3 · 203.0.113.9). ' +
        'Involved: host portal-01, account ops, 3 addresses (203.0.113.7, 10.1.2.3 and 203.0.113.9). Not known: what the data that left contains.',
    )
  })

  test('a single rule is told in one sentence, in the zone of the installation', () => {
    const facts = factsFrom([match({ entities: [user('ops'), host('portal-01')], sourceKey: 'a' })])
    const berlin = story(facts, attack, createUtcOffset('Europe/Berlin')!)
    expect(berlin.zh).toContain(
      '2026-03-01 02:00:00（UTC+01:00），账号 ops 针对主机 portal-01 的活动触发规则「SSH 暴力破解」，处于凭据访问阶段。涉及',
    )
    expect(berlin.en).toContain(
      'At 2026-03-01 02:00:00 (UTC+01:00), account ops acted against host portal-01 and set off the rule “SSH brute force”, at the stage Credential Access. Involved',
    )
    expect(title(facts, attack)).toEqual({
      zh: 'SSH 暴力破解：ops → portal-01',
      en: 'SSH brute force: ops → portal-01',
    })
  })

  test('a rule without Chinese keeps its title; a long value is told by both its ends', () => {
    const domain = `${'a'.repeat(60)}.tunnel.example`
    const entities: Detection['entities'] = [{ type: 'domain', value: domain, role: 'target' }]
    const foreign = match({ ruleTitle: 'Tunnel', ruleTitleZh: undefined, summaryZh: undefined, entities })
    const told = story(factsFrom([foreign]), attack, china)
    expect(told.zh).toContain('「Tunnel」')
    expect(told.zh + told.en).not.toContain(domain)
    expect(told.zh).toMatch(/域名 a{15}…a+\.tunnel\.example/)
  })

  test('any set of matches has a title and a story in both languages, whatever its order', () => {
    fc.assert(
      fc.property(anyShuffled(20), ([matches, shuffled]) => {
        const told = story(factsFrom(matches), attack, china)
        expect(told).toEqual(story(factsFrom(shuffled), attack, china))
        expect(told.zh + told.en).not.toMatch(/undefined|NaN|null/)
        expect(told.en).not.toMatch(/[\u4e00-\u9fff]/)
        expect(told.zh).not.toMatch(/Rule \d|brute/)
        expect(title(factsFrom(matches), attack).zh.length).toBeGreaterThan(5)
      }),
    )
  })
})

describe('decode', () => {
  const decode = (value: unknown) => decodeMatch(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)))

  test('gives back what was written', () => {
    const one = match({})
    expect(decodeMatch(batchOf([one]).records[0]!)).toEqual(one)
  })

  test('what PostgreSQL cannot store is replaced, what is too long is cut', () => {
    const odd = decode(
      match({ summary: `a\u0000b${'x'.repeat(2_000)}`, entities: [host(`\ud800${'h'.repeat(2_000)}`)] }),
    )
    expect(odd.summary.startsWith('a\ufffdbxxx')).toBe(true)
    expect(odd.summary).toHaveLength(1_000)
    expect(odd.entities[0]!.value).toHaveLength(512)
  })

  test.each([
    ['not JSON', '{'],
    ['a list', []],
    ['no id', { ...match({}), id: '' }],
    ['a long rule id', { ...match({}), ruleId: 'x'.repeat(300) }],
    ['an unknown severity', { ...match({}), severity: 'toString' }],
    ['a time that is none', { ...match({}), timeMs: '2026' }],
    ['a time after the year 9999', { ...match({}), timeMs: 1e15 }],
    ['a path that is none', { ...match({}), unitPath: '/1/%' }],
    ['an entity without role', { ...match({}), entities: [{ type: 'ip', value: '::1' }] }],
    ['a Chinese title that is no text', { ...match({}), ruleTitleZh: 1 }],
    ['an attribution that is no map', { ...match({}), ruleAttribution: ['x'] }],
    ['an author who is no text', { ...match({}), ruleAttribution: { author: 1 } }],
    ['fields as a list', { ...match({}), fields: [] }],
  ])('refuses %s with a code', (_, value) => {
    expect(() => decode(value)).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }))
  })
})
