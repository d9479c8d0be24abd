import { createHash, type Hash } from 'node:crypto'
import type { Fields } from '../../event/event.ts'
import type { Emit } from '../record.ts'
import type { FileFacts, FileOrigin, FileSink } from './conversation.ts'
import { mimeTypeOf } from './mime-type.ts'
import type { Talk } from './talk.ts'

/** First bytes that are kept to tell the type of a file. */
const headBytes = 4_096

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
  private readonly hashes: Hash[] = [createHash('md5'), createHash('sha1'), createHash('sha256')]
  private head = Buffer.alloc(0)
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
    const piece = bytes.subarray(start, end)
    if (this.head.length < headBytes)
      this.head = Buffer.concat([this.head, piece.subarray(0, headBytes - this.head.length)])
    this.bytes += piece.length
    if (this.missingBytes === 0) for (const hash of this.hashes) hash.update(piece)
  }

  gap(length: number): void {
    this.missingBytes += length
  }

  end(timeUs: number): FileFacts {
    const facts: FileFacts = { bytes: this.bytes, missingBytes: this.missingBytes }
    if (this.about.name !== undefined) facts.name = this.about.name
    const mimeType = mimeTypeOf(this.head)
    if (mimeType !== undefined) facts.mimeType = mimeType
    // A hash over a file with a hole would be no hash of it.
    if (this.missingBytes === 0 && this.bytes > 0) {
      ;[facts.md5, facts.sha1, facts.sha256] = this.hashes.map((hash) => hash.digest('hex')) as [string, string, string]
    }
    if (this.bytes + this.missingBytes > 0) this.tell(timeUs, facts)
    return facts
  }
}
