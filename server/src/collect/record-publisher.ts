import type { Clock } from '../seams/clock/clock.ts'

/** Appends encoded records durably; rejects with BUS_FULL or BUS_UNWRITABLE when nothing was appended. */
export type PublishRecords = (records: Uint8Array[]) => Promise<unknown>

export interface PublisherCounters {
  publishedRecords: number
  publishedBatches: number
  /** Attempts that were refused and tried again. */
  publishRetries: number
  /** Records the bus refuses for good (for example as too large). */
  refusedRecords: number
  /** Records that were not durable when the collector had to stop. */
  lostAtClose: number
}

export interface PublisherLimits {
  batchRecords: number
  batchBytes: number
  /** Longest a record waits for others before its batch is published. */
  batchDelayMs: number
  batchesInFlight: number
  /** Above this many bytes not yet durable `isFull` tells sources to pause; they resume below half of it. */
  pendingBytes: number
  retryMinMs: number
  retryMaxMs: number
}

const publisherLimits: PublisherLimits = {
  batchRecords: 1_000,
  batchBytes: 1 << 20,
  batchDelayMs: 10,
  batchesInFlight: 8,
  pendingBytes: 32 << 20,
  retryMinMs: 50,
  retryMaxMs: 2_000,
}

interface Batch {
  records: Uint8Array[]
  bytes: number
}

/**
 * Gathers records into batches and publishes them, a bounded number at a time. A refused batch is tried again with
 * growing pauses and no new one is started meanwhile, so that nothing taken in is dropped and the order is kept.
 */
export class RecordPublisher {
  pendingBytes = 0
  pendingRecords = 0
  private open: Batch = { records: [], bytes: 0 }
  private sealed: Batch[] = []
  private inFlight = 0
  private refusedBatches = 0
  private timerRuns = false
  private wasFull = false
  private closed = false
  private readonly stop = new AbortController()
  private idle: (() => void)[] = []
  private readonly publish: PublishRecords
  private readonly clock: Clock
  private readonly counters: PublisherCounters
  private readonly limits: PublisherLimits
  private readonly onRoom: () => void

  constructor(options: {
    publish: PublishRecords
    clock: Clock
    counters: PublisherCounters
    limits?: PublisherLimits
    /** Called when `isFull` turns false again. */
    onRoom: () => void
  }) {
    this.publish = options.publish
    this.clock = options.clock
    this.counters = options.counters
    this.limits = options.limits ?? publisherLimits
    this.onRoom = options.onRoom
  }

  get isFull(): boolean {
    return this.wasFull
  }

  add(record: Uint8Array): void {
    this.open.records.push(record)
    this.open.bytes += record.length
    this.pendingBytes += record.length
    this.pendingRecords++
    if (this.pendingBytes >= this.limits.pendingBytes) this.wasFull = true
    if (this.open.records.length >= this.limits.batchRecords || this.open.bytes >= this.limits.batchBytes) this.flush()
    else this.startTimer()
  }

  flush(): void {
    if (this.open.records.length === 0) return
    this.sealed.push(this.open)
    this.open = { records: [], bytes: 0 }
    this.startBatches()
  }

  /** Publishes what is left; after `timeoutMs` the rest is given up and counted. */
  async close(timeoutMs: number): Promise<void> {
    this.flush()
    if (this.pendingRecords > 0) {
      const expired = new AbortController()
      const drained = new Promise<void>((resolve) => this.idle.push(resolve))
      const timeout = this.clock.sleep(timeoutMs, expired.signal).catch(() => undefined)
      await Promise.race([drained, timeout])
      expired.abort()
    }
    this.closed = true
    this.stop.abort()
    this.counters.lostAtClose += this.pendingRecords
  }

  private startTimer(): void {
    if (this.timerRuns) return
    this.timerRuns = true
    // Aborted only by close(), which flushes by itself.
    this.clock.sleep(this.limits.batchDelayMs, this.stop.signal).then(
      () => {
        this.timerRuns = false
        this.flush()
      },
      () => undefined,
    )
  }

  private startBatches(): void {
    while (this.refusedBatches === 0 && this.inFlight < this.limits.batchesInFlight && this.sealed.length > 0) {
      this.inFlight++
      void this.publishBatch(this.sealed.shift()!)
    }
  }

  private async publishBatch(batch: Batch): Promise<void> {
    const durable = await this.publishUntilDurable(batch)
    if (this.closed) return
    this.inFlight--
    if (durable) {
      this.counters.publishedRecords += batch.records.length
      this.counters.publishedBatches++
    } else {
      this.counters.refusedRecords += batch.records.length
    }
    this.pendingBytes -= batch.bytes
    this.pendingRecords -= batch.records.length
    this.startBatches()
    if (this.pendingRecords === 0) for (const resolve of this.idle.splice(0)) resolve()
    if (this.wasFull && this.pendingBytes <= this.limits.pendingBytes / 2) {
      this.wasFull = false
      this.onRoom()
    }
  }

  /** True once the batch is durable; false when the bus refuses it for good, or at close. */
  private async publishUntilDurable(batch: Batch): Promise<boolean> {
    let pauseMs = this.limits.retryMinMs
    let wasRefused = false
    try {
      while (!this.closed) {
        try {
          await this.publish(batch.records)
          return true
        } catch (error) {
          const retry = retryOf(error)
          if (retry === undefined) throw error
          if (!retry) return false
        }
        if (!wasRefused) {
          wasRefused = true
          this.refusedBatches++
        }
        this.counters.publishRetries++
        await this.clock.sleep(pauseMs, this.stop.signal).catch(() => undefined)
        pauseMs = Math.min(2 * pauseMs, this.limits.retryMaxMs)
      }
      return false
    } finally {
      if (wasRefused) this.refusedBatches--
    }
  }
}

/** Whether the failed call may be repeated; undefined for a programmer's error, which must not be swallowed. */
function retryOf(error: unknown): boolean | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error) || !('retry' in error)) return undefined
  return error.retry === true
}
