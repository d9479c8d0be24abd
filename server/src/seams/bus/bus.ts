/**
 * The bus carries opaque records between stages. Embedded: segment files under the data directory, one writer per
 * partition; scaled: Kafka. One contract suite runs on both (tests/contract).
 */
export interface Bus {
  /**
   * Appends records in order to one partition of the topic. Resolves once they are durable (fsync, grouped).
   * With an idempotency key a batch that was appended before (within the retained window, restarts included) is
   * not appended again and the first answer is returned.
   * Rejects with BUS_FULL (backlog at its bound) or BUS_UNWRITABLE (disk full or read-only); then nothing was appended.
   */
  publish(topic: Topic, records: Uint8Array[], options?: PublishOptions): Promise<OffsetRange>
  /** Delivers batches in offset order per partition, starting after the committed offset of the group. */
  subscribe(topic: Topic, group: string, subscriber: Subscriber): Promise<Subscription>
  /** Everything in the partition up to and including `offset` has been dealt with by the group; durable. */
  commit(topic: Topic, group: string, partition: number, offset: number): Promise<void>
  /** A named fire-and-forget channel to every thread of this installation, this one included. */
  broadcast<Message>(channel: string): Broadcast<Message>
  close(): Promise<void>
}

export interface PublishOptions {
  /** Equal keys, equal partitions. */
  key?: string
  /** One of those this thread writes, for a caller that spreads records itself. */
  partition?: number
  idempotencyKey?: string
}

export interface Broadcast<Message> {
  /** Small JSON-like messages only; delivery is best effort and in order. */
  send(message: Message): void
  /** Returns the function that stops listening. */
  listen(handler: (message: Message) => void): () => void
}

/** `raw`: records as they came; `matches`: rules that matched one event; `detections`: what correlations made of them. */
export type Topic = 'raw' | 'matches' | 'detections'

export interface OffsetRange {
  partition: number
  first: number
  last: number
}

export interface BusBatch extends OffsetRange {
  records: Uint8Array[]
}

export interface Subscriber {
  /** Called with one batch at a time per partition; the next comes when the promise resolves. */
  onBatch(batch: BusBatch): Promise<void>
  /** A partition was given to this subscriber; it may return the offset to resume after (else the committed one). */
  onAssign?(partition: number, committedOffset: number): Promise<number | undefined>
  onRevoke?(partition: number): Promise<void>
  /** Most records in one batch. */
  batchSize?: number
}

export interface Subscription {
  /** Records published but not yet committed by the group, over all partitions. */
  lag(): number
  close(): Promise<void>
}
