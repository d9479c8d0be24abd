import type { Logger } from 'pino'
import { readPrivateFile, replacePrivateFile } from '../../lib/private-file.ts'
import type { Normaliser } from '../../normalise/normalise.ts'
import type { Clock } from '../../seams/clock/clock.ts'

type Unfinished = ReturnType<Normaliser['unfinished']>

/** What was unfinished when all records of `raw` up to `last` had been normalised. */
interface Moment {
  partition: number
  last: number
  unfinished: Unfinished
}

interface Saved {
  version: 1
  moments: Moment[]
}

/**
 * Kernel audit events that were not whole at the end of a block, in a small file of the process thread: a record that comes
 * after a restart goes on from those before it. What belongs to a block is saved before its offset is committed, beside
 * what belongs to the block before it, so that whichever of the two was committed at the end of the program is found.
 */
export function openAuditFile(path: string, { clock, logger }: { clock: Clock; logger: Logger }) {
  /** Partition -> the last two moments. */
  const moments = new Map<number, Moment[]>()
  let isSaved = true
  load()

  function load(): void {
    try {
      const text = readPrivateFile(path)
      if (text === undefined) return
      const saved = JSON.parse(text) as Saved
      if (saved.version !== 1) throw new RangeError(`version ${saved.version} is not known`)
      for (const moment of saved.moments)
        moments.set(moment.partition, [...(moments.get(moment.partition) ?? []), moment])
    } catch (err) {
      moments.clear()
      logger.warn(
        { err, path },
        'unfinished audit events of before the restart cannot be read: they go on as events of their own',
      )
    }
  }

  return {
    /** What was unfinished at the offset up to which the partition is committed. */
    at: (partition: number, committed: number): Unfinished =>
      moments.get(partition)?.find(({ last }) => last === committed)?.unfinished ?? [],
    /** Notes what is unfinished at the end of a block. */
    note(partition: number, last: number, unfinished: Unfinished): void {
      const before = moments.get(partition)?.at(-1)
      if (unfinished.length === 0 && (before === undefined || before.unfinished.length === 0)) return
      moments.set(partition, [...(before ? [before] : []), { partition, last, unfinished }])
      isSaved = false
    },
    /** Makes it durable when anything is new. A disk that cannot take it holds nothing up: it is tried again next time. */
    save(): void {
      if (isSaved) return
      try {
        const saved: Saved = { version: 1, moments: [...moments.values()].flat() }
        replacePrivateFile(path, JSON.stringify(saved), clock.id())
        isSaved = true
      } catch (err) {
        logger.warn({ err }, 'unfinished audit events could not be saved yet')
      }
    },
  }
}
