import type { Logger } from 'pino'
import type { Change } from '../event/change.ts'
import type { ReadinessSummary } from '../present/readiness.ts'
import type { Broadcast } from '../seams/bus/bus.ts'
import type { Clock } from '../seams/clock/clock.ts'
import type { Database } from '../seams/store/store.ts'
import { purgeCanaries } from '../state/canaries/schedule.ts'
import { purgeHosts } from '../state/hosts/purge.ts'
import { recordReadiness } from '../state/readiness/record.ts'
import { purgeRunDetections } from '../state/runs/purge.ts'
import { purgeSessions } from '../state/sessions/purge.ts'
import { purgeSourceMinutes } from '../state/sources/purge.ts'
import { checkSilence } from '../state/sources/silent.ts'

interface Duty {
  name: string
  everyMs: number
  run(): Promise<void>
}

/** What has to be looked at from time to time, whoever is signed in: silent sources, ended sessions, old series. */
export function startHousekeeping(options: {
  database: Database
  clock: Clock
  changes: Broadcast<Change>
  /** Signs the head of the audit chain. */
  signAuditHead(): Promise<unknown>
  /** How many of the enabled rules can fire now. */
  measureReadiness(): Promise<ReadinessSummary>
  /** How long events are kept. */
  retentionDays: number
  logger: Logger
}): { stop(): Promise<void> } {
  const { database, clock, changes, logger } = options
  const watchingSinceMs = clock.now()
  const tell = (action: string, { id, unitPath }: { id: string; unitPath: string }) =>
    changes.send({ noun: 'source', id, action, unitPath, atMs: clock.now() })
  const duties: Duty[] = [
    {
      name: 'silent sources',
      everyMs: 10_000,
      async run() {
        const { silent, recovered } = await checkSilence(database, clock, watchingSinceMs)
        for (const source of silent) tell('silent', source)
        for (const source of recovered) tell('recovered', source)
      },
    },
    { name: 'audit head', everyMs: 60_000, run: async () => void (await options.signAuditHead()) },
    {
      name: 'rules that can fire',
      everyMs: 60_000,
      async run() {
        const { enabled, canFire, reasons } = await options.measureReadiness()
        const byCode = Object.fromEntries(reasons.map(({ code, count }) => [code, count]))
        await recordReadiness(database, clock, { enabled, canFire, reasons: byCode })
      },
    },
    { name: 'old canaries', everyMs: 3_600_000, run: () => purgeCanaries(database, clock) },
    {
      name: 'detections of old runs',
      everyMs: 3_600_000,
      run: () => purgeRunDetections(database, clock, options.retentionDays),
    },
    {
      name: 'hosts not seen for long',
      everyMs: 3_600_000,
      run: () => purgeHosts(database, clock, options.retentionDays),
    },
    { name: 'ended sessions', everyMs: 600_000, run: () => purgeSessions(database, clock) },
    { name: 'old source series', everyMs: 3_600_000, run: () => purgeSourceMinutes(database, clock) },
  ]
  const running = new Map<Duty, Promise<void>>()
  const timers = duties.map((duty) =>
    setInterval(() => {
      // A duty that takes longer than its interval is not started a second time.
      if (running.has(duty)) return
      const run = duty
        .run()
        .catch((error: unknown) => logger.warn({ err: error }, `housekeeping: ${duty.name} failed and is tried again`))
        .finally(() => running.delete(duty))
      running.set(duty, run)
    }, duty.everyMs),
  )
  return {
    async stop() {
      for (const timer of timers) clearInterval(timer)
      await Promise.all(running.values())
    },
  }
}
