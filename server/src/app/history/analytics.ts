import type { Logger } from 'pino'
import type { Analytic } from '../../detect/analytics/definition.ts'
import { analyticDetections } from '../../detect/analytics/detection.ts'
import { CodedError } from '../../event/errors.ts'
import type { Detection } from '../../event/event.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import type { Database } from '../../seams/store/store.ts'
import { systemActor } from '../../state/actor.ts'
import type { AnalyticRange } from '../../state/events/analytic.ts'
import { beginRun } from '../../state/runs/begin.ts'
import { finishRun } from '../../state/runs/finish.ts'
import { loseOpenRuns } from '../../state/runs/lose.ts'
import type { Run } from '../../state/runs/run.ts'
import {
  type AnalyticWindow,
  answerWindow,
  failWindow,
  nextDueWindow,
  noteLateEvents,
  planWindows,
  publishedDetections,
  windowsToLookAtAgain,
} from '../../state/runs/windows.ts'
import { rootUnitPath } from '../../state/units/unit.ts'

/** Analytics that run at once. */
const concurrency = 2
/** Windows of one analytic in one turn, so that the others get theirs. */
const windowsInTurn = 200
const minuteMs = 60_000
const dayMs = 86_400_000
const retry = { firstMs: 30_000, longestMs: 3_600_000, attemptsMax: 10 } as const

export interface AnalyticsOptions {
  database: Database
  clock: Clock
  analytics: readonly Analytic[]
  /** Ids of analytics that are switched off. */
  switchedOff(): Promise<ReadonlySet<string>>
  ask(sql: string, range: AnalyticRange): Promise<{ rows: Record<string, unknown>[]; rowsRead: number }>
  countEvents(range: { fromMs: number; toMs: number }): Promise<number>
  /** Resolves when the detection is durable; publishing the same one again changes nothing. */
  publish(detection: Detection): Promise<void>
  /** IANA name of the zone of hours and days. */
  zone: string
  logger: Pick<Logger, 'warn' | 'error'>
  /** Called when a run has ended. */
  onRun(run: Pick<Run, 'id' | 'unitPath'>, state: Run['state']): void
  /** A window was given up: nobody looks at it any more unless a person asks. */
  onGivenUp(run: Run): Promise<void>
}

/**
 * Runs the analytics window by window: what has become due, what an outage has left out, what late events have changed. Every
 * attempt is entered in the ledger before it begins. Call `tick` from time to time; it never runs twice at once.
 */
export function createAnalyticsRunner(options: AnalyticsOptions) {
  const { database, clock, analytics, logger } = options
  const context = { database, clock, actor: systemActor('analytics') }
  const counters = { analyticRuns: 0, analyticFailures: 0, analyticDetections: 0 }
  let running: Promise<void> | undefined
  let opened = false
  let stopped = false

  async function turn(): Promise<void> {
    if (!opened) {
      await loseOpenRuns(context, 'analytic')
      opened = true
    }
    const off = await options.switchedOff()
    const waiting = analytics.filter(({ id }) => !off.has(id))
    const work = async () => {
      for (let analytic = waiting.shift(); analytic && !stopped; analytic = waiting.shift()) await serve(analytic)
    }
    await Promise.all(Array.from({ length: concurrency }, work))
  }

  async function serve(analytic: Analytic): Promise<void> {
    const { id, everyMinutes, delayMinutes, lateAfterMinutes } = analytic
    await planWindows(database, clock, {
      analyticId: id,
      everyMs: everyMinutes * minuteMs,
      delayMs: delayMinutes * minuteMs,
    })
    await lookForLateEvents(id, lateAfterMinutes * minuteMs)
    for (let count = 0; count < windowsInTurn && !stopped; count++) {
      const window = await nextDueWindow(database, clock, id)
      if (!window || !(await runWindow(analytic, window))) return
    }
  }

  async function lookForLateEvents(analyticId: string, lateAfterMs: number): Promise<void> {
    for (const window of await windowsToLookAtAgain(database, clock, { analyticId, lateAfterMs })) {
      if (stopped) return
      try {
        const count = await options.countEvents({
          fromMs: window.windowFrom.getTime(),
          toMs: window.windowTo.getTime(),
        })
        await noteLateEvents(database, clock, window, count > (window.eventCount ?? 0))
      } catch (error) {
        // It stays to be looked at, at the next turn.
        logger.warn({ err: error, analyticId }, 'late events could not be looked for yet')
        return
      }
    }
  }

  /** True when the window is answered. */
  async function runWindow(analytic: Analytic, window: AnalyticWindow): Promise<boolean> {
    const { windowFrom, windowTo, cause } = window
    const run = await beginRun(context, {
      ...{ kind: 'analytic', subjectId: analytic.id, title: analytic.title, titleZh: analytic.titleZh },
      ...{ unitPath: rootUnitPath, windowFrom, windowTo, cause, attempt: window.attempts + 1 },
    })
    const fromMs = windowFrom.getTime()
    const toMs = windowTo.getTime()
    counters.analyticRuns++
    try {
      // Before the question: an event that is stored meanwhile counts as late and is looked for again.
      const eventCount = await options.countEvents({ fromMs, toMs })
      const sinceMs = fromMs - analytic.lookBackDays * dayMs
      const { rows, rowsRead } = await options.ask(analytic.sql, { fromMs, toMs, sinceMs, zone: options.zone })
      const detections = analyticDetections(analytic, fromMs, rows)
      const known = await publishedDetections(
        database,
        detections.map(({ id }) => id),
      )
      const fresh = detections.filter(({ id }) => !known.has(id))
      for (const detection of fresh) await options.publish(detection)
      counters.analyticDetections += fresh.length
      const published = fresh.map(({ id }) => id)
      const answer = {
        runId: run.id,
        startedAt: run.startedAt,
        rowsRead,
        eventCount,
        matches: detections.length,
        published,
      }
      await answerWindow(database, clock, window, answer)
      options.onRun(run, 'succeeded')
      return true
    } catch (error) {
      counters.analyticFailures++
      await settleFailure(run, window, error)
      return false
    }
  }

  async function settleFailure(run: Run, window: AnalyticWindow, error: unknown): Promise<void> {
    const coded = error instanceof CodedError ? error : undefined
    const attempts = window.attempts + 1
    // What passes by itself is waited for as long as it takes; what does not is given up in the end, and shown.
    const giveUp = coded?.retry !== true && attempts >= retry.attemptsMax
    const delayMs = Math.min(retry.longestMs, retry.firstMs * 2 ** Math.min(attempts - 1, 16))
    const retryAt = giveUp ? null : new Date(clock.now() + delayMs)
    logger.error({ err: error, analytic: run.subjectId, windowFrom: window.windowFrom }, 'a run over history failed')
    await failWindow(database, window, { attempts, retryAt })
    await finishRun(context, {
      ...{ id: run.id, state: 'failed', retryAt },
      errorCode: coded?.code ?? 'INTERNAL',
      error: error instanceof Error ? error.message : String(error),
    })
    options.onRun(run, 'failed')
    if (giveUp) await options.onGivenUp(run)
  }

  return {
    /** Does what is due now. Rejects with STORE_UNAVAILABLE while the state store is away. */
    async tick(): Promise<void> {
      running ??= turn().finally(() => {
        running = undefined
      })
      await running
    },
    counters: () => ({ ...counters }),
    async stop(): Promise<void> {
      stopped = true
      await running?.catch(() => undefined)
    },
  }
}
