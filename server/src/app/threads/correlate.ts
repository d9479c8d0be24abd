import { join } from 'node:path'
import { workerData } from 'node:worker_threads'
import { correlateGroup, createCorrelator } from '../../correlate/correlate.ts'
import { parseAttackLookup } from '../../correlate/stage.ts'
import { correlationLatenessMs, createCorrelationLanes } from '../../detect/correlation-lanes.ts'
import { createCorrelationStage } from '../../detect/correlations.ts'
import { readRulePaths } from '../../detect/load.ts'
import { compileRuleSet } from '../../detect/sigma/ruleset.ts'
import type { Change } from '../../event/change.ts'
import { openLocalBus } from '../../seams/bus/local.ts'
import { systemClock } from '../../seams/clock/clock.ts'
import { connectStore } from '../../seams/store/open.ts'
import { readFileSync } from 'node:fs'
import { contentDirs } from '../content.ts'
import { createLogger } from '../logger.ts'
import { rulePaths } from '../rules.ts'
import { runThread } from '../thread-body.ts'
import { createCorrelationIntake, correlationGroup } from './correlation-intake.ts'
import type { ThreadData } from './data.ts'

const { config, storeUrl } = workerData as ThreadData

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
  const correlator = createCorrelator({
    database: store.database,
    clock,
    attack: parseAttackLookup(readFileSync(join(folders[0]!, 'lookups', 'attack.yml'), 'utf8')),
    notify: (change) => changes.send(change),
    logger,
  })
  const ruleSet = compileRuleSet(readRulePaths(rulePaths(folders)))
  const lanes = createCorrelationLanes(() => createCorrelationStage(ruleSet, { latenessMs: correlationLatenessMs }))
  const correlations = createCorrelationIntake({ bus, lanes, dataDir: config.dataDir, clock, logger })
  const matches = await bus.subscribe('matches', correlationGroup, correlations.subscriber)
  const detections = await bus.subscribe('detections', correlateGroup, {
    batchSize: 1_000,
    onAssign: (partition) => correlator.resumeAfter(partition),
    async onBatch(batch) {
      await correlator.handle(batch)
      await bus.commit('detections', correlateGroup, batch.partition, batch.last)
    },
  })
  return {
    stats: () => ({ lag: detections.lag(), matchesLag: matches.lag(), ...correlator.counters(), ...correlations.stats() }),
    async stop() {
      await matches.close()
      await correlations.close()
      await detections.close()
      await bus.close()
      await store.close()
    },
  }
})
