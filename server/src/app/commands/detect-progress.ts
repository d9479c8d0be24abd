import type { FoundInput } from '../../collect/file/input.ts'
import type { OfflineCounters } from '../../detect/offline.ts'
import type { ScanBatch } from '../../detect/offline-scan.ts'
import { createProgress } from '../../lib/progress.ts'
import { systemClock } from '../../seams/clock/clock.ts'

export interface DetectProgress {
  /** A batch of a file has been read, perhaps long before its turn to be printed. */
  batch(fileIndex: number, batch: Pick<ScanBatch, 'records' | 'fileBytesDone'>): void
  /** The file has been read to its end. */
  fileDone(fileIndex: number): void
  done(): void
}

/** A bar on a terminal: bytes, events a second, matches, time left. Nothing elsewhere. */
export function createDetectProgress(
  isWanted: boolean,
  inputs: readonly FoundInput[],
  counters: OfflineCounters,
): DetectProgress {
  if (!isWanted || process.stderr.isTTY !== true)
    return { batch: () => undefined, fileDone: () => undefined, done: () => undefined }
  const now = () => systemClock.now()
  const startedAtMs = now()
  const totalBytes = inputs.reduce((sum, { bytes }) => sum + bytes, 0)
  const bar = createProgress(process.stderr, 'detect', totalBytes, now)
  const readBytes = new Array<number>(inputs.length).fill(0)
  let doneBytes = 0
  let records = 0
  const read = (fileIndex: number, bytes: number) => {
    // Standard input and files that grow are longer than was known; the bar counts what was known.
    const bounded = Math.min(bytes, inputs[fileIndex]!.bytes)
    doneBytes += Math.max(0, bounded - readBytes[fileIndex]!)
    readBytes[fileIndex] = Math.max(bounded, readBytes[fileIndex]!)
  }
  const draw = () => {
    const perSecond = Math.round(records / Math.max(0.001, (now() - startedAtMs) / 1_000))
    bar.update(doneBytes, `${records} events, ${perSecond}/s, ${counters.matches} matches`)
  }
  return {
    batch(fileIndex, batch) {
      records += batch.records
      read(fileIndex, batch.fileBytesDone)
      draw()
    },
    fileDone(fileIndex) {
      read(fileIndex, inputs[fileIndex]!.bytes)
      draw()
    },
    done() {
      bar.update(totalBytes, `${records} events, ${counters.matches} matches`)
      bar.done()
    },
  }
}
