import { createHash, type Hash, hash } from 'node:crypto'
import type { Fields } from '../../event/event.ts'
import type { Emit } from '../record.ts'
import type { FileFacts, FileOrigin, FileSink } from './conversation.ts'
import { mimeTypeOf } from './mime-type.ts'
import type { Talk } from './talk.ts'

/** First bytes that are kept to tell the type of a file; one that is not longer is hashed in one go, which is quicker. */
const headBytes = 16_384
const algorithms = ['md5', 'sha1', 'sha256'] as const

/** Files that travel in conversations: hashed and typed as they pass, told as records of the data set `file`. */
export class Files {
  private readonly emit: Emit

  constructor(emit: Emit) {
    this.emit = emit
  }

  open(talk: Talk, about: FileOrigin): FileSink {
    return new HashedFile(about, (timeUs, facts) => {
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
  private readonly tell: (timeUs: number, facts: FileFacts) => void

  constructor(about: FileOrigin, tell: (timeUs: number, facts: FileFacts) => void) {
    this.about = about
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
    if (this.bytes + this.missingBytes > 0) this.tell(timeUs, facts)
    return facts
  }
}
