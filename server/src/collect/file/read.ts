import { basename } from 'node:path'
import { CodedError } from '../../event/errors.ts'
import { GrowingBuffer } from '../../lib/growing-buffer.ts'
import { JsonSplitter } from '../../lib/json-splitter.ts'
import { CaptureCutter, type CaptureSurroundings } from '../pcap/cutter.ts'
import { type ContentStream, openContent } from './content.ts'
import { EvtxCutter } from './evtx/cutter.ts'
import { byteOrderMarkBytes, detectFormat, type FileFormat } from './format.ts'
import { type FileInput, inputName } from './input.ts'
import { SeparatedCutter } from './separated.ts'
import { WindowsXmlCutter } from './windows-xml.ts'

/** Some records of a file, in order. */
export interface FileChunk {
  /** Bodies of the records; each its own copy. */
  records: Buffer[]
  /** Position in the (uncompressed) content where this chunk begins and where the next one does. */
  offset: number
  nextOffset: number
  /** Bytes of the file itself read so far, for a progress bar. */
  fileBytesDone: number
}

export interface ReadLimits {
  chunkRecords: number
  chunkBytes: number
  /** Longest record; a longer one is cut into parts. */
  recordBytes: number
}

const readLimits: ReadLimits = { chunkRecords: 5_000, chunkBytes: 4 << 20, recordBytes: 1 << 20 }

export interface ReadOptions {
  format?: FileFormat | undefined
  /** Chunks before this position are read over. */
  fromOffset?: number
  limits?: Partial<ReadLimits> | undefined
  /** Hands on Windows events that stand in unused space too. */
  recover?: boolean | undefined
  capture?: CaptureSurroundings | undefined
  /** Told what was damaged in a file that could be read for the rest. */
  onWarning?: ((text: string) => void) | undefined
  /** Told how many bytes of the file itself have been read. */
  onProgress?: ((fileBytesDone: number) => void) | undefined
}

/** Cuts content into records. */
export interface Cutter {
  /** Takes the next bytes, which stand at `at` of the content. */
  push(bytes: Buffer, at: number): void
  /** Hands on the rest; false when the content ended too early. */
  end(at: number): boolean
  /** What was damaged and read over; undefined when nothing was. */
  warning?(): string | undefined
}

/**
 * Reads a file (gzip or not, a member of a ZIP archive, UTF-8 or UTF-16, EVTX, packet captures) as chunks of records. The same file gives the same chunks at every run, so that a chunk
 * can be named by its offset; chunks before `fromOffset` are read over but not handed on.
 * Throws NOT_FOUND, IMPORT_UNSUPPORTED for binary formats, IMPORT_DAMAGED when compression or JSON ends early (the
 * records before that place have been handed on).
 */
export async function* readFileRecords(file: string | FileInput, options: ReadOptions = {}): AsyncGenerator<FileChunk> {
  const input = typeof file === 'string' ? { path: file } : file
  const path = inputName(input)
  const limits = { ...readLimits, ...options.limits }
  const { fromOffset = 0 } = options
  let gathered: Buffer[] = []
  let gatheredBytes = 0
  const ready: FileChunk[] = []
  let offset = 0
  let content: ContentStream | undefined

  const seal = (nextOffset: number) => {
    const chunk = { records: gathered, offset, nextOffset, fileBytesDone: content?.fileBytesDone() ?? 0 }
    if (gathered.length > 0 && nextOffset > fromOffset) ready.push(chunk)
    gathered = []
    gatheredBytes = 0
    offset = nextOffset
  }
  const add: AddRecord = (bytes, end) => {
    gathered.push(Buffer.from(bytes))
    gatheredBytes += bytes.length
    if (gathered.length >= limits.chunkRecords || gatheredBytes >= limits.chunkBytes) seal(end)
  }

  content = await openContent(input)
  try {
    const format = options.format ?? detectFormat(content.head)
    const cutter = createCutter(format, limits, options, add)
    let position = 0
    for await (const bytes of content.chunks()) {
      const skipped = position === 0 ? byteOrderMarkBytes(bytes) : 0
      cutter.push(bytes.subarray(skipped), position + skipped)
      position += bytes.length
      options.onProgress?.(content.fileBytesDone())
      yield* ready.splice(0)
    }
    const complete = cutter.end(position)
    seal(position)
    yield* ready.splice(0)
    const failure = content.failure()
    const warning = cutter.warning?.()
    if (warning !== undefined) options.onWarning?.(`${path}: ${warning}`)
    if (failure) throw failure instanceof CodedError ? failure : damaged(path, position, failure.message, failure)
    if (!complete) throw damaged(path, position, 'it ends inside a record')
  } finally {
    content.close()
  }
}

