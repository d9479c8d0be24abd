import { basename, dirname } from 'node:path'
import type { Files, OpenFile } from '../../server/src/seams/bus/files.ts'
import type { Random } from './random.ts'

type Change = { at: number; bytes: Buffer } | { truncateTo: number }

/** A file as the program sees it, as the disk surely has it, and what lies between. */
interface Inode {
  content: Buffer
  durable: Buffer
  unsynced: Change[]
}

type NameChange = { name: string; before: Inode | undefined; after: Inode | undefined }

const sectorBytes = 512

/** What an operation is told to do: work, fail with a system error, or be the last one before the power goes. */
export type Verdict = 'work' | 'ENOSPC' | 'EIO' | 'crash'

/**
 * A disk that keeps what POSIX promises and nothing more: content is durable after `sync`, names are durable after
 * `syncDirectory`; when the power goes, each change since may have reached the disk, in part (by sector) or not at all,
 * in any order. Every change asks `judge` first.
 */
export class SimulatedDisk {
  readonly #random: Random
  readonly #names = new Map<string, Inode>()
  #unsyncedNames = new Map<string, NameChange[]>()
  #isDown = false
  operations = 0
  judge: (operation: number, what: string) => Verdict = () => 'work'
  /** A disk that says it has synced and has not: to see that the checks notice. */
  lies = false

  constructor(random: Random) {
    this.#random = random
  }

  get isDown(): boolean {
    return this.#isDown
  }

  /** The power goes, and comes back: what was not synced is decided by chance. */
  powerCut(): void {
    for (const changes of this.#unsyncedNames.values()) {
      // A later change of a directory may have reached the disk without an earlier one.
      for (const { name, before } of [...changes].reverse()) {
        if (this.#random.chance(0.5)) continue
        if (before === undefined) this.#names.delete(name)
        else this.#names.set(name, before)
      }
    }
    this.#unsyncedNames.clear()
    for (const inode of new Set(this.#names.values())) {
      let survived = inode.durable
      for (const change of inode.unsynced) survived = this.#survive(survived, change)
      inode.content = survived
      inode.durable = survived
      inode.unsynced = []
    }
    this.#isDown = false
  }

  /** Only the process ends: what it has written stays in the system's cache. */
  restart(): void {
    this.#isDown = false
  }

  readonly files: Files = {
    open: (path, mode) => this.#open(path, mode),
    list: async (directory) => {
      this.#requireUp()
      const names = new Set<string>()
      for (const path of this.#names.keys()) {
        if (path.startsWith(`${directory}/`)) names.add(path.slice(directory.length + 1).split('/')[0]!)
      }
      return [...names].sort()
    },
    // Directories are there with their files: making one is durable in the real implementation.
    makeDirectory: async () => this.#requireUp(),
    rename: (from, to) =>
      this.#change(`rename ${basename(to)}`, () => {
        const inode = this.#names.get(from)!
        this.#setName(to, inode)
        this.#setName(from, undefined)
      }),
    remove: (path) => this.#change(`remove ${basename(path)}`, () => this.#setName(path, undefined)),
    syncDirectory: (path) => this.#change(`sync directory ${basename(path)}`, () => this.#unsyncedNames.delete(path)),
    freeBytes: async () => Number.POSITIVE_INFINITY,
    lock: () => () => undefined,
    isLocked: () => false,
  }

  async #open(path: string, mode: 'read' | 'write'): Promise<OpenFile> {
    this.#requireUp()
    if (!this.#names.has(path)) {
      if (mode === 'read') throw Object.assign(new Error(`no file ${path}`), { code: 'ENOENT' })
      await this.#change(`create ${basename(path)}`, () => {
        this.#setName(path, { content: Buffer.alloc(0), durable: Buffer.alloc(0), unsynced: [] })
      })
    }
    const inode = this.#names.get(path)!
    const name = basename(path)
    return {
      size: async () => inode.content.length,
      read: async (into, position) => {
        this.#requireUp()
        return position >= inode.content.length ? 0 : inode.content.copy(into, 0, position)
      },
      write: (bytes, position) => {
        const copy = Buffer.from(bytes)
        const write = (length: number) => this.#apply(inode, { at: position, bytes: copy.subarray(0, length) })
        // A write that fails or is cut off has done a part of its work.
        return this.#change(
          `write ${name}`,
          () => write(copy.length),
          () => write(this.#random.below(copy.length + 1)),
        )
      },
      truncate: (length) => this.#change(`truncate ${name}`, () => this.#apply(inode, { truncateTo: length })),
      sync: () =>
        this.#change(`sync ${name}`, () => {
          if (this.lies) return
          inode.durable = inode.content
          inode.unsynced = []
        }),
      close: async () => undefined,
    }
  }

  #requireUp(): void {
    if (this.#isDown) throw Object.assign(new Error('the power is off'), { code: 'EPOWER' })
  }

  async #change(what: string, work: () => void, workInPart: () => void = () => undefined): Promise<void> {
    this.#requireUp()
    await Promise.resolve()
    this.#requireUp()
    const verdict = this.judge(this.operations++, what)
    if (verdict === 'work') return work()
    workInPart()
    if (verdict === 'crash') this.#isDown = true
    throw Object.assign(new Error(`${what}: ${verdict}`), { code: verdict === 'crash' ? 'EPOWER' : verdict })
  }

  #apply(inode: Inode, change: Change): void {
    inode.content = applied(inode.content, change)
    inode.unsynced.push(change)
  }

  #setName(path: string, inode: Inode | undefined): void {
    const changes = this.#unsyncedNames.get(dirname(path)) ?? []
    this.#unsyncedNames.set(dirname(path), changes)
    changes.push({ name: path, before: this.#names.get(path), after: inode })
    if (inode === undefined) this.#names.delete(path)
    else this.#names.set(path, inode)
  }

  #survive(content: Buffer, change: Change): Buffer {
    const fate = this.#random.below(4)
    if (fate === 0) return content
    if (fate === 1 || 'truncateTo' in change) return applied(content, change)
    // Some sectors reached the disk, others did not; the file may have its new length all the same, with zeros within.
    let result = this.#random.chance(0.5)
      ? applied(content, { at: change.at + change.bytes.length, bytes: Buffer.alloc(0) })
      : content
    const end = change.at + change.bytes.length
    for (let at = change.at; at < end; ) {
      const next = Math.min(end, (Math.floor(at / sectorBytes) + 1) * sectorBytes)
      if (this.#random.chance(0.5))
        result = applied(result, { at, bytes: change.bytes.subarray(at - change.at, next - change.at) })
      at = next
    }
    return result
  }
}

function applied(content: Buffer, change: Change): Buffer {
  const length = 'truncateTo' in change ? change.truncateTo : Math.max(content.length, change.at + change.bytes.length)
  const result = Buffer.alloc(length)
  content.copy(result, 0, 0, length)
  if (!('truncateTo' in change)) change.bytes.copy(result, change.at)
  return result
}
