import { fnv1a } from '../lib/fnv.ts'
import type { Clock } from '../seams/clock/clock.ts'
import { type PublisherCounters, RecordPublisher } from './record-publisher.ts'

/**
 * As many publishers as there are lanes. All records of one sender go through one lane and keep their order: what a
 * sender's lines mean may depend on those before (columns named by a header, records of one audit event).
 */
export class SenderLanes {
  private readonly lanes: RecordPublisher[]

  constructor(options: {
    count: number
    /** Appends durably; see `PublishRecords`. */
    publish(records: Uint8Array[], lane: number): Promise<unknown>
    clock: Clock
    counters: PublisherCounters
    /** Called when `isFull` turns false again. */
    onRoom(): void
  }) {
    const { count, publish, clock, counters } = options
    const onRoom = () => {
      if (!this.isFull) options.onRoom()
    }
    this.lanes = Array.from(
      { length: count },
      (_, lane) => new RecordPublisher({ publish: (records) => publish(records, lane), clock, counters, onRoom }),
    )
  }

  add(sender: string, record: Uint8Array): void {
    const { lanes } = this
    lanes[lanes.length === 1 ? 0 : fnv1a(sender) % lanes.length]!.add(record)
  }

  get isFull(): boolean {
    return this.lanes.some((lane) => lane.isFull)
  }

  get pendingBytes(): number {
    return this.lanes.reduce((sum, lane) => sum + lane.pendingBytes, 0)
  }

  get pendingRecords(): number {
    return this.lanes.reduce((sum, lane) => sum + lane.pendingRecords, 0)
  }

  /** Publishes what is left; after `timeoutMs` the rest is given up and counted. */
  async close(timeoutMs: number): Promise<void> {
    await Promise.all(this.lanes.map((lane) => lane.close(timeoutMs)))
  }
}
