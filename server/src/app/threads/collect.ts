import { join } from 'node:path'
import { workerData } from 'node:worker_threads'
import { createFlowCollector } from '../../collect/flow/collector.ts'
import { createSyslogCollector } from '../../collect/syslog/collector.ts'
import { openLocalBus } from '../../seams/bus/local.ts'
import { systemClock } from '../../seams/clock/clock.ts'
import { FlowExports } from '../../traffic/exported/exports.ts'
import { createLogger } from '../logger.ts'
import { runThread } from '../thread-body.ts'
import { collectPartitions, type ThreadData } from './data.ts'

const { config, canaryKey } = workerData as ThreadData

/** The collect thread: sockets of syslog and of flow exports -> bus `raw`. */
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
    publish: (records, lane) => bus.publish('raw', records, { partition: partitions[lane] }),
    lanes: partitions.length,
    clock,
    canaryKey,
  })
  const exports = new FlowExports()
  const flows =
    config.flowPort === undefined
      ? undefined
      : await createFlowCollector({
          bind: config.bind,
          port: config.flowPort,
          publish: (records) => bus.publish('raw', records),
          clock,
          read: (bytes, sender, receivedMs) => exports.lines(bytes, sender, receivedMs),
        })
  const flowStats = () => (flows ? { ...exports.counters(), flowDatagramsDropped: flows.dropped() } : {})
  return {
    stats: () => ({ ...collector.counters(), ...flowStats() }) as Record<string, number>,
    async stop() {
      await flows?.close()
      await collector.close()
      await bus.close()
    },
  }
})
