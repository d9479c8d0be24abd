import { join } from 'node:path'
import { workerData } from 'node:worker_threads'
import { loadAnalytics } from '../../detect/analytics/definition.ts'
import { canaryLostRule, healthDetection, windowGivenUpRule } from '../../detect/health/rules.ts'
import { type CanaryNews, canaryKey, canaryUnitPath } from '../../event/canary.ts'
import type { Change } from '../../event/change.ts'
import { CodedError } from '../../event/errors.ts'
import type { Detection } from '../../event/event.ts'
import { openLocalBus } from '../../seams/bus/local.ts'
import { systemClock } from '../../seams/clock/clock.ts'
import { connectEvents } from '../../seams/events/open.ts'
import { connectStore } from '../../seams/store/open.ts'
import { systemActor } from '../../state/actor.ts'
import { countEvents, runAnalyticSql } from '../../state/events/analytic.ts'
import { searchEvents } from '../../state/events/search.ts'
import { countOfSource } from '../../state/events/source-count.ts'
import { loadRuleStates } from '../../state/rules/load-states.ts'
import { loadSettings } from '../../state/settings/setting.ts'
import { createToken } from '../../state/tokens/create.ts'
import { contentDirs } from '../content.ts'
import { createAnalyticsRunner } from '../history/analytics.ts'
import { createCanaries } from '../history/canaries.ts'
import { createCanaryInputs } from '../history/canary-inputs.ts'
import { loadCanarySamples } from '../history/canary-samples.ts'
import { tellRuleDrop } from '../history/rule-drop.ts'
import { ownHttpUrl } from '../instance.ts'
import { createLogger } from '../logger.ts'
import { runThread } from '../thread-body.ts'
import { historyPartition, type ThreadData } from './data.ts'

const { config, storeUrl, eventsAccess, canaryKey: key } = workerData as ThreadData

const tickMs = 15_000
const pollMs = 1_000
const dayMs = 86_400_000
const tokenLeftMs = 3_600_000

/**
 * The history thread: event store -> analytics, window by window -> bus `detections`, every run in the ledger; and canaries
 * through the inputs, followed hop by hop.
 */
await runThread(async () => {
  const logger = createLogger(config, 'history')
  const clock = systemClock
  const folders = contentDirs(config)
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
  const news = bus.broadcast<CanaryNews>('canaries')
  const stopping = new AbortController()
  const reading = { events: events.query, clock, actor: systemActor('analytics'), signal: stopping.signal }
  const ofCanaries = { ...reading, actor: { ...systemActor('canary'), unitPath: canaryUnitPath } }

  async function switchedOff(): Promise<ReadonlySet<string>> {
    const states = await loadRuleStates(store.database)
    return new Set([...states.values()].filter(({ enabled }) => !enabled).map(({ ruleId }) => ruleId))
  }
  async function publish(detection: Detection): Promise<void> {
    const record = Buffer.from(JSON.stringify(detection))
    await bus.publish('detections', [record], { idempotencyKey: `history:${detection.id}` })
  }

  const runner = createAnalyticsRunner({
    ...{ database: store.database, clock, logger, switchedOff, publish },
    analytics: loadAnalytics(folders),
    ask: (sql, range) => runAnalyticSql(reading, sql, range),
    countEvents: (range) => countEvents(reading, range),
    zone: config.timeZone,
    onRun: ({ id, unitPath }, state) =>
      changes.send({ noun: 'run', id: String(id), action: state, unitPath, atMs: clock.now() }),
    onGivenUp: ({ id, unitPath, title, subjectId, windowFrom }) =>
      publish(
        healthDetection(windowGivenUpRule, {
          ...{ key: String(id), timeMs: clock.now(), unitPath },
          fields: { 'rule.id': subjectId, 'rule.name': title, 'watchfire.window': windowFrom.toISOString() },
        }),
      ),
  })

  let token: { text: string; endsMs: number } | undefined
  async function http(): Promise<{ url: string; token: string }> {
    const url = ownHttpUrl(config.dataDir)
    if (url === undefined) throw new CodedError('STOPPING', 'The API does not listen yet')
    if (!token || token.endsMs < clock.now() + tokenLeftMs) {
      const expiresAt = new Date(clock.now() + dayMs)
      const context = { database: store.database, clock, actor: systemActor('canary') }
      const made = await createToken(context, { name: 'canary', permissions: ['ingest'], expiresAt })
      token = { text: made.token, endsMs: expiresAt.getTime() }
    }
    return { url, token: token.text }
  }
  const canaries = createCanaries({
    ...{ database: store.database, clock, logger, switchedOff },
    samples: loadCanarySamples(folders),
    async schedule() {
      const { 'canary.everyMinutes': minutes, 'canary.exceptSources': except } = await loadSettings(store.database)
      return minutes === null ? null : { everyMs: minutes * 60_000, except }
    },
    send: createCanaryInputs({
      ...{ bind: config.bind, syslogPort: config.syslogPort, http, key, bus, clock },
    }),
    isStored: async (mark) => (await countOfSource(ofCanaries, canaryKey(mark))) > 0,
    async isSearchable(eventId) {
      const scope = { query: `event.id:"${eventId}"`, from: 0, to: clock.now() + dayMs }
      return (await searchEvents(ofCanaries, { ...scope, limit: 1, sort: '-@timestamp' })).total > 0
    },
    alarm: (canary) =>
      publish(
        healthDetection(canaryLostRule, {
          ...{ key: canary.id, timeMs: clock.now(), unitPath: canary.unitPath },
          entities: canary.sourceName ? [{ type: 'host', value: canary.sourceName.toLowerCase(), role: 'target' }] : [],
          fields: { 'watchfire.source': canary.sourceName ?? '', 'watchfire.hop': canary.lostAt ?? '' },
        }),
      ),
    onChange: ({ id, state, unitPath }) =>
      changes.send({ noun: 'canary', id, action: state, unitPath, atMs: clock.now() }),
  })

  const waits = (error: unknown) => logger.warn({ err: error }, 'runs over history wait for the state store')
  const tick = () =>
    Promise.all([
      runner.tick().catch(waits),
      canaries.tick().catch(waits),
      tellRuleDrop(store.database, clock, publish).catch(waits),
    ])
  const timer = setInterval(() => void tick(), tickMs)
  const pollTimer = setInterval(() => void canaries.poll().catch(waits), pollMs)
  const stopListening = [
    news.listen((one) => canaries.hear(one)),
    changes.listen(({ noun, action }) => {
      if (noun === 'run' && action === 'requested') void runner.tick().catch(waits)
      if (noun === 'canary' && action === 'requested') void canaries.tick().catch(waits)
    }),
  ]
  void tick()
  return {
    stats: () => ({ ...runner.counters(), ...canaries.counters() }),
    async stop() {
      clearInterval(timer)
      clearInterval(pollTimer)
      for (const stop of stopListening) stop()
      stopping.abort()
      await runner.stop()
      await canaries.stop()
      await bus.close()
      await events.close()
      await store.close()
    },
  }
})
