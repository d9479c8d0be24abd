import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, statfs, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isDirectoryLocked, lockDirectory } from '../child/directory-lock.ts'

/**
 * The few file operations the local bus stands on. Real by default; the simulation puts one in its place that crashes,
 * tears writes and runs full at every point (tests/sim).
 */
export interface Files {
  open(path: string, mode: 'read' | 'write'): Promise<OpenFile>
  /** Names in a directory; none when it does not exist. */
  list(directory: string): Promise<string[]>
  /** Makes the directory and those above it, durably. */
  makeDirectory(path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** Removes a file; one that is gone already is no error. */
  remove(path: string): Promise<void>
  /** Makes creations, renames and removals in the directory durable. */
  syncDirectory(path: string): Promise<void>
  freeBytes(path: string): Promise<number>
  /** Holds a directory for this process until the returned function is called; throws DATA_DIR_BUSY when it is held. */
  lock(directory: string, options?: { evenFromThisProcess?: boolean }): () => void
  isLocked(directory: string): boolean
}

export interface OpenFile {
  size(): Promise<number>
  /** Reads at `position`; fewer bytes than asked for only at the end of the file. */
  read(into: Buffer, position: number): Promise<number>
  /** Writes all of `bytes` at `position`, or rejects. */
  write(bytes: Buffer, position: number): Promise<void>
  truncate(length: number): Promise<void>
  /** Resolves when content and length are durable. */
  sync(): Promise<void>
  close(): Promise<void>
}

export const realFiles: Files = {
  async open(path, mode) {
    const flags = mode === 'read' ? constants.O_RDONLY : constants.O_RDWR | constants.O_CREAT
    return openFile(await open(path, flags, 0o600))
  },
  async list(directory) {
    try {
      return await readdir(directory)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  },
  async makeDirectory(path) {
    const firstMade = await mkdir(path, { recursive: true })
    if (firstMade === undefined) return
    for (let made = path; made.length >= firstMade.length; made = dirname(made))
      await realFiles.syncDirectory(dirname(made))
  },
  rename,
  async remove(path) {
    try {
      await unlink(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
  },
  async syncDirectory(path) {
    const handle = await open(path, constants.O_RDONLY)
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
  async freeBytes(path) {
    const { bavail, bsize } = await statfs(path)
    return bavail * bsize
  },
  lock: lockDirectory,
  isLocked: isDirectoryLocked,
}

function openFile(handle: FileHandle): OpenFile {
  return {
    size: async () => (await handle.stat()).size,
    async read(into, position) {
      let filled = 0
      while (filled < into.length) {
        const { bytesRead } = await handle.read(into, filled, into.length - filled, position + filled)
        if (bytesRead === 0) break
        filled += bytesRead
      }
      return filled
    },
    async write(bytes, position) {
      let written = 0
      while (written < bytes.length) {
        const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written)
        written += bytesWritten
      }
    },
    truncate: (length) => handle.truncate(length),
    sync: () => handle.datasync(),
    close: () => handle.close(),
  }
}
