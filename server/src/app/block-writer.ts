import { CodedError } from '../event/errors.ts'
import type { Event } from '../event/event.ts'
import type { OffsetRange } from '../seams/bus/bus.ts'
import type { Clock } from '../seams/clock/clock.ts'
import type { BlockLedger } from '../seams/events/blocks.ts'
import type { EventBlock } from '../seams/events/insert.ts'

export interface BlockWriterOptions {
  clock: Clock
  ledger: Pick<BlockLedger, 'record'>
  /** A new block of the event store. */
  openBlock(): EventBlock
  /** The block is closed: of its partition all records up to its last were given, and none beyond. */
  onClose?(range: OffsetRange): void
  /** Everything up to `last` is stored. */
  commit(partition: number, last: number): Promise<void>
  /** Told of every failed attempt; the block is tried again until it succeeds or the writer is closed. */
  onFailure(error: unknown, attempt: number): void
  maxRows?: number
  /** Of the records as they came; the encoded block is larger. */
  maxRawBytes?: number
  maxDelayMs?: number
  /**
   * Records of all partitions that are not stored yet, those in blocks among them. While more wait outside the blocks
   * than lie in them, time alone closes no block before 5 s.
   */
  unstoredRecords?(): number
}

interface Block {
  range: OffsetRange
  content: EventBlock
  /** What has to happen before the offsets are committed: the matches of these records are on the bus. */
  before: Promise<unknown>[]
}

/** Small blocks cost the event store several times as much: a backlog must not be made longer by them. */
const longestDelayMs = 5_000
/** Fewer are on their way through the thread at any time. */
const backlogRecords = 2_000
const firstRetryDelayMs = 100
const longestRetryDelayMs = 5_000

/**
 * Gathers events into large blocks for the event store: one open block a partition, one being stored. A block is
 * closed at `maxRows` rows, `maxRawBytes` or `maxDelayMs` (later under a backlog), its range is recorded, it is inserted with the token
 * `partition:first-last`, then the bus offset is committed. A third block waits, and with it the bus: back-pressure.
 * Events are encoded as they come, so that none outlives its batch: what waits for the store is bytes, which the garbage
 * collector need not walk, and is encoded in slices of a batch.
 */
export function createBlockWriter(options: BlockWriterOptions) {
  const { clock, ledger, maxRows = 50_000, maxRawBytes = 32 << 20, maxDelayMs = 1_000 } = options
  const open = new Map<number, Block>()
  const storing = new Map<number, Promise<void>>()
  /** Partitions whose block is cut by the caller alone: what was begun before a restart is cut again as it was. */
  const held = new Set<number>()
  const closing = new AbortController()
  let storingRows = 0
  let stored = 0
  let retries = 0

  /** Adds the events of one range; ranges of a partition come in order and without gaps. */
  async function add(range: OffsetRange, events: Event[], before: Promise<unknown>): Promise<void> {
    let block = open.get(range.partition)
    if (!block) {
      block = { range: { ...range }, content: options.openBlock(), before: [] }
      open.set(range.partition, block)
      void flushLater(block)
    }
    block.range.last = range.last
    block.content.add(events)
    block.before.push(before)
    const isFull = block.content.rows >= maxRows || block.content.rawBytes >= maxRawBytes
    if (isFull && !held.has(range.partition)) await flush(range.partition)
  }

  async function flushLater(block: Block): Promise<void> {
    const { partition } = block.range
    for (let waitedMs = 0; waitedMs < longestDelayMs; waitedMs += maxDelayMs) {
      if (waitedMs > 0 && !isBehind()) break
      await clock.sleep(maxDelayMs, closing.signal).catch(() => undefined)
      if (open.get(partition) !== block || closing.signal.aborted) return
    }
    if (open.get(partition) === block && !held.has(partition) && !closing.signal.aborted) await flush(partition)
  }

  function isBehind(): boolean {
    let inBlocks = storingRows
    for (const { content } of open.values()) inBlocks += content.rows
    return (options.unstoredRecords?.() ?? 0) > 2 * inBlocks + backlogRecords
  }

  /** Closes the open block and stores it after the one before it; resolves when storing it has begun. */
  async function flush(partition: number): Promise<void> {
    // The block stays open, and grows, while the one before it is still being stored.
    await storing.get(partition)
    const block = open.get(partition)
    if (!block) return
    open.delete(partition)
    options.onClose?.(block.range)
    storing.set(partition, store(block))
  }

  async function store(block: Block): Promise<void> {
    const { partition, first, last } = block.range
    const { rows } = block.content
    storingRows += rows
    const matchesPublished = Promise.all(block.before)
    await untilDone(() => ledger.record(block.range))
    if (rows > 0) await untilDone(() => block.content.insert(`${partition}:${first}-${last}`))
    block.content.release()
    await matchesPublished
    await untilDone(() => options.commit(partition, last))
    storingRows -= rows
    stored += rows
  }

  /** Tries until it succeeds, or the writer is closed: then the rest is replayed at the next start. */
  async function untilDone(step: () => Promise<void>): Promise<void> {
    let delayMs = firstRetryDelayMs
    for (let attempt = 1; ; attempt++) {
      try {
        return await step()
      } catch (error) {
        retries++
        options.onFailure(error, attempt)
        if (closing.signal.aborted) throw error
        await clock.sleep(delayMs, closing.signal)
        delayMs = Math.min(delayMs * 2, longestRetryDelayMs)
      }
    }
  }

  return {
    add,
    /** From now on the partition's block is closed by `cut` only. */
    hold: (partition: number) => held.add(partition),
    /** Closes the held block here, and lets size and time close those that follow. */
    async cut(partition: number): Promise<void> {
      held.delete(partition)
      await flush(partition)
    },
    /** Stores what is open, then resolves; what cannot be stored now is replayed at the next start. */
    async close(): Promise<void> {
      for (const partition of [...open.keys()]) if (!held.has(partition)) await flush(partition)
      closing.abort(new CodedError('STOPPING', 'the block writer was closed'))
      await Promise.allSettled(storing.values())
    },
    stats: () => ({
      stored,
      retries,
      open: [...open.values()].reduce((sum, block) => sum + block.content.rows, 0),
    }),
  }
}

export type BlockWriter = ReturnType<typeof createBlockWriter>
