import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'drizzle-orm'
import { pino } from 'pino'
import { createCorrelator } from '../../server/src/correlate/correlate.ts'
import { parseAttackLookup } from '../../server/src/correlate/stage.ts'
import type { Detection } from '../../server/src/event/event.ts'
import { systemClock } from '../../server/src/seams/clock/clock.ts'
import { openStore } from '../../server/src/seams/store/open.ts'

export const name = 'correlate'

const startMs = Date.UTC(2026, 2, 1)

/**
 * How the firings spread: how many rules, sources and hosts take part, and over how much event time. A source uses two
 * rules on two hosts.
 */
const mixes = [
  { what: 'flood of one rule', rules: 1, sources: 1, hosts: 1, hours: 0.1, matches: 20_000 },
  { what: 'ordinary day', rules: 60, sources: 1_000, hosts: 400, hours: 12, matches: 10_000 },
  { what: 'every source new (a botnet)', rules: 3, sources: 20_000, hosts: 50, hours: 2, matches: 5_000 },
]

/** Firings to detections and incidents in PostgreSQL, in batches of 1,000 and of 50 (what 20 ms bring at 2,500/s). */
export async function run(): Promise<Record<string, number | string>[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'watchfire-bench-correlate-'))
  const logger = pino({ level: 'warn' })
  const store = await openStore({ state: 'embedded', dataDir }, { logger, clock: systemClock })
  const lookup = join(import.meta.dirname, '..', '..', 'content', 'lookups', 'attack.yml')
  const attack = parseAttackLookup(readFileSync(lookup, 'utf8'))
  const rows: Record<string, number | string>[] = []
  try {
    for (const mix of mixes) {
      for (const size of [1_000, 50]) {
        await store.database.execute(sql`TRUNCATE incidents, incident_entities, incident_activity, detections,
          detection_entities, match_windows, offsets CASCADE`)
        const correlator = createCorrelator({
          database: store.database,
          clock: systemClock,
          attack,
          timeZone: 'Asia/Shanghai',
          notify: () => undefined,
          logger,
        })
        const records = recordsOf({ ...mix, matches: size === 50 ? mix.matches / 5 : mix.matches }, [
          ...attack.tactics.keys(),
        ])
        const cpuBefore = process.cpuUsage()
        const beganAt = performance.now()
        let slowestMs = 0
        for (let at = 0; at < records.length; at += size) {
          const part = records.slice(at, at + size)
          const batchAt = performance.now()
          await correlator.handle({ partition: 0, first: at, last: at + part.length - 1, records: part })
          slowestMs = Math.max(slowestMs, performance.now() - batchAt)
        }
        const seconds = (performance.now() - beganAt) / 1_000
        const cpu = process.cpuUsage(cpuBefore)
        const counted = await store.database.execute<{ detections: string; incidents: string }>(sql`SELECT
          (SELECT count(*) FROM detections) AS detections, (SELECT count(*) FROM incidents WHERE status = 'new') AS incidents`)
        rows.push({
          what: mix.what,
          batch: size,
          matchesPerSecond: Math.round(records.length / seconds),
          microsecondsOfOurCpuPerMatch: Math.round((cpu.user + cpu.system) / records.length),
          meanBatchMs: Number(((seconds * 1_000 * size) / records.length).toFixed(1)),
          slowestBatchMs: Math.round(slowestMs),
          detections: Number(counted.rows[0]!.detections),
          incidents: Number(counted.rows[0]!.incidents),
        })
      }
    }
  } finally {
    await store.close()
    rmSync(dataDir, { recursive: true })
  }
  return rows
}

function recordsOf(mix: (typeof mixes)[number], tactics: string[]): Buffer[] {
  // A fixed generator (Knuth, MMIX), so that every run sees the same matches.
  let state = 42n
  const next = (bound: number) => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn
    return Number((state >> 33n) % BigInt(bound))
  }
  const severities = ['low', 'low', 'medium', 'medium', 'high'] as const
  return Array.from({ length: mix.matches }, (_, index) => {
    const source = next(mix.sources)
    const rule = (source * 7 + next(2)) % mix.rules
    const address = `198.${18 + (source >> 16)}.${(source >> 8) & 255}.${source & 255}`
    const host = `host-${(source * 13 + next(2)) % mix.hosts}`
    const match: Detection = {
      id: `bench-${index}`,
      ruleId: `rule-${rule}`,
      ruleTitle: `Rule number ${rule}`,
      detector: 'sigma',
      severity: severities[rule % severities.length]!,
      timeMs: startMs + Math.floor((index / mix.matches) * mix.hours * 3_600_000),
      unitPath: '/1/7/',
      techniques: ['T1110'],
      tactics: [tactics[rule % tactics.length]!],
      entities: [
        { type: 'ip', value: address, role: 'actor' },
        { type: 'host', value: host, role: 'target' },
      ],
      eventIds: [`0-${index}-0`],
      matched: [{ part: 'selection', field: 'source.ip', value: address }],
      fields: {
        'source.ip': address,
        'host.name': host,
        'event.category': ['authentication'],
        'event.outcome': 'failure',
        message: 'x'.repeat(200),
      },
      sourceKey: 'syslog:10.0.0.5',
      summary: `Rule number ${rule} on ${host}`,
    }
    return Buffer.from(JSON.stringify(match))
  })
}
