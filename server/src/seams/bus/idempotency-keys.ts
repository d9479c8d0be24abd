import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Files } from './files.ts'

/** A publication that was appended under an idempotency key. */
export interface KnownKey {
  digest: string
  first: number
  last: number
  writtenAtMs: number
}

const entryBytes = 48
const extension = '.keys'

/**
 * Remembers which idempotency keys were appended. The keys of a segment stand in the segment itself; when it is closed
 * they are also written beside it (`<first offset>.keys`), so that they outlive the segment and a restart need not read
 * it. Bounded by age and number: the oldest are forgotten first.
 */
export class IdempotencyKeys {
  readonly #files: Files
  readonly #directory: string
  readonly #limit: number
  readonly #maximumAgeMs: number
  /** Insertion order is append order, so the first entry is the oldest. */
  readonly #known = new Map<string, KnownKey>()

  constructor(files: Files, directory: string, limit: number, maximumAgeMs: number) {
    this.#files = files
    this.#directory = directory
    this.#limit = limit
    this.#maximumAgeMs = maximumAgeMs
  }

  find(digest: string): KnownKey | undefined {
    return this.#known.get(digest)
  }

  remember(key: KnownKey): void {
    this.#known.set(key.digest, key)
    while (this.#known.size > this.#limit) this.#known.delete(this.#known.keys().next().value!)
  }

  /** Loads what was written beside closed segments; returns the first offsets of the segments it covers. */
  async load(nowMs: number): Promise<Set<number>> {
    const covered = new Set<number>()
    const names = (await this.#files.list(this.#directory)).filter((name) => name.endsWith(extension)).sort()
    for (const name of names) {
      const file = await this.#files.open(join(this.#directory, name), 'read')
      try {
        const bytes = Buffer.alloc(await file.size())
        await file.read(bytes, 0)
        const keys = decode(bytes)
        if (keys === undefined) continue
        covered.add(Number(name.slice(0, -extension.length)))
        for (const key of keys) if (key.writtenAtMs > nowMs - this.#maximumAgeMs) this.remember(key)
      } finally {
        await file.close()
      }
    }
    return covered
  }

  /** Writes the keys of a closed segment beside it, and removes the files of which every key is too old or too many. */
  async save(segmentName: string, firstOffset: number, lastOffset: number, nowMs: number): Promise<void> {
    for (const [digest, key] of this.#known) {
      if (key.writtenAtMs > nowMs - this.#maximumAgeMs) break
      this.#known.delete(digest)
    }
    const keys = [...this.#known.values()].filter((key) => key.first >= firstOffset && key.last <= lastOffset)
    const draft = join(this.#directory, `${segmentName}${extension}.new`)
    const file = await this.#files.open(draft, 'write')
    try {
      await file.truncate(0)
      await file.write(encode(keys), 0)
      await file.sync()
    } finally {
      await file.close()
    }
    await this.#files.rename(draft, join(this.#directory, `${segmentName}${extension}`))
    await this.#files.syncDirectory(this.#directory)
    const oldest = this.#known.values().next().value?.first ?? firstOffset
    await this.#removeBefore(oldest)
  }

  /** A file may go when the next one begins at or before the oldest key that is still remembered. */
  async #removeBefore(oldestOffset: number): Promise<void> {
    const names = (await this.#files.list(this.#directory)).filter((name) => name.endsWith(extension)).sort()
    for (const [index, name] of names.entries()) {
      const next = names[index + 1]
      if (next === undefined || Number(next.slice(0, -extension.length)) > oldestOffset) return
      await this.#files.remove(join(this.#directory, name))
    }
  }
}

function encode(keys: readonly KnownKey[]): Buffer {
  const bytes = Buffer.alloc(8 + keys.length * entryBytes)
  bytes.writeUInt32LE(keys.length, 4)
  for (const [index, key] of keys.entries()) {
    const start = 8 + index * entryBytes
    bytes.write(key.digest, start, 'latin1')
    bytes.writeDoubleLE(key.first, start + 16)
    bytes.writeDoubleLE(key.last, start + 24)
    bytes.writeDoubleLE(key.writtenAtMs, start + 32)
  }
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0)
  return bytes
}

function decode(bytes: Buffer): KnownKey[] | undefined {
  if (bytes.length < 8 || bytes.readUInt32LE(0) !== crc32(bytes.subarray(4))) return undefined
  return Array.from({ length: bytes.readUInt32LE(4) }, (_, index) => {
    const start = 8 + index * entryBytes
    return {
      digest: bytes.toString('latin1', start, start + 16),
      first: bytes.readDoubleLE(start + 16),
      last: bytes.readDoubleLE(start + 24),
      writtenAtMs: bytes.readDoubleLE(start + 32),
    }
  })
}
