import type { OffsetRange } from '../bus/bus.ts'
import { type Files, realFiles } from '../bus/files.ts'
import { SlotFile } from '../bus/slot-file.ts'

/**
 * Which range of bus offsets is being stored as one block. The range is recorded before the insert; after a crash the
 * same range is cut again, gets the same token, and the event store recognises the block if it had taken it. So what is
 * between insert and commit when the power goes is neither lost nor stored twice.
 */
export interface BlockLedger {
  /** Resolves when it is durable that the range goes into one block. Ranges of a partition come one after the other. */
  record(range: OffsetRange): Promise<void>
  /**
   * The block that was begun and perhaps stored, given what the partition's group has committed: its records must be
   * put into one block again, neither more nor fewer. Undefined when the last block was committed.
   */
  pending(partition: number, committedOffset: number): Promise<OffsetRange | undefined>
  close(): Promise<void>
}

/** Opens the ledger kept in `directory` (one small file a partition); a partition is used by one thread only. */
export function openBlockLedger(directory: string, files: Files = realFiles): BlockLedger {
  const opened = new Map<number, Promise<{ file: SlotFile; last: number[] | undefined }>>()
  const open = (partition: number) => {
    let entry = opened.get(partition)
    if (entry === undefined) {
      const file = new SlotFile(files, directory, String(partition))
      entry = file.open().then((last) => ({ file, last }))
      opened.set(partition, entry)
      entry.catch(() => opened.delete(partition))
    }
    return entry
  }
  return {
    async record({ partition, first, last }) {
      const entry = await open(partition)
      await entry.file.write([first, last])
      entry.last = [first, last]
    },
    async pending(partition, committedOffset) {
      const [first, last] = (await open(partition)).last ?? []
      if (first === undefined || last === undefined || last <= committedOffset) return undefined
      return { partition, first, last }
    },
    async close() {
      for (const entry of opened.values()) await (await entry).file.close()
    },
  }
}
