import type { Logger } from 'pino'
import { isCanaryKey } from '../../event/canary.ts'
import type { Event } from '../../event/event.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import type { Database } from '../../seams/store/store.ts'
import { createHostObserver } from '../../state/hosts/observe.ts'
import { hostFacts } from '../../traffic/hosts/facts.ts'

const flushIntervalMs = 5_000

/** What events of traffic tell of hosts goes to the list of hosts, some seconds later and gathered. */
export function createHostReporter(options: { database: Database; clock: Clock; logger: Logger }) {
  const observer = createHostObserver(options.database, options.clock)
  let flushing: Promise<void> = Promise.resolve()

  async function flush(): Promise<void> {
    try {
      await observer.flush()
    } catch (error) {
      options.logger.warn({ err: error }, 'what was seen of hosts waits for the state store')
    }
  }

  const timer = setInterval(() => {
    flushing = flushing.then(flush)
  }, flushIntervalMs)
  return {
    add(events: readonly Event[]): void {
      for (const event of events) {
        if (isCanaryKey(event.sourceKey)) continue
        for (const fact of hostFacts(event)) observer.add({ ...fact, unitPath: event.unitPath, atMs: event.timeMs })
      }
    },
    refused: () => observer.refused(),
    async stop(): Promise<void> {
      clearInterval(timer)
      await flushing
      await flush()
    },
  }
}
