import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import type { Files, OpenFile } from './files.ts'

/** One sector each, so that one torn write cannot touch both. */
const slotBytes = 512
const slotMagic = 0x31434657

interface Slot {
  sequence: number
  numbers: number[]
}

/**
 * A few numbers that are replaced as one, durably, in a file of two slots written in turn: a torn write spoils one
 * slot and leaves the other, and an overwrite needs no free space, so that a full disk can still be drained.
 */
export class SlotFile {
  readonly #files: Files
  readonly #directory: string
  readonly #name: string
  #file: OpenFile | undefined
  #sequence = 0

  constructor(files: Files, directory: string, name: string) {
    this.#files = files
    this.#directory = directory
    this.#name = name
  }

  /** Opens the file, making it when there is none; returns what was written last. To be called once, first. */
  async open(): Promise<number[] | undefined> {
    await this.#files.makeDirectory(this.#directory)
    this.#file = await this.#files.open(join(this.#directory, this.#name), 'write')
    const latest = latestSlot(await readAll(this.#file))
    if (latest !== undefined) {
      this.#sequence = latest.sequence
      return latest.numbers
    }
    await this.#file.write(Buffer.alloc(2 * slotBytes), 0)
    await this.#file.sync()
    await this.#files.syncDirectory(this.#directory)
    return undefined
  }

  /** Resolves when the numbers (60 at most) are durable. One call at a time. */
  async write(numbers: readonly number[]): Promise<void> {
    const sequence = this.#sequence + 1
    const slot = Buffer.alloc(slotBytes)
    slot.writeUInt32LE(slotMagic, 0)
    slot.writeDoubleLE(sequence, 8)
    slot.writeDoubleLE(numbers.length, 16)
    for (const [index, number] of numbers.entries()) slot.writeDoubleLE(number, 24 + index * 8)
    slot.writeUInt32LE(crc32(slot.subarray(8)), 4)
    await this.#file!.write(slot, (sequence % 2) * slotBytes)
    await this.#file!.sync()
    this.#sequence = sequence
  }

  async close(): Promise<void> {
    await this.#file?.close()
    this.#file = undefined
  }
}

/** What the slot file at `path` holds now, without keeping it open. */
export async function readSlotFile(files: Files, path: string): Promise<number[] | undefined> {
  const file = await files.open(path, 'read')
  try {
    return latestSlot(await readAll(file))?.numbers
  } finally {
    await file.close()
  }
}

function latestSlot(bytes: Buffer): Slot | undefined {
  let latest: Slot | undefined
  for (let start = 0; start + slotBytes <= bytes.length; start += slotBytes) {
    const slot = bytes.subarray(start, start + slotBytes)
    if (slot.readUInt32LE(0) !== slotMagic || slot.readUInt32LE(4) !== crc32(slot.subarray(8))) continue
    const sequence = slot.readDoubleLE(8)
    if (latest !== undefined && sequence < latest.sequence) continue
    const numbers = Array.from({ length: slot.readDoubleLE(16) }, (_, index) => slot.readDoubleLE(24 + index * 8))
    latest = { sequence, numbers }
  }
  return latest
}

async function readAll(file: OpenFile): Promise<Buffer> {
  const bytes = Buffer.alloc(Math.min(await file.size(), 2 * slotBytes))
  return bytes.subarray(0, await file.read(bytes, 0))
}
