import { join } from 'node:path'
import { workerData } from 'node:worker_threads'
import { loadAnalytics } from '../../detect/analytics/definition.ts'
import type { Change } from '../../event/change.ts'
import { openLocalBus } from '../../seams/bus/local.ts'
import { systemClock } from '../../seams/clock/clock.ts'
import { connectEvents } from '../../seams/events/open.ts'
import { connectStore } from '../../seams/store/open.ts'
import { systemActor } from '../../state/actor.ts'
import { countEvents, runAnalyticSql } from '../../state/events/analytic.ts'
import { loadRuleStates } from '../../state/rules/load-states.ts'
import { contentDirs } from '../content.ts'
import { createAnalyticsRunner } from '../history/analytics.ts'
import { createLogger } from '../logger.ts'
import { runThread } from '../thread-body.ts'
import { historyPartition, type ThreadData } from './data.ts'

const { config, storeUrl, eventsAccess } = workerData as ThreadData

const tickMs = 15_000

/** The history thread: event store -> analytics, window by window -> bus `detections`; every run in the ledger. */
await runThread(async () => {
  const logger = createLogger(config, 'history')
  const clock = systemClock
  const bus = await openLocalBus({
    directory: join(config.dataDir, 'bus'),
    partitions: [historyPartition],
    limitBytes: config.busLimitBytes,
    logger,
    clock,
  })
  const store = connectStore(storeUrl, { logger })
  const events = connectEvents(eventsAccess)
  const changes = bus.broadcast<Change>('changes')
  const stopping = new AbortController()
  const reading = { events: events.query, clock, actor: systemActor('analytics'), signal: stopping.signal }
  const runner = createAnalyticsRunner({
    database: store.database,
    clock,
    analytics: loadAnalytics(contentDirs(config)),
    async switchedOff() {
      const states = await loadRuleStates(store.database)
      return new Set([...states.values()].filter(({ enabled }) => !enabled).map(({ ruleId }) => ruleId))
    },
    ask: (sql, range) => runAnalyticSql(reading, sql, range),
    countEvents: (range) => countEvents(reading, range),
    async publish(detection) {
      const record = Buffer.from(JSON.stringify(detection))
      await bus.publish('detections', [record], { idempotencyKey: `analytic:${detection.id}` })
    },
    zone: config.timeZone,
    logger,
    onRun: ({ id, unitPath }, state) =>
      changes.send({ noun: 'run', id: String(id), action: state, unitPath, atMs: clock.now() }),
  })
  const tick = () =>
    runner.tick().catch((error: unknown) => logger.warn({ err: error }, 'runs over history wait for the state store'))
  const timer = setInterval(() => void tick(), tickMs)
  const stopListening = changes.listen(({ noun, action }) => {
    if (noun === 'run' && action === 'requested') void tick()
  })
  void tick()
  return {
    stats: () => runner.counters(),
    async stop() {
      clearInterval(timer)
      stopListening()
      stopping.abort()
      await runner.stop()
      await bus.close()
      await events.close()
      await store.close()
    },
  }
})
