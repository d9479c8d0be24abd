import type { Logger } from 'pino'
import { readPrivateFile, replacePrivateFile } from '../../lib/private-file.ts'
import type { ZeekColumns } from '../../normalise/formats/zeek-tsv.ts'
import type { Clock } from '../../seams/clock/clock.ts'

interface Saved {
  version: 1
  columns: [sourceKey: string, columns: ZeekColumns][]
}

/** Most senders kept; the one whose columns were named first is forgotten first. */
const sendersLimit = 500
/** Longer columns than this, in characters, are no log's: they live until the restart only. */
const columnsLimit = 32 << 10

/**
 * Columns that senders of separated values named in their header lines, in a small file of the process thread: rows that
 * come after a restart are in the middle of a file whose header will not come again. It is saved before the offsets of
 * the headers are committed, so the columns are never behind the rows; at a crash just after a sender changed its
 * columns, the rows before the change that are read again may not fit and are stored as unparsed.
 */
export function openColumnFile(path: string, { clock, logger }: { clock: Clock; logger: Logger }) {
  const text = readPrivateFile(path)
  const kept = new Map(text === undefined ? [] : (JSON.parse(text) as Saved).columns)
  let isSaved = true

  return {
    columns: (): ReadonlyMap<string, ZeekColumns> => kept,
    /** Notes what header lines named. */
    add(named: ReadonlyMap<string, ZeekColumns>): void {
      for (const [key, columns] of named) {
        const text = JSON.stringify(columns)
        if (text.length > columnsLimit || text === JSON.stringify(kept.get(key))) continue
        isSaved = false
        kept.delete(key)
        // A copy: the one in memory changes with every header line.
        kept.set(key, JSON.parse(text) as ZeekColumns)
        if (kept.size > sendersLimit) kept.delete(kept.keys().next().value!)
      }
    },
    /** Makes it durable when anything is new. A disk that cannot take it holds nothing up: it is tried again next time. */
    save(): void {
      if (isSaved) return
      try {
        replacePrivateFile(path, JSON.stringify({ version: 1, columns: [...kept] } satisfies Saved), clock.id())
        isSaved = true
      } catch (error) {
        logger.warn({ err: error }, 'columns of separated values could not be saved yet')
      }
    },
  }
}
