import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { CodedError } from '../../event/errors.ts'
import type { RawRecord } from '../../event/raw-record.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import type { CaptureSurroundings, PacketKeeper } from '../pcap/cutter.ts'
import type { FileFormat } from './format.ts'
import { type ReadLimits, readFileRecords } from './read.ts'

export interface ImportProgress {
  records: number
  chunks: number
  /** Bytes of the file read, of `fileBytes`. */
  fileBytesDone: number
  fileBytes: number
  /** Where a later run may take up; give it as `fromOffset`. */
  nextOffset: number
}

/** Takes one chunk in, durably; with a key that was seen before it takes nothing in and succeeds. */
export type SendChunk = (records: RawRecord[], idempotencyKey: string) => Promise<unknown>

const retryMinMs = 200
const retryMaxMs = 10_000

/**
 * Imports one file chunk by chunk. The key of a chunk is the hash of the file, the source and the offset, so that a
 * repeated import, or one that was interrupted, stores nothing twice. A refusal that may be retried (a full queue) is
 * waited out. Throws what `readFileRecords` throws, and the first refusal that is final.
 */
export async function importFile(
  path: string,
  options: {
    send: SendChunk
    clock: Clock
    /** Names the source; by default the file's own name. */
    source?: string
    format?: FileFormat
    fromOffset?: number
    limits?: Partial<ReadLimits>
    signal?: AbortSignal
    /** Told what was damaged in a file that could be read for the rest. */
    onWarning?: (text: string) => void
    onProgress?: (progress: ImportProgress) => void
    /** Who keeps the packets of a capture with this hash; undefined when they are kept already. */
    keepPackets?: (fileHash: string) => PacketKeeper | undefined
    /** Looks into the files that travel in a capture. */
    inspectFile?: CaptureSurroundings['inspectFile']
  },
): Promise<ImportProgress> {
  const { send, clock, source = '', format, fromOffset = 0, limits, signal } = options
  const sender = basename(path)
  const { fileHash, fileBytes } = await hashFile(path)
  const progress: ImportProgress = { records: 0, chunks: 0, fileBytesDone: 0, fileBytes, nextOffset: fromOffset }
  const packets = options.keepPackets?.(fileHash)
  try {
    for await (const chunk of readFileRecords(path, {
      format,
      fromOffset,
      limits,
      capture: { packets, inspectFile: options.inspectFile },
      onWarning: options.onWarning,
    })) {
      signal?.throwIfAborted()
      const receivedAtMs = clock.now()
      const records: RawRecord[] = chunk.records.map((body) => ({
        receivedAtMs,
        transport: 'file',
        sender,
        source,
        body,
      }))
      await sendUntilTaken(() => send(records, `file:${fileHash}:${source}:${chunk.offset}`), clock, signal)
      progress.records += records.length
      progress.chunks++
      progress.nextOffset = chunk.nextOffset
      progress.fileBytesDone = chunk.fileBytesDone
      options.onProgress?.({ ...progress })
    }
    packets?.end()
  } finally {
    packets?.abandon()
  }
  return { ...progress, fileBytesDone: fileBytes }
}

async function sendUntilTaken(send: () => Promise<unknown>, clock: Clock, signal?: AbortSignal): Promise<void> {
  for (let pauseMs = retryMinMs; ; pauseMs = Math.min(2 * pauseMs, retryMaxMs)) {
    try {
      await send()
      return
    } catch (error) {
      if (!(error instanceof CodedError) || !error.retry) throw error
    }
    await clock.sleep(pauseMs, signal)
  }
}

async function hashFile(path: string): Promise<{ fileHash: string; fileBytes: number }> {
  const hash = createHash('sha256')
  try {
    for await (const bytes of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(bytes as Buffer)
    return { fileHash: hash.digest('hex').slice(0, 32), fileBytes: (await stat(path)).size }
  } catch (cause) {
    throw new CodedError('NOT_FOUND', `${path} cannot be read: ${(cause as Error).message}`, { path }, { cause })
  }
}
