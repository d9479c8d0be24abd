import type { Logger } from 'pino'
import { CodedError } from '../event/errors.ts'
import { type EventMatches, encodeMatches, type RecordMatches } from '../event/match.ts'
import { placeOfEvent } from '../normalise/event-id.ts'
import type { Bus } from '../seams/bus/bus.ts'
import type { Clock } from '../seams/clock/clock.ts'

const retryDelayMs = 200
/** A publication is cut here; the bus takes far larger ones. */
const publicationBytes = 8 << 20

interface Waiting {
  records: Uint8Array[]
  resolve(): void
  reject(error: unknown): void
}

/**
 * Puts matches on the bus `matches`: all those of one record of `raw` as one record, in the order of `raw`, so that whoever
 * reads them knows a replay by its place. One publication at a time, which takes all that waits. A full or unwritable
 * bus is waited out, and with it the offset of the records.
 */
export function createMatchPublisher({ bus, clock, logger }: { bus: Bus; clock: Clock; logger: Logger }) {
  let waiting: Waiting[] = []
  let running: Promise<void> | undefined
  let failure: unknown
  let published = 0

  async function run(): Promise<void> {
    while (waiting.length > 0) {
      const taken = waiting
      waiting = []
      try {
        await publishInOrder(taken.flatMap(({ records }) => records))
        for (const { resolve } of taken) resolve()
      } catch (error) {
        // For good: what follows must not get ahead of what is missing. The thread begins again.
        failure = error
        for (const { reject } of [...taken, ...waiting.splice(0)]) reject(error)
      }
    }
    running = undefined
  }

  async function publishInOrder(records: Uint8Array[]): Promise<void> {
    for (let from = 0; from < records.length; ) {
      let to = from
      for (let bytes = 0; to < records.length && (to === from || bytes + records[to]!.length <= publicationBytes); to++)
        bytes += records[to]!.length
      await publishUntilTaken(records.slice(from, to))
      from = to
    }
  }

  async function publishUntilTaken(records: Uint8Array[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await bus.publish('matches', records, { key: 'in order' })
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
    /** Resolves when the matches, and all that were given before, are durable. Matches of one partition come in its order. */
    publish(found: EventMatches[]): Promise<void> {
      if (failure !== undefined) return Promise.reject(failure)
      if (found.length === 0) return running ?? Promise.resolve()
      const records = byRecord(found).map(encodeMatches)
      return new Promise<void>((resolve, reject) => {
        waiting.push({ records, resolve, reject })
        running ??= run()
      })
    },
    /** Resolves when all that was given is on the bus, or never will be. */
    async settled(): Promise<void> {
      await running
    },
    published: () => published,
  }
}

/**
 * The matches of each record of `raw`, in its order: several events may come of one record. An event of several records
 * stands at the last of them: where a replay joins more of them than the first time, what it shows beyond is not taken
 * for repeated.
 */
function byRecord(found: EventMatches[]): RecordMatches[] {
  const records = new Map<number, RecordMatches>()
  for (const { event, matches } of found) {
    const { partition, offset } = placeOfEvent(event.lastRecordId ?? event.id)
    const record = records.get(offset)
    if (record) record.matches.push(...matches)
    else records.set(offset, { partition, offset, matches: [...matches] })
  }
  return [...records.values()].sort((a, b) => a.offset - b.offset)
}
