import { and, asc, desc, eq, gte, inArray, isNotNull, lt, lte, ne, notInArray, sql } from 'drizzle-orm'
import type { Clock } from '../../seams/clock/clock.ts'
import { canaries } from '../../seams/store/schema/canaries.ts'
import { sources } from '../../seams/store/schema/sources.ts'
import type { Database } from '../../seams/store/store.ts'
import { translateStoreError } from '../store-error.ts'
import type { Canary } from './canary.ts'

/** A source that is in use: heard within this time. */
const inUseMs = 24 * 3_600_000
/** Its parser is settled by then. */
const settledMs = 10 * 60_000
/** Canaries that are sent at once; with more sources than that an hour the interval stretches. */
const atOnceMax = 20
const outcomeMs = 2 * 24 * 3_600_000
const keptMs = 35 * 24 * 3_600_000
const idBytes = 12

async function translated<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw translateStoreError(error)
  }
}

/**
 * Enters a canary for every source in use, but those in `except`, whose last one is older than `everyMs`, those that waited
 * longest first.
 */
export async function scheduleCanaries(
  database: Database,
  clock: Clock,
  everyMs: number,
  except: readonly string[] = [],
): Promise<number> {
  return translated(async () => {
    const nowMs = clock.now()
    const last = sql`(SELECT max(c.requested_at) FROM ${canaries} c WHERE c.source_id = ${sources.id})`
    const due = await database
      .select({ id: sources.id, name: sources.name, unitPath: sources.unitPath })
      .from(sources)
      .where(
        and(
          eq(sources.enabled, true),
          ne(sources.transport, 'file'),
          except.length > 0 ? notInArray(sources.id, [...except]) : undefined,
          isNotNull(sql`coalesce(${sources.pinnedParser}, ${sources.parser})`),
          gte(sources.lastSeenAt, new Date(nowMs - inUseMs)),
          lte(sources.firstSeenAt, new Date(nowMs - settledMs)),
          sql`coalesce(${last}, '-infinity'::timestamptz) <= ${new Date(nowMs - everyMs).toISOString()}::timestamptz`,
        ),
      )
      .orderBy(asc(sql`coalesce(${last}, '-infinity'::timestamptz)`), asc(sources.id))
      .limit(atOnceMax)
    const rows = due.map(({ id, name, unitPath }) => ({
      ...{
        id: clock.random(idBytes).toString('hex'),
        sourceId: id,
        sourceName: name,
        unitPath,
        state: 'waiting' as const,
      },
      ...{ requestedBy: 'canary', requestedAt: new Date(nowMs) },
    }))
    // unaudited: what the time asks for is no act of anyone.
    if (rows.length > 0) await database.insert(canaries).values(rows)
    return rows.length
  })
}

/** What a waiting canary has to know of its source. */
export interface WaitingCanary {
  canary: Canary
  source: { transport: string; parser: string | null; pinnedParser: string | null } | null
}

/** Canaries that wait to be sent, the oldest first. */
export async function waitingCanaries(database: Database): Promise<WaitingCanary[]> {
  return translated(async () => {
    const { transport, parser, pinnedParser } = sources
    return database
      .select({ canary: canaries, source: { transport, parser, pinnedParser } })
      .from(canaries)
      .leftJoin(sources, eq(sources.id, canaries.sourceId))
      .where(eq(canaries.state, 'waiting'))
      .orderBy(asc(canaries.requestedAt), asc(canaries.id))
      .limit(atOnceMax)
  })
}

/** Writes how far a canary has come. */
export async function saveCanary(database: Database, id: string, change: Partial<Canary>): Promise<void> {
  await translated(async () => {
    // unaudited: a measurement of the program itself.
    await database.update(canaries).set(change).where(eq(canaries.id, id))
  })
}

/** At the start: what was on its way when the program ended is neither lost nor arrived. */
export async function interruptCanaries(database: Database, clock: Clock): Promise<void> {
  await translated(async () => {
    // unaudited: see saveCanary.
    await database
      .update(canaries)
      .set({ state: 'interrupted', endedAt: new Date(clock.now()) })
      .where(eq(canaries.state, 'running'))
  })
}

/** Outcome of the canary of this source before this one; undefined for the first. */
export async function outcomeBefore(database: Database, canary: Canary): Promise<Canary['state'] | undefined> {
  if (canary.sourceId === null) return undefined
  const { sourceId } = canary
  return translated(async () => {
    const [before] = await database
      .select({ state: canaries.state })
      .from(canaries)
      .where(
        and(
          eq(canaries.sourceId, sourceId),
          inArray(canaries.state, ['arrived', 'lost']),
          lt(canaries.requestedAt, canary.requestedAt),
        ),
      )
      .orderBy(desc(canaries.requestedAt))
      .limit(1)
    return before?.state
  })
}

/** Housekeeping: outcomes are kept for five weeks. */
export async function purgeCanaries(database: Database, clock: Clock): Promise<void> {
  await translated(async () => {
    // unaudited: housekeeping of measurements.
    await database.delete(canaries).where(lt(canaries.requestedAt, new Date(clock.now() - keptMs)))
  })
}

/** The last outcome by rule and by source of the last two days, for whether rules can fire. */
export async function lastOutcomes(
  database: Database,
  clock: Clock,
): Promise<{ byRule: Map<string, Canary>; bySource: Map<string, Canary> }> {
  return translated(async () => {
    const since = gte(canaries.requestedAt, new Date(clock.now() - outcomeMs))
    const ended = and(inArray(canaries.state, ['arrived', 'lost']), since)
    const byRule = await database
      .selectDistinctOn([canaries.ruleId])
      .from(canaries)
      .where(and(ended, isNotNull(canaries.ruleId)))
      .orderBy(canaries.ruleId, desc(canaries.requestedAt))
    const bySource = await database
      .selectDistinctOn([canaries.sourceId])
      .from(canaries)
      .where(and(ended, isNotNull(canaries.sourceId)))
      .orderBy(canaries.sourceId, desc(canaries.requestedAt))
    return {
      byRule: new Map(byRule.map((canary) => [canary.ruleId!, canary])),
      bySource: new Map(bySource.map((canary) => [canary.sourceId!, canary])),
    }
  })
}
