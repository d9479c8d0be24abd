import { createHash, createPublicKey, sign, verify } from 'node:crypto'
import {
  closeSync,
  createReadStream,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { canonicalJson } from '../../lib/canonical-json.ts'
import type { SigningKey } from './signing-key.ts'

const headSchema = z.strictObject({
  /** The last row of the chain at `at`, and its hash. */
  sequence: z.number().int().nonnegative(),
  hash: z.string(),
  at: z.string(),
  keyId: z.string(),
  /** SHA-256 of the line before, so that a line taken out of the middle is missed. */
  previous: z.string(),
  signature: z.string(),
})

export type SignedHead = z.infer<typeof headSchema>

export const headFilePath = (dataDir: string) => join(dataDir, 'audit-heads.ndjson')

/** Longest line we write; the last one is looked for in this much of the file's end. */
const lineLengthMax = 1_024

const firstPrevious = '0'.repeat(64)

/** The Ed25519 signature binds everything else on the line. */
export function signedHead(
  key: SigningKey,
  facts: Pick<SignedHead, 'sequence' | 'hash' | 'at' | 'previous'>,
): SignedHead {
  const body = { ...facts, keyId: key.id }
  return { ...body, signature: sign(null, Buffer.from(canonicalJson(body)), key.privateKey).toString('base64') }
}

/** Whether the head was signed by the key whose public half (base64 SPKI) is given. */
export function isSignedBy(publicKey: string, { signature, ...body }: SignedHead): boolean {
  const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' })
  return verify(null, Buffer.from(canonicalJson(body)), key, Buffer.from(signature, 'base64'))
}

/**
 * Appends a head and makes it durable. What a crash left of a half-written line is cut off first; when writing fails (disk
 * full) nothing of the line stays. `make` is given the last whole head and the digest of its line.
 */
export function appendHead(
  dataDir: string,
  make: (last: SignedHead | undefined, previous: string) => SignedHead | undefined,
): SignedHead | undefined {
  const file = openSync(headFilePath(dataDir), existsSync(headFilePath(dataDir)) ? 'r+' : 'wx+', 0o600)
  try {
    const { last, wholeLength } = readLast(file)
    const head = make(
      last === undefined ? undefined : parseHead(last),
      last === undefined ? firstPrevious : lineDigest(last),
    )
    if (head === undefined) return undefined
    const line = Buffer.from(`${JSON.stringify(head)}\n`)
    try {
      ftruncateSync(file, wholeLength)
      for (let written = 0; written < line.length; ) {
        written += writeSync(file, line, written, line.length - written, wholeLength + written)
      }
      fsyncSync(file)
    } catch (error) {
      ftruncateSync(file, wholeLength)
      throw error
    }
    return head
  } finally {
    closeSync(file)
  }
}

function readLast(file: number): { last: string | undefined; wholeLength: number } {
  const { size } = fstatSync(file)
  const start = Math.max(0, size - 2 * lineLengthMax)
  const tail = Buffer.alloc(size - start)
  readSync(file, tail, 0, tail.length, start)
  const end = tail.lastIndexOf(0x0a)
  if (end < 0) return { last: undefined, wholeLength: 0 }
  const begin = tail.subarray(0, end).lastIndexOf(0x0a) + 1
  return { last: tail.toString('utf8', begin, end), wholeLength: start + end + 1 }
}

export interface ReadHead {
  /** Undefined when the line is not a head at all. */
  head: SignedHead | undefined
  /** Whether it names the line before it. */
  linked: boolean
}

/** Bytes of the file now; heads read up to there are of rows committed by now. */
export function headFileLength(dataDir: string): number {
  return existsSync(headFilePath(dataDir)) ? statSync(headFilePath(dataDir)).size : 0
}

/** The heads in the first `length` bytes, oldest first; a last line without its end is left out. */
export async function* readHeads(dataDir: string, length: number): AsyncGenerator<ReadHead> {
  if (length === 0) return
  const input = createReadStream(headFilePath(dataDir), { end: length - 1 })
  let previous = firstPrevious
  let bytesRead = 0
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    bytesRead += Buffer.byteLength(line) + 1
    if (bytesRead > length) return
    const head = parseHead(line)
    yield { head, linked: head?.previous === previous }
    previous = lineDigest(line)
  }
}

function parseHead(line: string): SignedHead | undefined {
  try {
    return headSchema.parse(JSON.parse(line))
  } catch {
    return undefined
  }
}

function lineDigest(line: string): string {
  return createHash('sha256').update(line).digest('hex')
}
