import { createHash, type Hash, hash } from 'node:crypto'
import type { Fields } from '../../event/event.ts'
import type { Emit, Endpoints } from '../record.ts'
import type { FileFacts, FileOrigin, FileSink } from './conversation.ts'
import { mimeTypeOf } from './mime-type.ts'
import type { Talk } from './talk.ts'

/** A whole file as it travelled. */
export interface CarvedFile {
  /** A view that is valid during the call only. */
  content: Buffer
  /** Of the conversation it travelled in. */
  endpoints: Endpoints
  timeUs: number
  protocol: string
  sha256: string
  name?: string
  mimeType?: string
}

/** Looks into a whole file; answers what its record tells beyond size, type and hashes. */
export type InspectFile = (file: CarvedFile) => Fields

export interface FileCounters {
  inspected: number
  /** Whole files that were not looked into: too large by themselves, or too many at once. */
  uninspected: number
}

/** First bytes that are kept to tell the type of a file; one that is not longer is hashed in one go, which is quicker. */
const headBytes = 16_384
/** Files are looked into up to this size, and held up to this many bytes in all while they travel. */
const inspectLimitBytes = 16 * 1_048_576
const heldLimitBytes = 256 * 1_048_576
const algorithms = ['md5', 'sha1', 'sha256'] as const

/** Files that travel in conversations: hashed and typed as they pass, told as records of the data set `file`. */
export class Files {
  readonly counters: FileCounters = { inspected: 0, uninspected: 0 }
  private readonly emit: Emit
  private readonly inspect: InspectFile | undefined
  private readonly room = { heldBytes: 0 }

  constructor(emit: Emit, inspect?: InspectFile) {
    this.emit = emit
    this.inspect = inspect
  }

  open(talk: Talk, about: FileOrigin): FileSink {
    return new HashedFile(about, this.inspect === undefined ? undefined : this.room, (timeUs, facts, content) => {
      const fields: Fields = {
        'network.protocol': talk.protocol,
        'traffic.file.protocol': about.protocol,
        'traffic.file.direction': about.side === 0 ? 'upload' : 'download',
        'file.size': facts.bytes,
        ...about.fields,
      }
      if (facts.name !== undefined) {
        fields['file.path'] = facts.name
        fields['file.name'] = facts.name.slice(Math.max(facts.name.lastIndexOf('/'), facts.name.lastIndexOf('\\')) + 1)
      }
      if (facts.mimeType !== undefined) fields['file.mime_type'] = facts.mimeType
      if (about.claimedType !== undefined) fields['traffic.file.claimed_type'] = about.claimedType
      if (facts.missingBytes > 0) fields['zeek.missing_bytes'] = facts.missingBytes
      if (facts.md5 !== undefined) fields['file.hash.md5'] = facts.md5
      if (facts.sha1 !== undefined) fields['file.hash.sha1'] = facts.sha1
      if (facts.sha256 !== undefined) fields['file.hash.sha256'] = facts.sha256
      if (this.inspect && facts.sha256 !== undefined) {
        if (content === undefined) this.counters.uninspected++
        else {
          this.counters.inspected++
          Object.assign(
            fields,
            this.inspect({
              ...{ content, timeUs, endpoints: talk.endpoints, protocol: about.protocol, sha256: facts.sha256 },
              ...(facts.name === undefined ? {} : { name: facts.name }),
              ...(facts.mimeType === undefined ? {} : { mimeType: facts.mimeType }),
            }),
          )
        }
      }
      this.emit({ dataset: 'file', timeUs, endpoints: talk.endpoints, fields })
    })
  }
}

class HashedFile implements FileSink {
  /** Undefined while the file fits its head. */
  private hashes: Hash[] | undefined
  private head: Buffer = Buffer.alloc(0)
  private headLength = 0
  private bytes = 0
  private missingBytes = 0
  private readonly about: FileOrigin
  /** The rest behind the head, while the file is to be looked into and there is room. */
  private rest: Buffer[] | undefined
  private restBytes = 0
  private readonly room: { heldBytes: number } | undefined
  private readonly tell: (timeUs: number, facts: FileFacts, content: Buffer | undefined) => void

  constructor(
    about: FileOrigin,
    room: { heldBytes: number } | undefined,
    tell: (timeUs: number, facts: FileFacts, content: Buffer | undefined) => void,
  ) {
    this.about = about
    this.room = room
    this.rest = room === undefined ? undefined : []
    this.tell = tell
  }

  data(bytes: Uint8Array, start: number, end: number): void {
    if (end <= start) return
    this.bytes += end - start
    const forHead = Math.min(end - start, headBytes - this.headLength)
    if (forHead > 0) this.keep(bytes, start, start + forHead)
    if (forHead === end - start || this.missingBytes > 0) return
    if (!this.hashes) {
      this.hashes = algorithms.map((name) => createHash(name))
      for (const each of this.hashes) each.update(this.head.subarray(0, this.headLength))
    }
    const piece = bytes.subarray(start + Math.max(0, forHead), end)
    for (const each of this.hashes) each.update(piece)
    this.keepRest(piece)
  }

  private keepRest(piece: Uint8Array): void {
    const { room, rest } = this
    if (!room || !rest) return
    const isTooMuch = this.bytes > inspectLimitBytes || room.heldBytes + piece.length > heldLimitBytes
    if (isTooMuch) {
      this.letGo()
      return
    }
    rest.push(Buffer.from(piece))
    this.restBytes += piece.length
    room.heldBytes += piece.length
  }

  private letGo(): void {
    if (this.room) this.room.heldBytes -= this.restBytes
    this.restBytes = 0
    this.rest = undefined
  }

  private keep(bytes: Uint8Array, start: number, end: number): void {
    const length = this.headLength + end - start
    if (length > this.head.length) {
      const grown = Buffer.allocUnsafe(Math.min(headBytes, Math.max(2_048, 2 * this.head.length, length)))
      this.head.copy(grown, 0, 0, this.headLength)
      this.head = grown
    }
    this.head.set(bytes.subarray(start, end), this.headLength)
    this.headLength = length
  }

  gap(length: number): void {
    this.missingBytes += length
    // A file with a hole is not looked into.
    this.letGo()
  }

  end(timeUs: number): FileFacts {
    const facts: FileFacts = { bytes: this.bytes, missingBytes: this.missingBytes }
    if (this.about.name !== undefined) facts.name = this.about.name
    const head = this.head.subarray(0, this.headLength)
    const mimeType = mimeTypeOf(head)
    if (mimeType !== undefined) facts.mimeType = mimeType
    // A hash over a file with a hole would be no hash of it.
    if (this.missingBytes === 0 && this.bytes > 0) {
      const [md5, sha1, sha256] = this.hashes
        ? this.hashes.map((each) => each.digest('hex'))
        : algorithms.map((name) => hash(name, head, 'hex'))
      Object.assign(facts, { md5, sha1, sha256 })
    }
    const content = this.rest && (this.rest.length === 0 ? head : Buffer.concat([head, ...this.rest]))
    if (this.bytes + this.missingBytes > 0) this.tell(timeUs, facts, content)
    this.letGo()
    return facts
  }
}
