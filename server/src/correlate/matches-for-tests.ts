import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import type { Detection, Entity, Severity } from '../event/event.ts'
import type { BusBatch } from '../seams/bus/bus.ts'
import { parseAttackLookup } from './stage.ts'

/** The shipped lookup, as the program loads it. */
export const attack = parseAttackLookup(
  readFileSync(fileURLToPath(new URL('../../../content/lookups/attack.yml', import.meta.url)), 'utf8'),
)

export const startMs = Date.UTC(2026, 2, 1, 1, 0, 0)

let counter = 0

/** A match with sensible rest; times are minutes after `startMs`. */
export function match(part: Partial<Detection> & { minute?: number } = {}): Detection {
  const { minute = 0, ...rest } = part
  const id = rest.id ?? `m${++counter}`
  return {
    id,
    ruleId: 'ssh_brute_force',
    ruleTitle: 'SSH brute force',
    ruleTitleZh: 'SSH 暴力破解',
    detector: 'sigma',
    severity: 'medium',
    timeMs: startMs + minute * 60_000,
    unitPath: '/1/7/',
    techniques: ['T1110.001'],
    tactics: ['credential-access'],
    entities: [ip('203.0.113.7'), host('portal-01')],
    eventIds: [`event-of-${id}`],
    matched: [{ part: 'selection', field: 'event.action', value: 'ssh_login' }],
    fields: { 'source.ip': '203.0.113.7', 'event.outcome': 'failure', 'event.category': ['authentication'] },
    sourceKey: 'syslog:10.0.0.5',
    summary: 'SSH brute force from 203.0.113.7 against portal-01',
    summaryZh: 'SSH 暴力破解：203.0.113.7 · portal-01',
    ...rest,
  }
}

export const ip = (value: string, role: Entity['role'] = 'actor'): Entity => ({ type: 'ip', value, role })
export const host = (value: string, role: Entity['role'] = 'target'): Entity => ({ type: 'host', value, role })
export const user = (value: string, role: Entity['role'] = 'actor'): Entity => ({ type: 'user', value, role })

/** Matches as the bus delivers them. */
export function batchOf(matches: (Detection | Buffer)[], first = 0, partition = 0): BusBatch {
  const records = matches.map((one) => (Buffer.isBuffer(one) ? one : Buffer.from(JSON.stringify(one))))
  return { partition, first, last: first + records.length - 1, records }
}

const severities: Severity[] = ['informational', 'low', 'medium', 'high', 'critical']

/** Few rules, entities and units, so that matches meet; all within one window of 24 hours. */
export const anyMatches = (maxLength = 25) =>
  fc
    .array(
      fc.record({
        rule: fc.integer({ min: 0, max: 4 }),
        actor: fc.integer({ min: 0, max: 4 }),
        target: fc.integer({ min: 0, max: 4 }),
        minute: fc.integer({ min: 0, max: 23 * 60 }),
        severity: fc.constantFrom(...severities),
        unit: fc.constantFrom('/1/', '/1/7/', '/1/8/', '/1/7/3/'),
        outcome: fc.constantFrom('success', 'failure'),
        country: fc.constantFrom(undefined, 'CN', 'SG'),
      }),
      { minLength: 1, maxLength },
    )
    .map((parts) =>
      parts.map(({ rule, actor, target, minute, severity, unit, outcome, country }, index) =>
        match({
          id: `match-${index}`,
          ruleId: `rule-${rule}`,
          ruleTitle: `Rule ${rule}`,
          ruleTitleZh: `规则${rule}`,
          severity,
          minute,
          unitPath: unit,
          tactics: [[...attack.tactics.keys()][rule * 2 + 1]!],
          techniques: [`T10${rule}0`],
          entities: [ip(`198.51.100.${actor}`), host(`host-${target}`)],
          eventIds: [`event-${index}`, `event-${index % 3}`],
          fields: {
            'source.ip': `198.51.100.${actor}`,
            'event.outcome': outcome,
            'event.category': ['authentication'],
            'host.name': `host-${target}`,
            ...(country ? { 'source.geo.country_iso_code': country } : {}),
          },
        }),
      ),
    )

/** The matches and the same in another order. */
export const anyShuffled = (maxLength?: number) =>
  anyMatches(maxLength).chain((matches) =>
    fc.tuple(fc.constant(matches), fc.shuffledSubarray(matches, { minLength: matches.length })),
  )
