import { and, asc, eq, inArray, isNull, lte, max, type SQL, sql } from 'drizzle-orm'
import type { Clock } from '../../seams/clock/clock.ts'
import { analyticWindows, runDetections, runs } from '../../seams/store/schema/runs.ts'
import type { Database } from '../../seams/store/store.ts'
import { translateStoreError } from '../store-error.ts'

/** Stretch of event time an analytic answers for. */
export type AnalyticWindow = typeof analyticWindows.$inferSelect

/** Windows that are entered at once after a long outage; the rest follow at the next call. */
const plannedMax = 2_000

async function translated<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw translateStoreError(error)
  }
}

const at = (window: Pick<AnalyticWindow, 'analyticId' | 'windowFrom'>): SQL =>
  and(eq(analyticWindows.analyticId, window.analyticId), eq(analyticWindows.windowFrom, window.windowFrom))!

/**
 * Enters every window of the analytic that has become due since the last one, in order and without a hole, at most 2,000.
 * A window that is older than one interval was missed, and says so. The first window ever is the last whole one.
 */
export async function planWindows(
  database: Database,
  clock: Clock,
  { analyticId, everyMs, delayMs }: { analyticId: string; everyMs: number; delayMs: number },
): Promise<number> {
  return translated(async () => {
    const nowMs = clock.now()
    const [last] = await database
      .select({ to: max(analyticWindows.windowTo) })
      .from(analyticWindows)
      .where(eq(analyticWindows.analyticId, analyticId))
    let fromMs = last?.to ? last.to.getTime() : Math.floor((nowMs - delayMs) / everyMs) * everyMs - everyMs
    const rows: (typeof analyticWindows.$inferInsert)[] = []
    for (; fromMs + everyMs + delayMs <= nowMs && rows.length < plannedMax; fromMs += everyMs) {
      const toMs = fromMs + everyMs
      rows.push({
        analyticId,
        windowFrom: new Date(fromMs),
        windowTo: new Date(toMs),
        state: 'due',
        cause: toMs + delayMs + everyMs <= nowMs ? 'catch_up' : 'scheduled',
        nextAttemptAt: new Date(nowMs),
      })
    }
    // unaudited: what the time asks for is no act of anyone.
    if (rows.length > 0) await database.insert(analyticWindows).values(rows).onConflictDoNothing()
    return rows.length
  })
}

/** The earliest window of the analytic that is not answered; undefined when there is none, or it rests after a failure. */
export async function nextDueWindow(
  database: Database,
  clock: Clock,
  analyticId: string,
): Promise<AnalyticWindow | undefined> {
  return translated(async () => {
    const [first] = await database
      .select()
      .from(analyticWindows)
      .where(and(eq(analyticWindows.analyticId, analyticId), eq(analyticWindows.state, 'due')))
      .orderBy(asc(analyticWindows.windowFrom))
      .limit(1)
    return first && first.nextAttemptAt.getTime() <= clock.now() ? first : undefined
  })
}

/** Detections among these that a run has published before. */
export async function publishedDetections(database: Database, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set()
  return translated(async () => {
    const rows = await database
      .select({ id: runDetections.detectionId })
      .from(runDetections)
      .where(inArray(runDetections.detectionId, [...ids]))
    return new Set(rows.map(({ id }) => id))
  })
}

/** The window is answered, its detections are published, and the run has ended: all or nothing of it. */
export async function answerWindow(
  database: Database,
  clock: Clock,
  window: AnalyticWindow,
  answer: {
    runId: number
    startedAt: Date
    rowsRead: number
    eventCount: number
    matches: number
    published: string[]
  },
): Promise<void> {
  await translated(async () => {
    const now = new Date(clock.now())
    // unaudited: the ledger is the record of what ran.
    await database.transaction(async (transaction) => {
      const rows = answer.published.map((detectionId) => ({ detectionId, runId: answer.runId, at: now }))
      if (rows.length > 0) await transaction.insert(runDetections).values(rows).onConflictDoNothing()
      await transaction
        .update(analyticWindows)
        .set({ state: 'done', attempts: 0, answeredAt: answer.startedAt, eventCount: answer.eventCount })
        .where(at(window))
      await transaction
        .update(runs)
        .set({ state: 'succeeded', endedAt: now, rowsRead: answer.rowsRead, matches: answer.matches })
        .where(and(eq(runs.id, answer.runId), eq(runs.state, 'running')))
    })
  })
}

/** A run of the window failed: it is tried again at `retryAt`, or given up when that is null. */
export async function failWindow(
  database: Database,
  window: AnalyticWindow,
  { attempts, retryAt }: { attempts: number; retryAt: Date | null },
): Promise<void> {
  await translated(async () => {
    const outcome = retryAt ? { nextAttemptAt: retryAt } : { state: 'given_up' as const }
    // unaudited: see answerWindow.
    await database
      .update(analyticWindows)
      .set({ attempts, ...outcome })
      .where(at(window))
  })
}

/** Answered windows of the analytic that it is time to look at again for late events, earliest first, at most 50. */
export async function windowsToLookAtAgain(
  database: Database,
  clock: Clock,
  { analyticId, lateAfterMs }: { analyticId: string; lateAfterMs: number },
): Promise<AnalyticWindow[]> {
  return translated(() => {
    const before = new Date(clock.now() - lateAfterMs)
    return database
      .select()
      .from(analyticWindows)
      .where(
        and(
          eq(analyticWindows.analyticId, analyticId),
          eq(analyticWindows.state, 'done'),
          isNull(analyticWindows.lateCheckedAt),
          lte(analyticWindows.answeredAt, before),
          lte(analyticWindows.windowTo, before),
        ),
      )
      .orderBy(asc(analyticWindows.windowFrom))
      .limit(50)
  })
}

/** Notes that the window was looked at again; with late events it is due once more. */
export async function noteLateEvents(
  database: Database,
  clock: Clock,
  window: AnalyticWindow,
  hasLateEvents: boolean,
): Promise<void> {
  await translated(async () => {
    const now = new Date(clock.now())
    const again = hasLateEvents
      ? { state: 'due' as const, cause: 'late' as const, nextAttemptAt: now, attempts: 0 }
      : {}
    // unaudited: see answerWindow.
    await database
      .update(analyticWindows)
      .set({ lateCheckedAt: now, ...again })
      .where(at(window))
  })
}

/** How many windows of each analytic are not answered, and since when. */
export async function openWindows(
  database: Database,
): Promise<Map<string, { due: number; givenUp: number; since: Date }>> {
  return translated(async () => {
    const rows = await database
      .select({
        id: analyticWindows.analyticId,
        due: sql<number>`count(*) FILTER (WHERE ${analyticWindows.state} = 'due')::int`,
        givenUp: sql<number>`count(*) FILTER (WHERE ${analyticWindows.state} = 'given_up')::int`,
        since: sql<Date>`min(${analyticWindows.windowFrom})`.mapWith(analyticWindows.windowFrom),
      })
      .from(analyticWindows)
      .where(inArray(analyticWindows.state, ['due', 'given_up']))
      .groupBy(analyticWindows.analyticId)
    return new Map(rows.map(({ id, ...open }) => [id, open]))
  })
}
