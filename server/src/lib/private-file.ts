import {
  chmodSync,
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'

/** Text of a file that only its owner may read (a wider mode is narrowed); undefined when there is none. */
export function readPrivateFile(path: string): string | undefined {
  try {
    chmodSync(path, 0o600)
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** Makes the file, whole and durable, mode 0600; false when it existed already, which is then left alone. */
export function createPrivateFile(path: string, text: string, draftName: string): boolean {
  const draft = writeDraft(path, text, draftName)
  try {
    linkSync(draft, path)
    syncDirectory(dirname(path))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(draft, { force: true })
  }
}

/**
 * Replaces the file at once: a crash leaves the old text or the new one, never a part. A large text may come in pieces,
 * so that it never lies in memory whole.
 */
export function replacePrivateFile(path: string, text: string | Iterable<string>, draftName: string): void {
  renameSync(writeDraft(path, text, draftName), path)
  syncDirectory(dirname(path))
}

function writeDraft(path: string, text: string | Iterable<string>, draftName: string): string {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const draft = `${path}.${draftName}`
  const file = openSync(draft, 'wx', 0o600)
  try {
    for (const piece of typeof text === 'string' ? [text] : text) {
      const bytes = Buffer.from(piece)
      for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written)
    }
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  return draft
}

/** What was made, renamed or removed in the directory survives a power cut. */
export function syncDirectory(path: string): void {
  const directory = openSync(path, 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
