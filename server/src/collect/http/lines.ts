import { CodedError } from '../../event/errors.ts'
import type { RawRecord } from '../../event/raw-record.ts'
import { JsonSplitter } from '../../lib/json-splitter.ts'
import { splitLines } from '../../lib/lines.ts'
import { ingestLimits } from './limits.ts'

/** Media type of RFC 7464, and the byte each of its texts begins with. */
export const jsonSequenceType = 'application/json-seq'
export const recordSeparator = 0x1e

/** Facts about a request that every record of it shares. */
export interface RequestFacts {
  /** Name of the token that sent it. */
  sender: string
  /** Last part of the URL, or the `_index` of an item. */
  source: string
  receivedAtMs: number
}

/**
 * Cuts the body of `POST /api/v1/ingest/{source}` into records. `application/json` is one array, one object or
 * several objects; `application/json-seq` (RFC 7464) are texts that each begin with a record separator (0x1E), for records
 * that hold line breaks; everything else (`application/x-ndjson`, `text/plain`) is one record a line, empty lines left out.
 * The bytes of each record stay as they came; what is inside is the parsers' matter.
 * Throws BAD_REQUEST when JSON ends early, TOO_LARGE when a record or their number is above its bound.
 */
export function ingestLines(body: Buffer, contentType: string | undefined, facts: RequestFacts): RawRecord[] {
  checkName(facts.source)
  const bodies = splitBody(body, mediaType(contentType))
  checkBounds(bodies)
  return bodies.map((bytes) => ({ ...facts, transport: 'http', body: bytes }))
}

/** Throws BAD_REQUEST for a source name that could not be shown, addressed or stored. */
export function checkName(name: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (Buffer.byteLength(name) > ingestLimits.nameBytes || /[\u0000-\u001f\u007f]/.test(name)) {
    const limitBytes = ingestLimits.nameBytes
    throw new CodedError('BAD_REQUEST', `A source name has at most ${limitBytes} bytes and no control characters`, {
      limitBytes,
    })
  }
}

export function checkBounds(bodies: Uint8Array[]): void {
  if (bodies.length > ingestLimits.records) {
    const facts = { records: bodies.length, limit: ingestLimits.records }
    throw new CodedError(
      'TOO_LARGE',
      `${bodies.length} records in one request; the bound is ${ingestLimits.records}`,
      facts,
    )
  }
  const index = bodies.findIndex((bytes) => bytes.length > ingestLimits.recordBytes)
  if (index >= 0) {
    const facts = { index, bytes: bodies[index]!.length, limitBytes: ingestLimits.recordBytes }
    throw new CodedError(
      'TOO_LARGE',
      `Record ${index} has ${facts.bytes} bytes; the bound is ${facts.limitBytes}`,
      facts,
    )
  }
}

function splitBody(body: Buffer, type: string): Buffer[] {
  if (type === 'application/json') return splitJson(body)
  return type === jsonSequenceType ? splitSequence(body) : splitLines(body)
}

/** Texts between record separators, each without the line feed that ends it. */
function splitSequence(body: Buffer): Buffer[] {
  const texts: Buffer[] = []
  for (let start = body.indexOf(recordSeparator); start >= 0; ) {
    const next = body.indexOf(recordSeparator, start + 1)
    let end = next < 0 ? body.length : next
    if (body[end - 1] === 10) end--
    if (end > start + 1) texts.push(body.subarray(start + 1, end))
    start = next
  }
  return texts
}

function mediaType(contentType: string | undefined): string {
  return (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase()
}

function splitJson(body: Buffer): Buffer[] {
  const values: Buffer[] = []
  // The whole body is one chunk, so every piece but a last, incomplete one is a view into it and needs no copy.
  const splitter = new JsonSplitter(Math.max(1, body.length), (bytes) =>
    values.push(bytes[0] === 34 ? stringContent(bytes) : bytes),
  )
  splitter.push(body)
  if (!splitter.end()) {
    const facts = { values: values.length }
    throw new CodedError('BAD_REQUEST', `The JSON body ends inside a value, after ${values.length} values`, facts)
  }
  return values
}

/** An array of strings carries raw lines: the line is meant, not its JSON spelling. */
function stringContent(bytes: Buffer): Buffer {
  try {
    return Buffer.from(JSON.parse(bytes.toString()) as string)
  } catch {
    return bytes
  }
}
