import { count, sql } from 'drizzle-orm'
import { storableText } from '../../lib/storable-text.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import { sourceMinutes, sources } from '../../seams/store/schema/sources.ts'
import type { Database, Transaction } from '../../seams/store/store.ts'
import { systemActor } from '../actor.ts'
import { type AuditEntry, appendAuditAll } from '../audit/append.ts'
import { loadSettings } from '../settings/setting.ts'
import { isContentionError, translateStoreError } from '../store-error.ts'
import { rootUnitId, rootUnitPath } from '../units/unit.ts'
import { sourceId } from './source.ts'

/** What a batch held of one sender. */
export interface SourceObservation {
  sourceKey: string
  transport: string
  sender: string
  /** Name the sender gave, or empty. */
  source: string
  records: number
  parsed: number
  failed: number
  bytes: number
  /** Parser of most of the records; empty or `unparsed` when none. */
  parser: string
  lastReceivedAtMs: number
  /** 0 when unknown. */
  lastEventTimeMs: number
  /** Why the last record failed; empty when none did. */
  lastReason: string
}

export interface NewSource {
  id: string
  key: string
  unitPath: string
}

export interface SourceObserver {
  /** Takes statistics in; cheap, in memory. */
  add(observations: readonly SourceObservation[]): void
  /**
   * Writes what was gathered: at most `flushMax` sources, those that have waited longest. Answers the sources that are new.
   * When it fails, what was gathered stays and is written the next time.
   */
  flush(): Promise<NewSource[]>
  /** Senders that were not listed because too many are known, and observations dropped because too many waited. */
  refused(): number
}

/** Sources in one write. */
const flushMax = 1_000
/** Sources that wait to be written; beyond it their statistics are dropped and counted. */
const waitingMax = 20_000
/** Sources that are known at all: whoever can forge sender addresses must not fill the database. */
const knownMax = 100_000
/** New sources that are audited one by one; the rest of a flood is one row. */
const auditedMax = 50

interface Gathered extends SourceObservation {
  firstReceivedAtMs: number
  minuteMs: number
}

/** Gathers statistics of a process thread between two writes; call `flush` every second, one call at a time. */
export function createSourceObserver(database: Database, clock: Clock): SourceObserver {
  const gathered = new Map<string, Gathered>()
  let refusedCount = 0
  return {
    add(observations) {
      const minuteMs = Math.floor(clock.now() / 60_000) * 60_000
      for (const observation of observations) {
        // A key for each minute: a flush that failed must not lump two minutes together.
        const key = `${minuteMs} ${observation.sourceKey}`
        const waiting = gathered.get(key)
        if (waiting) merge(waiting, observation)
        else if (gathered.size >= waitingMax) refusedCount++
        else gathered.set(key, { ...observation, firstReceivedAtMs: observation.lastReceivedAtMs, minuteMs })
      }
    },
    async flush() {
      const taken = [...gathered.entries()].slice(0, flushMax)
      if (taken.length === 0) return []
      for (const [key] of taken) gathered.delete(key)
      try {
        const { created, refused } = await writeAll(
          database,
          clock,
          taken.map(([, value]) => value),
        )
        refusedCount += refused
        return created
      } catch (error) {
        for (const [key, value] of taken) {
          const later = gathered.get(key)
          if (later) mergeEarlier(later, value)
          else gathered.set(key, value)
        }
        throw translateStoreError(error)
      }
    },
    refused: () => refusedCount,
  }
}

function merge(waiting: Gathered, { records, parsed, failed, bytes, ...last }: SourceObservation): void {
  addCounts(waiting, { records, parsed, failed, bytes })
  if (last.parser !== '' && last.parser !== 'unparsed') waiting.parser = last.parser
  if (last.lastReason !== '') waiting.lastReason = last.lastReason
  waiting.lastReceivedAtMs = Math.max(waiting.lastReceivedAtMs, last.lastReceivedAtMs)
  waiting.lastEventTimeMs = Math.max(waiting.lastEventTimeMs, last.lastEventTimeMs)
}

function mergeEarlier(later: Gathered, earlier: Gathered): void {
  addCounts(later, earlier)
  later.firstReceivedAtMs = Math.min(later.firstReceivedAtMs, earlier.firstReceivedAtMs)
}

