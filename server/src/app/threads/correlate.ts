import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { workerData } from 'node:worker_threads'
import { correlateGroup, createCorrelator } from '../../correlate/correlate.ts'
import { parseAttackLookup } from '../../correlate/stage.ts'
import { correlationLatenessMs, createCorrelationLanes } from '../../detect/correlation-lanes.ts'
import { createCorrelationStage } from '../../detect/correlations.ts'
import type { CanaryNews } from '../../event/canary.ts'
import type { Change } from '../../event/change.ts'
import { createResponder } from '../../respond/respond.ts'
import { openLocalBus } from '../../seams/bus/local.ts'
import { systemClock } from '../../seams/clock/clock.ts'
import { connectStore } from '../../seams/store/open.ts'
import { openMasterKeys } from '../../state/secrets/master-keys.ts'
import { useSecret } from '../../state/secrets/use.ts'
import { contentDirs } from '../content.ts'
import { createLogger } from '../logger.ts'
import { runThread } from '../thread-body.ts'
import { createCanaryNews } from './canary-news.ts'
import { correlationGroup, createCorrelationIntake } from './correlation-intake.ts'
import type { ThreadData } from './data.ts'
import { createDetectionIntake } from './detection-intake.ts'
import { followRules, type RunningRules } from './rules.ts'

const { config, storeUrl, demoReceiver } = workerData as ThreadData

/** The correlate thread: bus `matches` -> correlations -> bus `detections` -> incidents -> outbox -> respond. */
await runThread(async () => {
  const logger = createLogger(config, 'correlate')
  const clock = systemClock
  const folders = contentDirs(config)
  const bus = await openLocalBus({
    directory: join(config.dataDir, 'bus'),
    partitions: [0],
    limitBytes: config.busLimitBytes,
    logger,
    clock,
  })
  const store = connectStore(storeUrl, { logger })
  const changes = bus.broadcast<Change>('changes')
  const canaries = createCanaryNews(bus.broadcast<CanaryNews>('canaries'), clock)
  const correlator = createCorrelator({
    database: store.database,
    clock,
    attack: parseAttackLookup(readFileSync(join(folders[0]!, 'lookups', 'attack.yml'), 'utf8')),
    notify: (change) => changes.send(change),
    logger,
    timeZone: config.timeZone,
    retentionDays: config.retentionDays,
    onCanaries: canaries.tellCorrelated,
  })
  const rules = await followRules({
    database: store.database,
    contentDirs: folders,
    changes,
    logger,
    async take(next) {
      const isSame = sameCorrelations(current, next)
      current = next
      // The same state under other rules: a correlation that is the same goes on from where it was.
      if (!isSame) lanes.restore(lanes.snapshot())
    },
  })
  let current: RunningRules = rules
  const createLanes = () =>
    createCorrelationLanes(() =>
      createCorrelationStage(current.set, {
        latenessMs: correlationLatenessMs,
        enabled: (ruleId) => !current.off.has(ruleId),
        passesDetections: true,
      }),
    )
  const lanes = createLanes()
  const correlations = createCorrelationIntake({
    bus,
    lanes,
    createCanaryLanes: createLanes,
    dataDir: config.dataDir,
    clock,
    logger,
  })
  const keys = openMasterKeys(config.dataDir, clock)
  const responder = createResponder({
    database: store.database,
    clock,
    allowPrivateDestinations: config.allowPrivateDestinations,
    privateOrigin: demoReceiver,
    timeZone: config.timeZone,
    resolveSecret: (name) => useSecret(store.database, keys, name),
    notify: (change) => changes.send(change),
    logger,
  })
  responder.start()
  const matches = await bus.subscribe('matches', correlationGroup, correlations.subscriber)
  const detections = await bus.subscribe('detections', correlateGroup, createDetectionIntake(bus, correlator))
  return {
    stats: () => ({
      lag: detections.lag(),
      matchesLag: matches.lag(),
      ...correlator.counters(),
      ...correlations.stats(),
      ...responder.counters(),
    }),
    async stop() {
      rules.stop()
      await matches.close()
      await correlations.close()
      await detections.close()
      await responder.stop()
      await bus.close()
      await store.close()
    },
  }
})

/** True when all correlations that run are those that ran; a large state is then left where it is. */
function sameCorrelations(before: RunningRules, after: RunningRules): boolean {
  const running = ({ set, off }: RunningRules) => set.correlations.filter(({ id }) => !off.has(id))
  const others = running(after)
  const ones = running(before)
  return (
    ones.length === others.length &&
    ones.every((one, index) => {
      const other = others[index]!
      return one.document === other.document && one.fingerprint === other.fingerprint
    })
  )
}
