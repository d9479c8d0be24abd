import { crc32, evtxChunkBytes } from './reader.ts'

export interface SampleEvent {
  id: number
  eventId: number
  time: string
  data: { User?: string; Path?: string }
  /** Its data is the record itself, again and again. */
  nests?: boolean
}

const xmlns = 'http://schemas.microsoft.com/win/2004/08/events/event'

/** Writes a chunk of a Windows event log: one template, written with the first record and used by all. */
export function chunkOf(events: readonly SampleEvent[], options: { headerKnows?: number } = {}): Buffer {
  const chunk = Buffer.alloc(evtxChunkBytes)
  const writer = new Writer(chunk, 512)
  const known = options.headerKnows ?? events.length
  let templateAt = 0
  let knownEnd = 512
  for (const [index, event] of events.entries()) {
    const start = writer.at
    writer.u32(0x2a2a).u32(0).u64(BigInt(event.id)).u64(fileTimeOf(event.time))
    const fragmentAt = writer.at
    writer.fragment().u8(0x0c).u8(1).u32(0x1234)
    if (index === 0) {
      templateAt = writer.at + 4
      writer.u32(templateAt)
      writeTemplate(writer)
    } else writer.u32(templateAt)
    writeValues(writer, event, fragmentAt)
    writer.u8(0)
    const size = writer.at + 4 - start
    writer.u32(size)
    chunk.writeUInt32LE(size, start + 4)
    if (index < known) knownEnd = writer.at
  }
  writeHeader(chunk, events, known, knownEnd)
  return chunk
}

function writeTemplate(writer: Writer): void {
  writer.u32(0).u32(0x1234).u32(0).u32(0).u32(0)
  const sizeAt = writer.at
  writer.u32(0).fragment()
  writer.open('Event', true).attribute('xmlns').text(xmlns).u8(2)
  writer.open('System', false).u8(2)
  writer.open('EventID', false).u8(2).substitution(0, 0x06).u8(4)
  writer.open('TimeCreated', true).attribute('SystemTime').substitution(1, 0x11).u8(3)
  writer.open('EventRecordID', false).u8(2).substitution(2, 0x0a).u8(4)
  writer.open('Security', true).attribute('UserID').substitution(3, 0x13).u8(3)
  writer.u8(4)
  writer.open('EventData', false).u8(2)
  writer.open('Data', true).attribute('Name').text('User').u8(2).substitution(4, 0x01).u8(4)
  writer.open('Data', true).attribute('Name').text('Path').u8(2).substitution(5, 0x01).u8(4)
  writer.substitution(6, 0x21).substitution(6, 0x21)
  writer.u8(4).u8(4).u8(0)
  writer.chunk.writeUInt32LE(writer.at - sizeAt - 4, sizeAt)
}

function writeValues(writer: Writer, event: SampleEvent, fragmentAt: number): void {
  const text = (value: string | undefined): [number, Buffer] =>
    value === undefined ? [0, Buffer.alloc(0)] : [0x01, Buffer.from(value, 'utf16le')]
  const eventId = Buffer.alloc(2)
  eventId.writeUInt16LE(event.eventId)
  const time = Buffer.alloc(8)
  time.writeBigUInt64LE(fileTimeOf(event.time))
  const recordId = Buffer.alloc(8)
  recordId.writeBigUInt64LE(BigInt(event.id))
  const values: [number, Buffer][] = [
    [0x06, eventId],
    [0x11, time],
    [0x0a, recordId],
    [0, Buffer.alloc(0)],
    text(event.data.User),
    text(event.data.Path),
  ]
  // A fragment with an instance of the template whose values are of the same kind, as deep as one likes.
  if (event.nests) values.push([0x21, nested(writer.chunk.readUInt32LE(fragmentAt + 10), 12)])
  writer.u32(values.length)
  for (const [type, bytes] of values) writer.u16(bytes.length).u8(type).u8(0)
  for (const [, bytes] of values) writer.bytes(bytes)
}

function nested(templateAt: number, depth: number): Buffer {
  const inner = depth === 0 ? Buffer.alloc(0) : nested(templateAt, depth - 1)
  const head = Buffer.alloc(4 + 10 + 4 + 7 * 4)
  const writer = new Writer(head, 0)
  writer.fragment().u8(0x0c).u8(1).u32(0x1234).u32(templateAt).u32(7)
  for (let index = 0; index < 6; index++) writer.u32(0)
  writer.u16(inner.length).u8(0x21).u8(0)
  return Buffer.concat([head, inner, Buffer.from([0])])
}

function writeHeader(chunk: Buffer, events: readonly SampleEvent[], known: number, end: number): void {
  chunk.write('ElfChnk\0', 0, 'latin1')
  chunk.writeBigUInt64LE(1n, 8)
  chunk.writeBigUInt64LE(BigInt(known), 16)
  chunk.writeBigUInt64LE(BigInt(events[0]!.id), 24)
  chunk.writeBigUInt64LE(BigInt(events[known - 1]!.id), 32)
  chunk.writeUInt32LE(128, 40)
  chunk.writeUInt32LE(end, 48)
  chunk.writeUInt32LE(crc32(chunk, 512, end), 52)
  chunk.writeUInt32LE(crc32(chunk, 128, 512, crc32(chunk, 0, 120)), 124)
}

function fileTimeOf(time: string): bigint {
  return (BigInt(Date.parse(time)) + 11_644_473_600_000n) * 10_000n
}

class Writer {
  readonly chunk: Buffer
  at: number
  private readonly names = new Map<string, number>()

  constructor(chunk: Buffer, at: number) {
    this.chunk = chunk
    this.at = at
  }

  u8(value: number): this {
    this.at = this.chunk.writeUInt8(value, this.at)
    return this
  }

  u16(value: number): this {
    this.at = this.chunk.writeUInt16LE(value, this.at)
    return this
  }

  u32(value: number): this {
    this.at = this.chunk.writeUInt32LE(value, this.at)
    return this
  }

  u64(value: bigint): this {
    this.at = this.chunk.writeBigUInt64LE(value, this.at)
    return this
  }

  bytes(value: Buffer): this {
    this.at += value.copy(this.chunk, this.at)
    return this
  }

  fragment(): this {
    return this.u8(0x0f).u8(1).u8(1).u8(0)
  }

  open(name: string, hasAttributes: boolean): this {
    this.u8(hasAttributes ? 0x41 : 0x01)
      .u16(0xffff)
      .u32(0)
      .name(name)
    return hasAttributes ? this.u32(0) : this
  }

  attribute(name: string): this {
    return this.u8(0x06).name(name)
  }

  text(value: string): this {
    return this.u8(0x05).u8(0x01).u16(value.length).bytes(Buffer.from(value, 'utf16le'))
  }

  substitution(index: number, type: number): this {
    return this.u8(0x0e).u16(index).u8(type)
  }

  private name(name: string): this {
    const known = this.names.get(name)
    if (known !== undefined) return this.u32(known)
    const at = this.at + 4
    this.names.set(name, at)
    return this.u32(at)
      .u32(0)
      .u16(0)
      .u16(name.length)
      .bytes(Buffer.from(`${name}\0`, 'utf16le'))
  }
}
