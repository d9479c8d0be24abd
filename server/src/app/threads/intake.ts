import type { Logger } from 'pino'
import { canaryOf, isCanaryKey } from '../../event/canary.ts'
import type { Event } from '../../event/event.ts'
import { decodeRawRecord, sourceKey } from '../../event/raw-record.ts'
import type { Normaliser, PlacedRecord, SourcePin, SourceStatistics } from '../../normalise/normalise.ts'
import type { BusBatch, Subscriber } from '../../seams/bus/bus.ts'
import type { BlockLedger } from '../../seams/events/blocks.ts'
import type { BlockWriter } from '../block-writer.ts'
import type { openAuditFile } from './audit-file.ts'
import type { openColumnFile } from './column-file.ts'

/**
 * The way of a bus batch into the pipeline: records decoded and normalised with the pins of their senders, statistics
 * gathered, and after a crash the block that was begun cut again exactly as it was.
 */
export function createIntake(options: {
  normaliser: Normaliser
  columnFile: Pick<ReturnType<typeof openColumnFile>, 'add'>
  auditFile: Pick<ReturnType<typeof openAuditFile>, 'at'>
  logger: Logger
}) {
  const { normaliser, columnFile, auditFile, logger } = options
  let pins: ReadonlyMap<string, SourcePin> = new Map()
  let statistics: SourceStatistics[] = []
  let unreadable = 0
  let holdsCanaries = false
  let joinedRecords = 0
  /** Partition -> last offset of the block that was begun before the restart. */
  const blockEnds = new Map<number, number>()

  function normalise(batch: BusBatch): Event[] {
    const placed: PlacedRecord[] = []
    const canaryPins = new Map<string, SourcePin>()
    holdsCanaries = false
    for (const [index, bytes] of batch.records.entries()) {
      const offset = batch.first + index
      try {
        const record = decodeRawRecord(bytes)
        placed.push({ record, partition: batch.partition, offset })
        if (record.transport !== 'canary') continue
        holdsCanaries = true
        const key = sourceKey(record)
        const parser = canaryOf(key)?.parser
        if (parser) canaryPins.set(key, { parser })
      } catch (error) {
        // Written by another version of the program: counted and told, since it cannot become an event.
        unreadable++
        logger.error({ err: error, partition: batch.partition, offset }, 'a record of the bus cannot be read')
      }
    }
    const pinned = canaryPins.size === 0 ? pins : new Map([...pins, ...canaryPins])
    const { events, sources, joined, columns } = normaliser.normalise(placed, pinned)
    joinedRecords += joined
    // A canary is no sender: it stands in no list and counts in no rate.
    statistics.push(...(holdsCanaries ? sources.filter((source) => !isCanaryKey(source.sourceKey)) : sources))
    if (columns.size > 0) columnFile.add(columns)
    return events
  }

  return {
    normalise,
    /** Whether the batch normalised last holds a canary. */
    holdsCanaries: () => holdsCanaries,
    setPins(next: ReadonlyMap<string, SourcePin>) {
      pins = next
    },
    /** Hands out what was gathered since the last call. */
    takeStatistics(): SourceStatistics[] {
      const taken = statistics
      statistics = []
      return taken
    },
    unreadable: () => unreadable,
    joined: () => joinedRecords,
    replaying(options: {
      ledger: BlockLedger
      pipeline(batch: BusBatch): Promise<void>
      blocks: Pick<BlockWriter, 'hold' | 'cut'>
    }): Subscriber {
      const { ledger, pipeline, blocks } = options
      return {
        async onAssign(partition, committedOffset) {
          normaliser.resume(partition, auditFile.at(partition, committedOffset))
          const begun = await ledger.pending(partition, committedOffset)
          if (!begun) return undefined
          blockEnds.set(partition, begun.last)
          blocks.hold(partition)
          return undefined
        },
        async onBatch(batch) {
          const end = blockEnds.get(batch.partition)
          if (end === undefined) return pipeline(batch)
          const [within, after] = splitAfter(batch, end)
          if (within) await pipeline(within)
          if (batch.last < end) return
          blockEnds.delete(batch.partition)
          await blocks.cut(batch.partition)
          if (after) await pipeline(after)
        },
      }
    },
  }
}

/** The parts of a batch up to and including `offset`, and beyond it. */
function splitAfter(batch: BusBatch, offset: number): [BusBatch | undefined, BusBatch | undefined] {
  if (batch.last <= offset) return [batch, undefined]
  if (batch.first > offset) return [undefined, batch]
  const count = offset - batch.first + 1
  return [
    { ...batch, last: offset, records: batch.records.slice(0, count) },
    { ...batch, first: offset + 1, records: batch.records.slice(count) },
  ]
}