function addCounts(
  to: Gathered,
  { records, parsed, failed, bytes }: Pick<SourceObservation, 'records' | 'parsed' | 'failed' | 'bytes'>,
): void {
  to.records += records
  to.parsed += parsed
  to.failed += failed
  to.bytes += bytes
}

/** One row for each source of the write, in the order of the key, so that two threads never lock each other out. */
interface Delta {
  id: string
  key: string
  name: string
  transport: string
  records: number
  parsed: number
  failed: number
  bytes: number
  parser: string | null
  failure: string | null
  firstSeen: string
  lastSeen: string
  lastEvent: string | null
}

async function writeAll(
  database: Database,
  clock: Clock,
  gathered: Gathered[],
): Promise<{ created: NewSource[]; refused: number }> {
  const deltas = deltasOf(gathered)
  for (let attempt = 1; ; attempt++) {
    try {
      return await database.transaction(async (transaction) => {
        const known = await addToKnown(transaction, deltas)
        const unknown = deltas.filter((delta) => !known.has(delta.id))
        const room = unknown.length === 0 ? 0 : await roomFor(transaction, unknown.length)
        const created = await insertNew(transaction, unknown.slice(0, room))
        await addMinutes(transaction, gathered, new Set([...known, ...unknown.slice(0, room).map((delta) => delta.id)]))
        await appendAuditAll(transaction, clock, auditOf(created, unknown))
        return { created, refused: unknown.length - Math.min(room, unknown.length) }
      })
    } catch (error) {
      if (attempt >= 3 || !isContentionError(error)) throw error
    }
  }
}

function deltasOf(gathered: Gathered[]): Delta[] {
  const byKey = new Map<string, Gathered>()
  for (const one of gathered) {
    const present = byKey.get(one.sourceKey)
    if (present) {
      merge(present, one)
      present.firstReceivedAtMs = Math.min(present.firstReceivedAtMs, one.firstReceivedAtMs)
    } else byKey.set(one.sourceKey, { ...one })
  }
  const deltas = [...byKey.values()].map((one): Delta => {
    const key = storableText(one.sourceKey, 1_024)
    const isParsed = one.parser !== '' && one.parser !== 'unparsed'
    return {
      id: sourceId(key),
      key,
      name: storableText(one.source || one.sender || key, 200),
      transport: one.transport,
      ...{ records: one.records, parsed: one.parsed, failed: one.failed, bytes: one.bytes },
      parser: isParsed ? one.parser : null,
      failure: one.lastReason === '' ? null : storableText(one.lastReason, 500),
      firstSeen: new Date(one.firstReceivedAtMs).toISOString(),
      lastSeen: new Date(one.lastReceivedAtMs).toISOString(),
      lastEvent: one.lastEventTimeMs > 0 ? new Date(one.lastEventTimeMs).toISOString() : null,
    }
  })
  return deltas.sort((left, right) => (left.id < right.id ? -1 : 1))
}

/** As a table of the query: one JSON parameter, whatever the number of rows. */
function asTable(deltas: Delta[]) {
  return sql`jsonb_to_recordset(${JSON.stringify(deltas)}::jsonb) AS d (id text, key text, name text, transport text, records bigint,
    parsed bigint, failed bigint, bytes bigint, parser text, failure text, "firstSeen" timestamptz, "lastSeen" timestamptz, "lastEvent" timestamptz)`
}

async function addToKnown(transaction: Transaction, deltas: Delta[]): Promise<Set<string>> {
  const ids = sql.param(deltas.map((delta) => delta.id))
  await transaction.execute(sql`SELECT id FROM ${sources} WHERE id = ANY(${ids}) ORDER BY id FOR UPDATE`)
  const { rows } = await transaction.execute<{ id: string }>(sql`
    UPDATE ${sources} s SET record_count = s.record_count + d.records, parsed_count = s.parsed_count + d.parsed,
      unparsed_count = s.unparsed_count + d.failed, byte_count = s.byte_count + d.bytes, transport = d.transport,
      parser = coalesce(d.parser, s.parser), last_failure = coalesce(d.failure, s.last_failure),
      last_seen_at = greatest(s.last_seen_at, d."lastSeen"), last_event_at = greatest(s.last_event_at, d."lastEvent")
    FROM ${asTable(deltas)} WHERE s.id = d.id RETURNING s.id`)
  return new Set(rows.map((row) => row.id))
}

