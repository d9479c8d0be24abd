import type { Logger } from 'pino'
import type { Change } from '../../event/change.ts'
import type { SourceStatistics } from '../../normalise/normalise.ts'
import type { Broadcast } from '../../seams/bus/bus.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import type { Database } from '../../seams/store/store.ts'
import { createSourceObserver } from '../../state/sources/observe.ts'

const flushIntervalMs = 1_000

/** Once a second the statistics of the senders go to the list of sources; new ones are told to the screens. */
export function createSourceReporter(options: {
  database: Database
  clock: Clock
  changes: Broadcast<Change>
  logger: Logger
  take(): SourceStatistics[]
}) {
  const { clock, changes, logger } = options
  const observer = createSourceObserver(options.database, clock)
  let flushing: Promise<void> = Promise.resolve()

  async function flush(): Promise<void> {
    observer.add(options.take())
    try {
      for (const source of await observer.flush()) {
        changes.send({ noun: 'source', id: source.id, action: 'created', unitPath: source.unitPath, atMs: clock.now() })
      }
    } catch (error) {
      logger.warn({ err: error }, 'statistics of sources wait for the state store')
    }
  }

  const timer = setInterval(() => {
    flushing = flushing.then(flush)
  }, flushIntervalMs)
  return {
    refused: () => observer.refused(),
    async stop(): Promise<void> {
      clearInterval(timer)
      await flushing
      await flush()
    },
  }
}
