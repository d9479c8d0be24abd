import { join } from 'node:path'
import { workerData } from 'node:worker_threads'
import { correlateGroup, createCorrelator } from '../../correlate/correlate.ts'
import { parseAttackLookup } from '../../correlate/stage.ts'
import type { Change } from '../../event/change.ts'
import { openLocalBus } from '../../seams/bus/local.ts'
import { systemClock } from '../../seams/clock/clock.ts'
import { connectStore } from '../../seams/store/open.ts'
import { readFileSync } from 'node:fs'
import { contentDirs } from '../content.ts'
import { createLogger } from '../logger.ts'
import { runThread } from '../thread-body.ts'
import type { ThreadData } from './data.ts'

const { config, storeUrl } = workerData as ThreadData

/** The correlate thread: bus `matches` -> correlations -> detections and incidents -> outbox -> respond. */
await runThread(async () => {
  const logger = createLogger(config, 'correlate')
  const clock = systemClock
  const [shipped] = contentDirs(config)
  const bus = await openLocalBus({
    directory: join(config.dataDir, 'bus'),
    partitions: [],
    limitBytes: config.busLimitBytes,
    logger,
    clock,
  })
  const store = connectStore(storeUrl, { logger })
  const changes = bus.broadcast<Change>('changes')
  const correlator = createCorrelator({
    database: store.database,
    clock,
    attack: parseAttackLookup(readFileSync(join(shipped!, 'lookups', 'attack.yml'), 'utf8')),
    notify: (change) => changes.send(change),
    logger,
  })
  const subscription = await bus.subscribe('matches', correlateGroup, {
    batchSize: 1_000,
    onAssign: (partition) => correlator.resumeAfter(partition),
    async onBatch(batch) {
      await correlator.handle(batch)
      await bus.commit('matches', correlateGroup, batch.partition, batch.last)
    },
  })
  return {
    stats: () => ({ lag: subscription.lag(), ...correlator.counters() }),
    async stop() {
      await subscription.close()
      await bus.close()
      await store.close()
    },
  }
})
