import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Files, OpenFile } from './files.ts'

/**
 * The committed offset of one group in one partition, in a file of two slots written in turn: a torn write spoils one
 * slot and leaves the other, and an overwrite needs no free space, so that a full disk can still be drained.
 */
export class CommittedOffset {
  readonly #files: Files
  readonly #directory: string
  readonly #name: string
  #file: OpenFile | undefined
  #sequence = 0
  #committed = -1
  #wanted = -1
  #writing: Promise<void> | undefined

  constructor(files: Files, directory: string, name: string) {
    this.#files = files
    this.#directory = directory
    this.#name = name
  }

  get committed(): number {
    return this.#committed
  }

  /** Reads the file, making it when there is none. Must be called once, first. */
  async open(): Promise<void> {
    const isNew = !(await this.#files.list(this.#directory)).includes(this.#name)
    if (isNew) await this.#files.makeDirectory(this.#directory)
    this.#file = await this.#files.open(join(this.#directory, this.#name), 'write')
    const latest = readSlots(await readAll(this.#file))
    if (latest !== undefined) {
      this.#sequence = latest.sequence
      this.#committed = latest.offset
      this.#wanted = latest.offset
    } else {
      await this.#file.write(Buffer.alloc(2 * slotBytes), 0)
      await this.#file.sync()
      await this.#files.syncDirectory(this.#directory)
    }
  }

  /** Resolves when `offset` (or a later one) is durable. A smaller offset than the committed one changes nothing. */
  async commit(offset: number): Promise<void> {
    if (offset > this.#wanted) this.#wanted = offset
    while (this.#committed < offset) {
      this.#writing ??= this.#write().finally(() => {
        this.#writing = undefined
      })
      await this.#writing
    }
  }

  async #write(): Promise<void> {
    const offset = this.#wanted
    const sequence = this.#sequence + 1
    const slot = Buffer.alloc(slotBytes)
    slot.writeUInt32LE(slotMagic, 0)
    slot.writeDoubleLE(sequence, 8)
    slot.writeDoubleLE(offset, 16)
    slot.writeUInt32LE(crc32(slot.subarray(8)), 4)
    await this.#file!.write(slot, (sequence % 2) * slotBytes)
    await this.#file!.sync()
    this.#sequence = sequence
    this.#committed = offset
  }

  async close(): Promise<void> {
    await this.#writing
    await this.#file?.close()
    this.#file = undefined
  }
}

/** One sector each, so that one torn write cannot touch both. */
const slotBytes = 512
const slotMagic = 0x31434657

function readSlots(bytes: Buffer): { sequence: number; offset: number } | undefined {
  let latest: { sequence: number; offset: number } | undefined
  for (let start = 0; start + slotBytes <= bytes.length; start += slotBytes) {
    const slot = bytes.subarray(start, start + slotBytes)
    if (slot.readUInt32LE(0) !== slotMagic || slot.readUInt32LE(4) !== crc32(slot.subarray(8))) continue
    const sequence = slot.readDoubleLE(8)
    if (latest === undefined || sequence > latest.sequence) latest = { sequence, offset: slot.readDoubleLE(16) }
  }
  return latest
}

async function readAll(file: OpenFile): Promise<Buffer> {
  const bytes = Buffer.alloc(Math.min(await file.size(), 2 * slotBytes))
  return bytes.subarray(0, await file.read(bytes, 0))
}

/** Committed offset in the file at `path` as it is now, without holding it open; -1 when there is none. */
export async function readCommittedOffset(files: Files, path: string): Promise<number> {
  const file = await files.open(path, 'read')
  try {
    return readSlots(await readAll(file))?.offset ?? -1
  } finally {
    await file.close()
  }
}
