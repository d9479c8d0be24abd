import type { FoundInput } from '../../collect/file/input.ts'
import { CodedError, type ErrorCode } from '../../event/errors.ts'
import type { ScanFile } from './detect-scan.ts'

/** What a lane tells of the files it reads. Batches are JSON texts, so that their size is known. */
export type LaneMessage =
  | { kind: 'ready' }
  | { kind: 'batch'; fileIndex: number; text: string; records: number; fileBytesDone: number }
  | { kind: 'end'; fileIndex: number; failure?: LaneFailure | undefined }

export interface LaneFailure {
  /** Undefined for what no code foresees. */
  code: ErrorCode | undefined
  message: string
  detail: Record<string, unknown>
}

/** What a lane is told: read a file; so many characters of its batches have been taken. */
export type LaneCommand = { kind: 'scan'; fileIndex: number } | { kind: 'taken'; fileIndex: number; length: number }

/** A file whose batches are not taken is read this many characters ahead. */
const aheadLimit = 4 * 2 ** 20

/** Reads files at the pace at which their batches are taken; in a thread of its own or in the main one. */
export class ScanLane {
  private readonly inputs: readonly FoundInput[]
  private readonly scan: ScanFile
  private readonly post: (message: LaneMessage) => void
  private readonly ahead = new Map<number, { length: number; wake(): void }>()
  private closed = false

  constructor(inputs: readonly FoundInput[], scan: ScanFile, post: (message: LaneMessage) => void) {
    this.inputs = inputs
    this.scan = scan
    this.post = post
  }

  command(command: LaneCommand): void {
    if (command.kind === 'scan') {
      void this.read(command.fileIndex)
      return
    }
    const state = this.ahead.get(command.fileIndex)
    if (!state) return
    state.length -= command.length
    state.wake()
  }

  close(): void {
    this.closed = true
    for (const state of this.ahead.values()) state.wake()
  }

  private async read(fileIndex: number): Promise<void> {
    const state = { length: 0, wake: () => {} }
    this.ahead.set(fileIndex, state)
    let failure: LaneFailure | undefined
    try {
      for await (const batch of this.scan(this.inputs[fileIndex]!)) {
        const text = JSON.stringify(batch)
        state.length += text.length
        this.post({ kind: 'batch', fileIndex, text, records: batch.records, fileBytesDone: batch.fileBytesDone })
        while (state.length > aheadLimit && !this.closed) {
          await new Promise<void>((resolve) => {
            state.wake = resolve
          })
        }
        if (this.closed) return
      }
    } catch (error) {
      failure =
        error instanceof CodedError
          ? { code: error.code, message: error.message, detail: error.detail }
          : { code: undefined, message: String((error as Error)?.stack ?? error), detail: {} }
    } finally {
      this.ahead.delete(fileIndex)
    }
    this.post({ kind: 'end', fileIndex, failure })
  }
}
