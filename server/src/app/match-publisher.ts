import type { Logger } from 'pino'
import { CodedError } from '../event/errors.ts'
import type { Detection } from '../event/event.ts'
import type { Bus, OffsetRange } from '../seams/bus/bus.ts'
import type { Clock } from '../seams/clock/clock.ts'

const retryDelayMs = 200

/**
 * Puts detections on the bus `matches`: all those of one event under one key, so that a replay of the event publishes
 * nothing twice. A full or unwritable bus is waited out, and with it the offset of the records.
 */
export function createMatchPublisher({ bus, clock, logger }: { bus: Bus; clock: Clock; logger: Logger }) {
  const running = new Set<Promise<void>>()
  let published = 0

  async function publishUntilTaken(key: string, records: Uint8Array[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await bus.publish('matches', records, { idempotencyKey: key })
        published += records.length
        return
      } catch (error) {
        if (!(error instanceof CodedError) || !error.retry) throw error
        if (attempt === 1) logger.warn({ err: error }, 'matches wait for the bus')
        await clock.sleep(retryDelayMs)
      }
    }
  }

  return {
    publish(_range: OffsetRange, detections: Detection[]): Promise<void>[] {
      const byEvent = new Map<string, Uint8Array[]>()
      for (const detection of detections) {
        const key = detection.eventIds[0] ?? detection.id
        const records = byEvent.get(key) ?? []
        records.push(Buffer.from(JSON.stringify(detection)))
        byEvent.set(key, records)
      }
      return [...byEvent].map(([key, records]) => {
        const promise = publishUntilTaken(`match:${key}`, records)
        running.add(promise)
        promise.then(
          () => running.delete(promise),
          () => running.delete(promise),
        )
        return promise
      })
    },
    /** Resolves when all that was given is on the bus. */
    async settled(): Promise<void> {
      await Promise.allSettled(running)
    },
    published: () => published,
  }
}
