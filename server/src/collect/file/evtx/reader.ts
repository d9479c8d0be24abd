import { BinXmlReader } from './binxml.ts'
import { Damaged } from './damaged.ts'
import { type EventJson, EventJsonBuilder } from './event-json.ts'

/** What was read of a Windows event log and what was wrong with it. */
export interface EvtxCounters {
  chunks: number
  records: number
  /** Records of those found by their signature only: in a damaged chunk, or in the space no longer used. */
  carved: number
  /** Records of those that follow the last one the chunk's header knows: the log was not closed. */
  beyondHeader: number
  /** Records whose content could not be read. */
  damagedRecords: number
  /** Chunks with a wrong signature or checksum; their records are read as far as they are whole. */
  damagedChunks: number
  /** Bytes at the end that fill no chunk. */
  trailingBytes: number
}

export interface EvtxRecord {
  recordId: bigint
  json: EventJson
  /** Where the record ends in its chunk. */
  end: number
}

export const evtxHeaderBytes = 4_096
export const evtxChunkBytes = 65_536
const chunkHeaderBytes = 512
const recordHeaderBytes = 24
const smallestRecordBytes = recordHeaderBytes + 4
const signature = Buffer.from('ElfChnk\0', 'latin1')
const recordSignature = Buffer.from([0x2a, 0x2a, 0, 0])

export function newEvtxCounters(): EvtxCounters {
  return { chunks: 0, records: 0, carved: 0, beyondHeader: 0, damagedRecords: 0, damagedChunks: 0, trailingBytes: 0 }
}

/**
 * The records of one chunk of 64 KiB, in the order they stand in it. The header's counts are not trusted: a log that was
 * not closed has more records than they say, numbered on without a gap. Damage costs the record it stands in, and is
 * counted. With `recover`, whole records in the unused rest of the chunk are handed on too: what was deleted, or left out
 * when the log was exported.
 */
export function* readEvtxChunk(chunk: Buffer, counters: EvtxCounters, recover = false): Generator<EvtxRecord> {
  if (isUnused(chunk)) return
  counters.chunks++
  const isWhole = chunk.length >= chunkHeaderBytes && chunk.subarray(0, 8).equals(signature) && hasHeaderSum(chunk)
  if (!isWhole || !hasDataSum(chunk)) counters.damagedChunks++
  const dataEnd = isWhole ? Math.min(chunk.length, chunk.readUInt32LE(48)) : chunk.length
  const reader = new BinXmlReader(chunk)
  const builder = new EventJsonBuilder(chunk, reader)
  const seen = new Set<bigint>()
  let inChain = isWhole
  let lastId = -1n
  for (let at = chunkHeaderBytes; at + smallestRecordBytes <= chunk.length; ) {
    const size = recordBytesAt(chunk, at)
    const recordId = size === 0 ? 0n : chunk.readBigUInt64LE(at + 8)
    if (at >= dataEnd && recordId !== lastId + 1n) {
      if (!recover) return
      inChain = false
    }
    if (size === 0) {
      if (inChain) counters.damagedRecords++
      inChain = false
      at = chunk.indexOf(recordSignature, at + 1)
      if (at < 0) return
      continue
    }
    const json = inChain || !seen.has(recordId) ? tryRead(reader, builder, at, size) : undefined
    if (json) {
      counters.records++
      if (!inChain) counters.carved++
      else if (at >= dataEnd) counters.beyondHeader++
      yield { recordId, json, end: at + size }
    } else if (at < dataEnd) counters.damagedRecords++
    seen.add(recordId)
    lastId = recordId
    at += size
  }
}

function tryRead(reader: BinXmlReader, builder: EventJsonBuilder, at: number, size: number): EventJson | undefined {
  try {
    return builder.event(reader.fragment(at + recordHeaderBytes, at + size - 4))
  } catch (error) {
    // Reading beyond the chunk is a RangeError of Buffer.
    if (error instanceof Damaged || error instanceof RangeError) return undefined
    throw error
  }
}

/** Bytes of the record at an offset; 0 when none begins there. Its size stands at both ends. */
function recordBytesAt(chunk: Buffer, at: number): number {
  if (chunk.readUInt32LE(at) !== 0x2a2a) return 0
  const size = chunk.readUInt32LE(at + 4)
  if (size < smallestRecordBytes || at + size > chunk.length) return 0
  return chunk.readUInt32LE(at + size - 4) === size ? size : 0
}

/** Logs are laid out ahead: chunks that were never written are zeros. */
function isUnused(chunk: Buffer): boolean {
  return chunk.length === 0 || (chunk[0] === 0 && chunk.equals(Buffer.alloc(chunk.length)))
}

function hasHeaderSum(chunk: Buffer): boolean {
  return crc32(chunk, 128, 512, crc32(chunk, 0, 120)) === chunk.readUInt32LE(124)
}

function hasDataSum(chunk: Buffer): boolean {
  const end = chunk.readUInt32LE(48)
  return end >= chunkHeaderBytes && end <= chunk.length && crc32(chunk, 512, end) === chunk.readUInt32LE(52)
}

const crcTable = new Int32Array(256)
for (let index = 0; index < 256; index++) {
  let value = index
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  crcTable[index] = value
}

/** CRC-32 of ISO 3309, as an unsigned number; `before` continues an earlier one. node:zlib has none before Node 20.15. */
export function crc32(bytes: Buffer, start: number, end: number, before = 0): number {
  let sum = ~before
  for (let at = start; at < end; at++) sum = (sum >>> 8) ^ crcTable[(sum ^ bytes[at]!) & 255]!
  return ~sum >>> 0
}
