import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import { createGunzip } from 'node:zlib'
import { CodedError } from '../../event/errors.ts'
import { GrowingBuffer } from '../../lib/growing-buffer.ts'
import { JsonSplitter } from '../../lib/json-splitter.ts'
import { byteOrderMarkBytes, detectFormat, type FileFormat, isGzip } from './format.ts'

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

/** Long first lines (a Windows event in one line) must fit, so that the format is told from a whole line. */
const headBytes = 1 << 20

/**
 * Reads a file, gzip or not, as chunks of records. The same file gives the same chunks at every run, so that a chunk
 * can be named by its offset; chunks before `fromOffset` are read over but not handed on.
 * Throws NOT_FOUND, IMPORT_UNSUPPORTED for binary formats, IMPORT_DAMAGED when compression or JSON ends early (the
 * records before that place have been handed on).
 */
export async function* readFileRecords(
  path: string,
  options: { format?: FileFormat; fromOffset?: number; limits?: Partial<ReadLimits> } = {},
): AsyncGenerator<FileChunk> {
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

  content = await openContent(path)
  try {
    const format = options.format ?? detectFormat(content.head)
    const cutter =
      format === 'json'
        ? new JsonCutter(limits.recordBytes, add)
        : new LineCutter(limits.recordBytes, format === 'lines', add)
    let position = 0
    for await (const bytes of content.chunks()) {
      const skipped = position === 0 ? byteOrderMarkBytes(bytes) : 0
      cutter.push(bytes.subarray(skipped), position + skipped)
      position += bytes.length
      yield* ready.splice(0)
    }
    const complete = cutter.end(position)
    seal(position)
    yield* ready.splice(0)
    const failure = content.failure()
    if (failure) throw damaged(path, position, failure.message, failure)
    if (!complete) throw damaged(path, position, 'it ends inside a JSON value')
  } finally {
    content.close()
  }
}

/** One record and the position in the content right after it. */
type AddRecord = (bytes: Buffer, end: number) => void

interface ContentStream {
  /** First bytes of the uncompressed content. */
  head: Buffer
  chunks(): AsyncIterable<Buffer>
  fileBytesDone(): number
  /** Why the content ended early, once it has. */
  failure(): Error | undefined
  close(): void
}

async function openContent(path: string): Promise<ContentStream> {
  const magic = await readMagic(path)
  const file = createReadStream(path, { highWaterMark: 1 << 18 })
  const source = isGzip(magic) ? file.pipe(createGunzip()) : file
  // pipe() does not pass errors on.
  if (source !== file) file.on('error', (error) => source.destroy(error))
  let failure: Error | undefined
  const iterator = (source as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
  const next = async (): Promise<Buffer | undefined> => {
    try {
      const result = await iterator.next()
      return result.done ? undefined : result.value
    } catch (error) {
      failure = error as Error
      return undefined
    }
  }
  const heads: Buffer[] = []
  let length = 0
  while (length < headBytes) {
    const bytes = await next()
    if (bytes === undefined) break
    heads.push(bytes)
    length += bytes.length
    if (bytes.includes(10) && length >= 4_096) break
  }
  return {
    head: Buffer.concat(heads),
    fileBytesDone: () => file.bytesRead,
    failure: () => failure,
    async *chunks() {
      yield* heads
      for (let bytes = await next(); bytes !== undefined; bytes = await next()) yield bytes
    },
    close() {
      file.destroy()
      source.destroy()
    },
  }
}

async function readMagic(path: string): Promise<Buffer> {
  try {
    const file = await open(path)
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(8), 0, 8, 0)
      return buffer.subarray(0, bytesRead)
    } finally {
      await file.close()
    }
  } catch (cause) {
    throw new CodedError('NOT_FOUND', `${path} cannot be read: ${(cause as Error).message}`, { path }, { cause })
  }
}

function damaged(path: string, offset: number, reason: string, cause?: Error): CodedError {
  const message = `${basename(path)} is damaged at byte ${offset} of its content: ${reason}`
  return new CodedError('IMPORT_DAMAGED', message, { path, offset }, { cause })
}

const lineFeed = 10

class LineCutter {
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

class JsonCutter {
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