function createCutter(format: FileFormat, limits: ReadLimits, options: ReadOptions, add: AddRecord): Cutter {
  switch (format) {
    case 'json':
      return new JsonCutter(limits.recordBytes, add)
    case 'capture':
      return new CaptureCutter(add, options.capture)
    case 'evtx':
      return new EvtxCutter(options.recover ?? false, add)
    case 'windows-xml':
      return new WindowsXmlCutter(limits.recordBytes, add)
    case 'csv':
      return new SeparatedCutter(limits.recordBytes, add)
    default:
      return new LineCutter(limits.recordBytes, format === 'lines', add)
  }
}

/** One record and the position in the content right after it. */
export type AddRecord = (bytes: Buffer, end: number) => void

function damaged(path: string, offset: number, reason: string, cause?: Error): CodedError {
  const message = `${basename(path)} is damaged at byte ${offset} of its content: ${reason}`
  return new CodedError('IMPORT_DAMAGED', message, { path, offset }, { cause })
}

const lineFeed = 10

class LineCutter implements Cutter {
  private readonly held: GrowingBuffer
  private readonly joins: boolean
  private readonly add: AddRecord
  /** A complete line is held and waits for the first byte of the next one. */
  private ended = false

  constructor(recordBytes: number, joins: boolean, add: AddRecord) {
    this.held = new GrowingBuffer(recordBytes)
    this.joins = joins
    this.add = add
  }

  push(bytes: Buffer, at: number): void {
    let position = 0
    while (position < bytes.length) {
      if (this.ended) this.startLine(bytes[position]!, at + position)
      const found = bytes.indexOf(lineFeed, position)
      const end = found < 0 ? bytes.length : found
      this.hold(bytes, position, end, at)
      if (found >= 0) this.ended = true
      position = end + 1
    }
  }

  end(at: number): boolean {
    this.finish(at)
    return true
  }

  private startLine(byte: number, at: number): void {
    this.ended = false
    if (this.joins && (byte === 32 || byte === 9) && this.held.length > 0 && this.held.room > 0) {
      this.held.append(newline, 0, 1)
    } else {
      this.finish(at)
    }
  }

  private hold(bytes: Buffer, from: number, end: number, at: number): void {
    let position = from
    while (position < end) {
      if (this.held.room === 0) this.finish(at + position)
      const taken = Math.min(end, position + this.held.room)
      this.held.append(bytes, position, taken)
      position = taken
    }
  }

  private finish(at: number): void {
    let line = this.held.take()
    if (line.at(-1) === 13) line = line.subarray(0, -1)
    if (line.length > 0) this.add(line, at)
  }
}

const newline = Buffer.from('\n')

/** What evtx_dump writes between two documents. */
const recordHeading = /^Record \d+$/

class JsonCutter implements Cutter {
  private readonly splitter: JsonSplitter
  private at = 0

  constructor(recordBytes: number, add: AddRecord) {
    // A JSON value cannot be cut into parts; beyond sixteen times the bound of a line the file is refused.
    this.splitter = new JsonSplitter(16 * recordBytes, (bytes, piece, end) => {
      if (piece === 'text' && (bytes.length === 0 || recordHeading.test(bytes.toString('latin1')))) return
      add(bytes, this.at + end)
    })
  }

  push(bytes: Buffer, at: number): void {
    this.at = at
    try {
      this.splitter.push(bytes)
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause
      throw new CodedError(
        'TOO_LARGE',
        `A JSON value near byte ${at} exceeds the bound of a record`,
        { offset: at },
        { cause },
      )
    }
  }

  end(at: number): boolean {
    this.at = at
    return this.splitter.end()
  }
}
