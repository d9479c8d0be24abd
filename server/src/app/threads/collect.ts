import { join } from 'node:path'
import { workerData } from 'node:worker_threads'
import { createSyslogCollector } from '../../collect/syslog/collector.ts'
import { openLocalBus } from '../../seams/bus/local.ts'
import { systemClock } from '../../seams/clock/clock.ts'
import { createLogger } from '../logger.ts'
import { runThread } from '../thread-body.ts'
import { collectPartitions, type ThreadData } from './data.ts'

const { config, canaryKey } = workerData as ThreadData

/** The collect thread: syslog sockets -> bus `raw`. */
await runThread(async () => {
  const logger = createLogger(config, 'collect')
  const clock = systemClock
  const partitions = collectPartitions(config)
  const bus = await openLocalBus({
    directory: join(config.dataDir, 'bus'),
    partitions,
    limitBytes: config.busLimitBytes,
    logger,
    clock,
  })
  const collector = await createSyslogCollector({
    bind: config.bind,
    port: config.syslogPort,
    publish: (records) => bus.publish('raw', records),
    clock,
    canaryKey,
  })
  return {
    stats: () => ({ ...collector.counters() }) as Record<string, number>,
    async stop() {
      await collector.close()
      await bus.close()
    },
  }
})
