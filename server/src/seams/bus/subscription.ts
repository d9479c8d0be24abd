import type { Logger } from 'pino'
import type { Clock } from '../clock/clock.ts'
import type { BusBatch, Subscriber, Subscription } from './bus.ts'
import type { CommittedOffset } from './committed-offsets.ts'
import type { Files } from './files.ts'
import { PartitionReader } from './partition-reader.ts'
import type { PartitionEnd } from './partition-writer.ts'

export interface LocalSubscriptionSurroundings {
  files: Files
  clock: Clock
  logger: Logger
  directoryOf(partition: number): string
  committedOf(partition: number): Promise<CommittedOffset>
  onClose(subscription: LocalSubscription): void
}

interface Lane {
  reader: PartitionReader | undefined
  committed: CommittedOffset | undefined
  end: PartitionEnd | undefined
  wake: () => void
  done: Promise<void>
}

const defaultBatchSize = 4096
const turnOfEventLoop = () => new Promise<void>((resolve) => setImmediate(resolve))
const firstRetryMs = 100
const longestRetryMs = 10_000

/** One subscriber of a group: a lane for each partition, each delivering one batch at a time in offset order. */
export class LocalSubscription implements Subscription {
  readonly #subscriber: Subscriber
  readonly #around: LocalSubscriptionSurroundings
  readonly #lanes = new Map<number, Lane>()
  readonly #closing = new AbortController()

  constructor(subscriber: Subscriber, around: LocalSubscriptionSurroundings) {
    this.#subscriber = subscriber
    this.#around = around
  }

  /** Begins to read a partition; one that is read already is left alone. */
  assign(partition: number): void {
    if (this.#lanes.has(partition) || this.#closing.signal.aborted) return
    const lane: Lane = {
      reader: undefined,
      committed: undefined,
      end: undefined,
      wake: () => {},
      done: Promise.resolve(),
    }
    this.#lanes.set(partition, lane)
    lane.done = this.#run(partition, lane)
  }

  extend(partition: number, end: PartitionEnd): void {
    const lane = this.#lanes.get(partition)
    if (lane === undefined) return
    if (lane.end !== undefined && end.nextOffset <= lane.end.nextOffset && end.segment <= lane.end.segment) return
    lane.end = end
    lane.reader?.extend(end)
    lane.wake()
  }

  /** Partitions of which nobody has told the end yet. */
  withoutEnd(): number[] {
    return [...this.#lanes].filter(([, lane]) => lane.end === undefined).map(([partition]) => partition)
  }

  lag(): number {
    let records = 0
    for (const lane of this.#lanes.values()) {
      if (lane.end && lane.committed) records += Math.max(0, lane.end.nextOffset - 1 - lane.committed.committed)
    }
    return records
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#around.onClose(this)
    for (const lane of this.#lanes.values()) lane.wake()
    await Promise.all([...this.#lanes.values()].map((lane) => lane.done))
  }

  async #run(partition: number, lane: Lane): Promise<void> {
    const { logger, files } = this.#around
    const signal = this.#closing.signal
    let assigned = false
    await this.#insist(`partition ${partition} could not be assigned`, async () => {
      lane.committed = await this.#around.committedOf(partition)
      const resumeAfter = await this.#subscriber.onAssign?.(partition, lane.committed.committed)
      const place = { partition, directory: this.#around.directoryOf(partition), files, logger }
      const next = (resumeAfter ?? lane.committed.committed) + 1
      lane.reader = new PartitionReader(place, this.#subscriber.batchSize ?? defaultBatchSize, next)
      assigned = true
    })
    const reader = lane.reader
    if (reader === undefined) return
    if (lane.end) reader.extend(lane.end)
    while (!signal.aborted) {
      const seen = lane.end
      let batch: BusBatch | undefined
      await this.#insist(`partition ${partition} could not be read`, async () => {
        batch = await reader.next()
      })
      if (batch === undefined) {
        await this.#untilExtended(lane, seen)
        continue
      }
      const delivered = batch
      await this.#insist(`a batch of partition ${partition} was not dealt with`, () =>
        this.#subscriber.onBatch(delivered),
      )
      // While a backlog lies in memory, batch would follow batch without a turn of the event loop: what this thread sends
      // to the disk, the event store and other threads would stand still.
      await turnOfEventLoop()
    }
    await reader.close()
    if (assigned) await this.#subscriber.onRevoke?.(partition)
  }

  /** Until the writer has told another end than the one that was known before the last read. */
  async #untilExtended(lane: Lane, seen: PartitionEnd | undefined): Promise<void> {
    if (this.#closing.signal.aborted || lane.end !== seen) return
    await new Promise<void>((resolve) => {
      lane.wake = resolve
    })
    lane.wake = () => {}
  }

  /** Tries again, with a back-off that doubles to 10 s, until it works or the subscription is closed: nothing is skipped. */
  async #insist(failure: string, work: () => Promise<void>): Promise<void> {
    const { logger, clock } = this.#around
    for (let retryMs = firstRetryMs; !this.#closing.signal.aborted; retryMs = Math.min(retryMs * 2, longestRetryMs)) {
      try {
        return await work()
      } catch (error) {
        logger.error({ err: error, retryMs }, failure)
        await clock.sleep(retryMs, this.#closing.signal).catch(() => undefined)
      }
    }
  }
}
