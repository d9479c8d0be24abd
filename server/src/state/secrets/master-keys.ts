import { join } from 'node:path'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { createPrivateFile, readPrivateFile, replacePrivateFile } from '../../lib/private-file.ts'
import type { Clock } from '../../seams/clock/clock.ts'

/** A key of 32 bytes that wraps the data keys of secrets. */
export interface MasterKey {
  id: string
  key: Buffer
}

/** The master keys, kept in a 0600 file outside the database: whoever copies the database alone reads no secret. */
export interface MasterKeys {
  /** The key that new secrets are wrapped with; read from the file each time, since another thread may rotate. */
  current(): MasterKey
  /** Throws SECRET_UNREADABLE when the key is not in the file. */
  find(id: string): MasterKey
  /** Puts a new key beside the old ones and makes it the current one. */
  add(): MasterKey
  /** Ids of the keys that are not the current one. */
  former(): string[]
  /** Drops keys that no secret is wrapped with any more; never the current one. */
  drop(ids: string[]): void
}

const fileSchema = z.strictObject({ current: z.string(), keys: z.record(z.string(), z.base64().length(44)) })
type KeyFile = z.infer<typeof fileSchema>

/** Reads `dataDir/keys/master`, or makes it at first start. Throws KEY_FILE_INVALID when it is damaged; it is never overwritten then. */
export function openMasterKeys(dataDir: string, clock: Clock): MasterKeys {
  const path = join(dataDir, 'keys', 'master')
  const newKey = () => ({ id: clock.id(), key: clock.random(32).toString('base64') })
  const first = newKey()
  const text = readPrivateFile(path)
  if (text === undefined) {
    createPrivateFile(path, JSON.stringify({ current: first.id, keys: { [first.id]: first.key } }), clock.id())
  }
  let file = load(path)
  const save = (next: KeyFile) => {
    replacePrivateFile(path, JSON.stringify(next), clock.id())
    file = next
  }
  const keyOf = (id: string): MasterKey | undefined => {
    const key = file.keys[id]
    return key === undefined ? undefined : { id, key: Buffer.from(key, 'base64') }
  }
  return {
    current() {
      file = load(path)
      return keyOf(file.current)!
    },
    find(id) {
      const known = keyOf(id)
      if (known) return known
      // Another thread may have rotated the keys since we read them.
      file = load(path)
      const found = keyOf(id)
      if (!found)
        throw new CodedError('SECRET_UNREADABLE', `The master key ${id} is not in ${path}`, { keyId: id, path })
      return found
    },
    add() {
      const { id, key } = newKey()
      file = load(path)
      save({ current: id, keys: { ...file.keys, [id]: key } })
      return keyOf(id)!
    },
    former() {
      file = load(path)
      return Object.keys(file.keys).filter((id) => id !== file.current)
    },
    drop(ids) {
      file = load(path)
      const kept = Object.entries(file.keys).filter(([id]) => id === file.current || !ids.includes(id))
      save({ current: file.current, keys: Object.fromEntries(kept) })
    },
  }
}

function load(path: string): KeyFile {
  const text = readPrivateFile(path) ?? ''
  try {
    const file = fileSchema.parse(JSON.parse(text))
    if (file.keys[file.current] === undefined) throw new RangeError('the current key is not among the keys')
    return file
  } catch (cause) {
    throw new CodedError('KEY_FILE_INVALID', `${path} is not a file of master keys`, { path }, { cause })
  }
}