async function roomFor(transaction: Transaction, wanted: number): Promise<number> {
  const [known] = await transaction.select({ total: count() }).from(sources)
  return Math.max(0, Math.min(wanted, knownMax - (known?.total ?? 0)))
}

async function insertNew(transaction: Transaction, deltas: Delta[]): Promise<NewSource[]> {
  if (deltas.length === 0) return []
  const silenceMinutes = (await loadSettings(transaction))['sources.silenceAfterMinutes']
  const silenceMs = silenceMinutes === null ? null : silenceMinutes * 60_000
  // Two threads may see the same new sender at once: the second adds to the row of the first.
  const { rows } = await transaction.execute<{ id: string; key: string; created: boolean }>(sql`
    INSERT INTO ${sources} AS s (id, key, name, transport, parser, unit_id, unit_path, first_seen_at, last_seen_at, last_event_at,
      record_count, parsed_count, unparsed_count, byte_count, last_failure, silence_after_ms)
    SELECT d.id, d.key, d.name, d.transport, d.parser, ${rootUnitId}, ${rootUnitPath}, d."firstSeen", d."lastSeen", d."lastEvent",
      d.records, d.parsed, d.failed, d.bytes, d.failure, CASE WHEN d.transport = 'file' THEN NULL ELSE ${silenceMs}::bigint END
    FROM ${asTable(deltas)} ORDER BY d.id
    ON CONFLICT (id) DO UPDATE SET record_count = s.record_count + excluded.record_count,
      parsed_count = s.parsed_count + excluded.parsed_count, unparsed_count = s.unparsed_count + excluded.unparsed_count,
      byte_count = s.byte_count + excluded.byte_count, last_seen_at = greatest(s.last_seen_at, excluded.last_seen_at)
    RETURNING id, key, xmax = 0 AS created`)
  return rows.filter((row) => row.created).map(({ id, key }) => ({ id, key, unitPath: rootUnitPath }))
}

async function addMinutes(transaction: Transaction, gathered: Gathered[], listed: Set<string>): Promise<void> {
  const minutes = gathered
    .map(({ sourceKey, minuteMs, records, failed, bytes }) => ({
      id: sourceId(storableText(sourceKey, 1_024)),
      minute: new Date(minuteMs).toISOString(),
      ...{ records, failed, bytes },
    }))
    .filter(({ id }) => listed.has(id))
  if (minutes.length === 0) return
  await transaction.execute(sql`
    INSERT INTO ${sourceMinutes} AS m (source_id, minute, records, unparsed, bytes)
    SELECT d.id, d.minute, sum(d.records), sum(d.failed), sum(d.bytes) FROM jsonb_to_recordset(${JSON.stringify(minutes)}::jsonb)
      AS d (id text, minute timestamptz, records int, failed int, bytes bigint) GROUP BY d.id, d.minute ORDER BY d.id, d.minute
    ON CONFLICT (source_id, minute) DO UPDATE SET records = m.records + excluded.records,
      unparsed = m.unparsed + excluded.unparsed, bytes = m.bytes + excluded.bytes`)
}

function auditOf(created: NewSource[], unknown: Delta[]): AuditEntry[] {
  const actor = systemActor('sources')
  const byId = new Map(unknown.map((delta) => [delta.id, delta]))
  const entries = created.slice(0, auditedMax).map(({ id, key }): AuditEntry => {
    const detail = { key, transport: byId.get(id)?.transport, parser: byId.get(id)?.parser }
    return { actor, action: 'source.appear', target: `source:${id}`, unitPath: rootUnitPath, detail }
  })
  if (created.length > auditedMax) {
    const detail = { further: created.length - auditedMax }
    entries.push({ actor, action: 'source.appear', target: 'source:many', unitPath: rootUnitPath, detail })
  }
  return entries
}
