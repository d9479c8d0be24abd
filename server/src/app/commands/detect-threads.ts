import { Worker } from 'node:worker_threads'
import type { FoundInput } from '../../collect/file/input.ts'
import type { ScanBatch } from '../../detect/offline-scan.ts'
import { CodedError } from '../../event/errors.ts'
import { type LaneCommand, type LaneFailure, type LaneMessage, ScanLane } from './detect-lane.ts'
import type { DetectProgress } from './detect-progress.ts'
import type { ScanFile, ScanTask } from './detect-scan.ts'

/** Characters of batches held for files whose turn has not come; beyond, only the file in turn is read on. */
const heldLimit = 64 * 2 ** 20

interface Lane {
  send(command: LaneCommand): void
  /** Files it reads now: one, and the file in turn too when the other has to wait. */
  active: number
}

interface FileState {
  lane: Lane | undefined
  batches: string[]
  /** Characters that were received and that the lane has not been told are taken. */
  untaken: number
  isDone: boolean
  failure: LaneFailure | undefined
}

/**
 * Reads files in several threads and gives what they held in the order of the files. The file in turn goes before, then the
 * largest: so the output begins at once and no large file is left for last. Threads wait when the output does.
 */
export class ScanPool {
  private readonly inputs: readonly FoundInput[]
  private readonly files: FileState[]
  private readonly bySize: number[]
  private readonly workers: Worker[]
  private readonly lanes: Lane[] = []
  private local: ScanLane | undefined
  private progress: DetectProgress | undefined
  /** Files with batches that their lanes do not know taken. */
  private readonly waiting = new Set<number>()
  private nextBySize = 0
  private turn = 0
  private held = 0
  private failure: Error | undefined
  private wake: () => void = () => {}

  constructor(task: ScanTask, inputs: readonly FoundInput[], threads: number) {
    this.inputs = inputs
    this.files = inputs.map(() => ({ lane: undefined, batches: [], untaken: 0, isDone: false, failure: undefined }))
    this.bySize = inputs.map((_, index) => index).sort((a, b) => inputs[b]!.bytes - inputs[a]!.bytes || a - b)
    this.workers = Array.from({ length: threads }, () => this.startWorker(task))
  }

  /** The main thread is a lane too; threads that have loaded the rules join as they are ready. */
  begin(scan: ScanFile, progress: DetectProgress): void {
    this.progress = progress
    const local = new ScanLane(this.inputs, scan, (message) => this.receive(lane, message))
    const lane: Lane = { send: (command) => local.command(command), active: 0 }
    this.local = local
    this.lanes.push(lane)
    for (const known of this.lanes) this.giveWork(known)
  }

  /** What a file held; to be asked for in the order of the files. Throws what reading it threw. */
  async *batches(fileIndex: number): AsyncGenerator<ScanBatch> {
    this.turn = fileIndex
    const file = this.files[fileIndex]!
    this.giveTurn()
    for (;;) {
      if (this.failure) throw this.failure
      const text = file.batches.shift()
      if (text !== undefined) {
        this.held -= text.length
        this.take(fileIndex, text.length)
        if (this.held < heldLimit) this.goOn()
        yield JSON.parse(text) as ScanBatch
      } else if (file.isDone) break
      else
        await new Promise<void>((resolve) => {
          this.wake = resolve
        })
    }
    if (file.failure) throw errorOf(file.failure)
  }

  async close(): Promise<void> {
    this.local?.close()
    await Promise.all(this.workers.map((worker) => worker.terminate()))
  }

  private startWorker(task: ScanTask): Worker {
    const worker = new Worker(new URL('./detect-worker.js', import.meta.url), {
      workerData: { task, inputs: this.inputs },
    })
    const lane: Lane = { send: (command) => worker.postMessage(command), active: 0 }
    worker.on('message', (message: LaneMessage) => {
      if (message.kind !== 'ready') {
        this.receive(lane, message)
        return
      }
      this.lanes.push(lane)
      if (this.local) this.giveWork(lane)
    })
    const fail = (error: Error) => {
      this.failure ??= error
      this.wake()
    }
    worker.on('error', (error) => fail(error as Error))
    worker.on('exit', (code) => fail(new TypeError(`a thread of detect ended early (${code})`)))
    return worker
  }

  private receive(lane: Lane, message: LaneMessage): void {
    if (message.kind === 'ready') return
    const { fileIndex } = message
    const file = this.files[fileIndex]!
    if (message.kind === 'batch') {
      const { text } = message
      file.batches.push(text)
      file.untaken += text.length
      this.held += text.length
      this.waiting.add(fileIndex)
      this.progress?.batch(fileIndex, message)
      if (this.held < heldLimit) this.take(fileIndex, text.length)
      else this.giveTurn()
    } else {
      file.isDone = true
      file.failure = message.failure
      lane.active--
      this.progress?.fileDone(fileIndex)
      this.giveWork(lane)
    }
    if (fileIndex === this.turn) this.wake()
  }

  /** There is room again for files whose turn has not come. */
  private goOn(): void {
    for (const index of this.waiting) this.take(index, Number.POSITIVE_INFINITY)
    for (const lane of this.lanes) this.giveWork(lane)
  }

  private take(fileIndex: number, length: number): void {
    const file = this.files[fileIndex]!
    const taken = Math.min(length, file.untaken)
    if (taken > 0) file.lane?.send({ kind: 'taken', fileIndex, length: taken })
    file.untaken -= taken
    if (file.untaken === 0) this.waiting.delete(fileIndex)
  }

  private giveWork(lane: Lane): void {
    if (lane.active > 0) return
    if (!this.files[this.turn]!.lane) {
      this.assign(lane, this.turn)
      return
    }
    if (this.held >= heldLimit) return
    while (this.nextBySize < this.bySize.length && this.files[this.bySize[this.nextBySize]!]!.lane) this.nextBySize++
    const fileIndex = this.bySize[this.nextBySize]
    if (fileIndex !== undefined) this.assign(lane, fileIndex)
  }

  /** The file in turn never waits for lanes that wait for it. */
  private giveTurn(): void {
    if (this.files[this.turn]!.lane) return
    const [lane] = [...this.lanes].sort((a, b) => a.active - b.active)
    if (lane && (lane.active === 0 || this.held >= heldLimit)) this.assign(lane, this.turn)
  }

  private assign(lane: Lane, fileIndex: number): void {
    this.files[fileIndex]!.lane = lane
    lane.active++
    lane.send({ kind: 'scan', fileIndex })
  }
}

function errorOf({ code, message, detail }: LaneFailure): Error {
  return code === undefined ? new TypeError(message) : new CodedError(code, message, detail)
}
