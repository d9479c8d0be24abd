import { sql } from 'drizzle-orm'
import { storableText } from '../../lib/storable-text.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import { hostFacts, hosts } from '../../seams/store/schema/traffic.ts'
import type { Database } from '../../seams/store/store.ts'
import { isContentionError, translateStoreError } from '../store-error.ts'

/** What an event told of a host. */
export interface HostObservation {
  unitPath: string
  address: string
  kind: string
  value: string
  origin: string
  atMs: number
}

export interface HostObserver {
  add(observation: HostObservation): void
  /** Writes what was gathered; when it fails, it stays and is written the next time. */
  flush(): Promise<void>
  /** Facts dropped because too many waited, and those of hosts beyond the bound. */
  refused(): number
}

/** Facts that wait for the next write, facts in one, and hosts that are known at all. */
const waitingMax = 100_000
const flushMax = 2_000
const hostsMax = 500_000
/** Facts of one host and kind that are kept: a scanner has a thousand user agents. */
const factsOfKindMax = 100

interface Gathered extends HostObservation {
  count: number
  firstMs: number
}

/** Gathers facts between two writes; one call of `flush` at a time. */
export function createHostObserver(database: Database, clock: Clock): HostObserver {
  const waiting = new Map<string, Gathered>()
  let refused = 0
  return {
    add(observation) {
      const { unitPath, address, kind, value, origin, atMs } = observation
      const key = `${unitPath}\n${address}\n${kind}\n${origin}\n${value}`
      const known = waiting.get(key)
      if (known) {
        known.count++
        known.firstMs = Math.min(known.firstMs, atMs)
        known.atMs = Math.max(known.atMs, atMs)
      } else if (waiting.size >= waitingMax) refused++
      else waiting.set(key, { ...observation, count: 1, firstMs: atMs })
    },
    async flush() {
      const taken = [...waiting].slice(0, flushMax)
      if (taken.length === 0) return
      for (const [key] of taken) waiting.delete(key)
      try {
        refused += await writeAll(
          database,
          clock,
          taken.map(([, one]) => one),
        )
      } catch (error) {
        for (const [key, one] of taken) {
          const later = waiting.get(key)
          if (later) {
            later.count += one.count
            later.firstMs = Math.min(later.firstMs, one.firstMs)
          } else waiting.set(key, one)
        }
        throw translateStoreError(error)
      }
    },
    refused: () => refused,
  }
}

async function writeAll(database: Database, clock: Clock, gathered: Gathered[]): Promise<number> {
  // A clock that runs ahead must not keep a host for ever.
  const nowMs = clock.now()
  const facts = gathered.map(({ unitPath, address, kind, value, origin, count, firstMs, atMs }) => ({
    ...{ unit: unitPath, address, kind, origin, count },
    value: storableText(value, 512),
    first: new Date(Math.min(firstMs, nowMs)).toISOString(),
    last: new Date(Math.min(atMs, nowMs)).toISOString(),
  }))
  const rows = sql`jsonb_to_recordset(${JSON.stringify(facts)}::jsonb) AS d (unit text, address inet, kind text, value text,
    origin text, count int, first timestamptz, last timestamptz)`
  for (let attempt = 1; ; attempt++) {
    try {
      // unaudited: what was seen on the wire is a state, not an act of anyone.
      return await database.transaction(async (transaction) => {
        const { rows: counted } = await transaction.execute<{ total: number }>(
          sql`SELECT count(*)::int AS total FROM ${hosts}`,
        )
        const isFull = (counted[0]?.total ?? 0) >= hostsMax
        await transaction.execute(sql`
          INSERT INTO ${hosts} AS h (unit_path, address, first_seen_at, last_seen_at, noted_at)
          SELECT d.unit, d.address, min(d.first), max(d.last), ${new Date(nowMs).toISOString()}::timestamptz FROM ${rows}
          WHERE NOT ${isFull} OR EXISTS (SELECT 1 FROM ${hosts} k WHERE k.unit_path = d.unit AND k.address = d.address)
          GROUP BY d.unit, d.address ORDER BY d.unit, d.address
          ON CONFLICT (unit_path, address) DO UPDATE SET last_seen_at = greatest(h.last_seen_at, excluded.last_seen_at),
            first_seen_at = least(h.first_seen_at, excluded.first_seen_at), noted_at = excluded.noted_at`)
        const { rows: written } = await transaction.execute<{ id: number }>(sql`
          INSERT INTO ${hostFacts} AS f (host_id, kind, value, origin, count, first_seen_at, last_seen_at)
          SELECT h.id, d.kind, d.value, d.origin, sum(d.count), min(d.first), max(d.last)
          FROM ${rows} JOIN ${hosts} h ON h.unit_path = d.unit AND h.address = d.address
          WHERE (SELECT count(*) FROM ${hostFacts} k WHERE k.host_id = h.id AND k.kind = d.kind) < ${factsOfKindMax}
            OR EXISTS (SELECT 1 FROM ${hostFacts} k WHERE k.host_id = h.id AND k.kind = d.kind AND k.value = d.value AND k.origin = d.origin)
          GROUP BY h.id, d.kind, d.value, d.origin ORDER BY h.id, d.kind, d.value, d.origin
          ON CONFLICT (host_id, kind, value, origin) DO UPDATE SET count = least(f.count::bigint + excluded.count, 2147483647)::int,
            last_seen_at = greatest(f.last_seen_at, excluded.last_seen_at), first_seen_at = least(f.first_seen_at, excluded.first_seen_at)
          RETURNING f.id`)
        return facts.length - written.length
      })
    } catch (error) {
      if (attempt >= 3 || !isContentionError(error)) throw error
    }
  }
}
