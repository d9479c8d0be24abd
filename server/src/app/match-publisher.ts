import type { Logger } from 'pino'
import { CodedError } from '../event/errors.ts'
import type { Detection } from '../event/event.ts'
import { digestHex } from '../lib/digest.ts'
import type { Bus, OffsetRange } from '../seams/bus/bus.ts'
import type { Clock } from '../seams/clock/clock.ts'

const retryDelayMs = 200

/** Short name of a set of detections. */
function digestOf(detections: Detection[]): string {
  const text = detections.map(({ id }) => id).join()
  return digestHex('sha256', text).slice(0, 16)
}

/**
 * Puts detections on the bus `matches`: all those of one event under one key, so that a replay of the event publishes
 * nothing twice. The key names the detections too: records that are joined into one event make another one where a
 * replay cuts the stream elsewhere, and what it shows beyond the first must not be taken for the same. A full or unwritable bus is waited out, and with it the offset of the records.
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
      const byEvent = new Map<string, Detection[]>()
      for (const detection of detections) {
        const key = detection.eventIds.at(-1) ?? detection.id
        const found = byEvent.get(key) ?? []
        found.push(detection)
        byEvent.set(key, found)
      }
      return [...byEvent].map(([key, found]) => {
        const records = found.map((detection) => Buffer.from(JSON.stringify(detection)))
        const promise = publishUntilTaken(`match:${key}:${digestOf(found)}`, records)
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
