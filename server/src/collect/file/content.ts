import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { Readable, type Transform } from 'node:stream'
import { TextDecoder } from 'node:util'
import { createGunzip } from 'node:zlib'
import { CodedError } from '../../event/errors.ts'
import { openZipMember } from '../../lib/zip.ts'
import { isGzip } from './format.ts'
import { type FileInput, inputName, standardInput } from './input.ts'

/** Long first lines (a Windows event in one line) must fit, so that the format is told from a whole line. */
const headBytes = 1 << 20
const readBytes = 1 << 18
/** Beyond this many bytes, content that is more than `ratioLimit` times its compressed form is a bomb and no log. */
const ratioFreeBytes = 64 * 2 ** 20
const ratioLimit = 400

export interface ContentStream {
  /** First bytes of the uncompressed content. */
  head: Buffer
  chunks(): AsyncIterable<Buffer>
  fileBytesDone(): number
  /** Why the content ended early, once it has. */
  failure(): Error | undefined
  close(): void
}

/** Opens the content of a file, uncompressed and in UTF-8. Throws NOT_FOUND and IMPORT_DAMAGED. */
export async function openContent(input: FileInput): Promise<ContentStream> {
  const { packed, readSoFar, isInnerGzip, close } = await openPacked(input)
  let unpacked = 0
  let isUtf16: 'utf-16le' | 'utf-16be' | undefined
  let decoder: TextDecoder | undefined
  let failure: Error | undefined
  const source = isInnerGzip ? through(packed, createGunzip({ chunkSize: readBytes })) : packed
  const isCompressed = isInnerGzip || input.member !== undefined
  const iterator = (source as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
  const next = async (): Promise<Buffer | undefined> => {
    try {
      const result = await iterator.next()
      if (result.done) return undefined
      const bytes = result.value
      if (unpacked === 0) {
        isUtf16 = utf16Of(bytes)
        if (isUtf16) decoder = new TextDecoder(isUtf16)
      }
      unpacked += bytes.length
      if (isCompressed && unpacked > ratioFreeBytes && unpacked > ratioLimit * Math.max(1, readSoFar())) {
        throw new CodedError('TOO_LARGE', `${inputName(input)} unpacks to more than ${ratioLimit} times its size`)
      }
      return decoder ? Buffer.from(decoder.decode(bytes, { stream: true })) : bytes
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
    fileBytesDone: readSoFar,
    failure: () => failure,
    async *chunks() {
      yield* heads.splice(0)
      for (let bytes = await next(); bytes !== undefined; bytes = await next()) yield bytes
    },
    close() {
      close()
      source.destroy()
    },
  }
}

function utf16Of(bytes: Buffer): 'utf-16le' | 'utf-16be' | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le'
  return bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : undefined
}

interface Packed {
  packed: Readable
  isInnerGzip: boolean
  readSoFar(): number
  close(): void
}

async function openPacked(input: FileInput): Promise<Packed> {
  if (input.member === undefined && input.path !== standardInput) {
    const isInnerGzip = input.part === undefined && isGzip(await readMagic(input.path))
    const range = input.part && { start: input.part.from, end: input.part.to - 1 }
    const file = createReadStream(input.path, { highWaterMark: readBytes, ...range })
    return { packed: file, isInnerGzip, readSoFar: () => file.bytesRead, close: () => file.destroy() }
  }
  const member = input.member === undefined ? undefined : await openMember(input, input.member)
  const stream = member?.stream ?? process.stdin
  let read = 0
  const iterator = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
  const first = await iterator.next().catch((cause: unknown) => {
    throw unreadable(input, cause)
  })
  const firstBytes = first.done ? Buffer.alloc(0) : first.value
  read = firstBytes.length
  const packed = Readable.from(
    (async function* () {
      yield firstBytes
      for (let result = await iterator.next(); !result.done; result = await iterator.next()) {
        read += result.value.length
        yield result.value
      }
    })(),
    { objectMode: false, highWaterMark: readBytes },
  )
  return {
    packed,
    isInnerGzip: isGzip(firstBytes),
    // The part of the archive's bytes that the bytes so far stand for.
    readSoFar: () => (member ? Math.min(1, read / Math.max(1, member.bytes)) * member.compressedBytes : read),
    close: () => {
      packed.destroy()
      member?.close()
    },
  }
}

async function openMember(input: FileInput, name: string) {
  try {
    const member = await openZipMember(input.path, name)
    if (member) return member
  } catch (cause) {
    throw unreadable(input, cause)
  }
  throw new CodedError('NOT_FOUND', `${input.path} has no member ${name}`, { path: inputName(input) })
}

function unreadable(input: FileInput, cause: unknown): CodedError {
  const message = `${inputName(input)} cannot be read: ${(cause as Error).message}`
  return new CodedError('IMPORT_DAMAGED', message, { path: inputName(input) }, { cause })
}

/** pipe() does not pass errors on. */
function through(from: Readable, to: Transform): Readable {
  from.on('error', (error) => to.destroy(error))
  return from.pipe(to)
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
