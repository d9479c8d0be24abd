import type { Logger } from 'pino'
import type { Change } from '../../event/change.ts'
import type { SourceStatistics } from '../../normalise/normalise.ts'
import type { Broadcast } from '../../seams/bus/bus.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import type { Database } from '../../seams/store/store.ts'
import { addFieldSamples, type FieldSample } from '../../state/sources/fills.ts'
import { createSourceObserver } from '../../state/sources/observe.ts'

const flushIntervalMs = 1_000
const fillsIntervalMs = 30_000

/** Once a second the statistics of the senders go to the list of sources; new ones are told to the screens. */
export function createSourceReporter(options: {
  database: Database
  clock: Clock
  changes: Broadcast<Change>
  logger: Logger
  take(): SourceStatistics[]
  /** Which fields the events had, on a sample. */
  takeFills(): FieldSample[]
}) {
  const { clock, changes, logger } = options
  const observer = createSourceObserver(options.database, clock)
  let flushing: Promise<void> = Promise.resolve()
  let fillsDueMs = clock.now() + fillsIntervalMs

  async function flush(): Promise<void> {
    observer.add(options.take())
    try {
      for (const source of await observer.flush()) {
        changes.send({ noun: 'source', id: source.id, action: 'created', unitPath: source.unitPath, atMs: clock.now() })
      }
    } catch (error) {
      logger.warn({ err: error }, 'statistics of sources wait for the state store')
    }
    if (clock.now() >= fillsDueMs) await flushFills()
  }

  /** What cannot be written is let go: it is a sample, and the next one comes soon. */
  async function flushFills(): Promise<void> {
    fillsDueMs = clock.now() + fillsIntervalMs
    try {
      await addFieldSamples(options.database, clock, options.takeFills())
    } catch (error) {
      logger.warn({ err: error }, 'which fields are filled could not be noted')
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
