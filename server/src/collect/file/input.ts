import { opendir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { CodedError } from '../../event/errors.ts'
import { isZip, type ZipMember, zipMembers } from '../../lib/zip.ts'

/** A file, or a member of a ZIP archive. The path `-` is standard input. */
export interface FileInput {
  path: string
  member?: string | undefined
  /** Of a file of lines only these bytes, from the start of one line to that of another. */
  part?: { from: number; to: number } | undefined
}

export const standardInput = '-'

export function inputName({ path, member }: FileInput): string {
  return member === undefined ? path : `${path}/${member}`
}

export interface FoundInput extends FileInput {
  /** Bytes on disk (of a member: compressed); 0 when not known. */
  bytes: number
}

/** What lies in a folder beside logs and is never one. */
const ignoredNames = /^(?:\.|Thumbs\.db$|desktop\.ini$|__MACOSX$)/i

/**
 * The files under the given paths in the order of their names: folders are walked, ZIP archives opened. Links inside folders
 * are not followed. Throws NOT_FOUND for a path that cannot be read, IMPORT_DAMAGED for an archive that cannot.
 */
export async function findInputs(paths: readonly string[], onWarning: (text: string) => void): Promise<FoundInput[]> {
  const found: FoundInput[] = []
  for (const path of paths) {
    if (path === standardInput) found.push({ path, bytes: 0 })
    else await findUnder(path, found, onWarning)
  }
  return found
}

async function findUnder(path: string, found: FoundInput[], onWarning: (text: string) => void): Promise<void> {
  const facts = await stat(path).catch((cause: Error) => {
    throw new CodedError('NOT_FOUND', `${path} cannot be read: ${cause.message}`, { path }, { cause })
  })
  if (facts.isDirectory()) {
    const names: { name: string; isFolder: boolean }[] = []
    for await (const entry of await opendir(path)) {
      if (ignoredNames.test(entry.name) || !(entry.isDirectory() || entry.isFile())) continue
      names.push({ name: entry.name, isFolder: entry.isDirectory() })
    }
    names.sort((a, b) => (a.name < b.name ? -1 : 1))
    for (const { name } of names) {
      // One file that is in the way must not stop a folder of thousands.
      await findUnder(join(path, name), found, onWarning).catch((error: unknown) => {
        if (!(error instanceof CodedError)) throw error
        onWarning(error.message)
      })
    }
    return
  }
  if (!facts.isFile()) {
    found.push({ path, bytes: 0 })
    return
  }
  const members = await membersOf(path)
  if (!members) found.push({ path, bytes: facts.size })
  for (const { name, compressedBytes } of members ?? []) {
    if (!name.split('/').some((part) => ignoredNames.test(part)))
      found.push({ path, member: name, bytes: compressedBytes })
  }
}

/** Undefined for a file that is no archive. */
async function membersOf(path: string): Promise<ZipMember[] | undefined> {
  try {
    return (await isZip(path)) ? await zipMembers(path) : undefined
  } catch (cause) {
    throw new CodedError('IMPORT_DAMAGED', `${path} cannot be read: ${(cause as Error).message}`, { path }, { cause })
  }
}
