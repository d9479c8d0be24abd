import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { type Entry, openPromise, type ZipFile } from 'yauzl'

export interface ZipMember {
  name: string
  compressedBytes: number
  bytes: number
}

/** Archives with more members are refused; a release of SigmaHQ has about 4,000. */
const membersLimit = 200_000

/** True for the first bytes of a ZIP archive. */
export async function isZip(path: string): Promise<boolean> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0)
    return bytesRead === 4 && buffer.toString('hex') === '504b0304'
  } finally {
    await file.close()
  }
}

/** Files of an archive in the order of their names. Throws Error when it is damaged or has too many members. */
export async function zipMembers(path: string): Promise<ZipMember[]> {
  const found: ZipMember[] = []
  await eachEntry(path, async (entry) => {
    if (found.length >= membersLimit) throw new RangeError(`the archive has more than ${membersLimit} members`)
    if (entry.fileName.endsWith('/')) return true
    found.push({ name: entry.fileName, compressedBytes: entry.compressedSize, bytes: entry.uncompressedSize })
    return true
  })
  return found.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

/** Texts of the members whose names `wants`, in the order of their names; larger ones than `limitBytes` throw RangeError. */
export async function readZipTexts(
  path: string,
  wants: (name: string) => boolean,
  limitBytes: number,
): Promise<{ name: string; text: string }[]> {
  const found: { name: string; text: string }[] = []
  await eachEntry(path, async (entry, archive) => {
    if (!wants(entry.fileName)) return true
    if (found.length >= membersLimit) throw new RangeError(`the archive has more than ${membersLimit} members`)
    if (entry.uncompressedSize > limitBytes) {
      throw new RangeError(`${entry.fileName} has ${entry.uncompressedSize} bytes, more than ${limitBytes}`)
    }
    const parts: Buffer[] = []
    // The reader ends with an error when more comes out than the archive's directory says.
    for await (const bytes of await archive.openReadStreamPromise(entry)) parts.push(bytes as Buffer)
    found.push({ name: entry.fileName, text: Buffer.concat(parts).toString('utf8') })
    return true
  })
  return found.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
}

/** The content of one member; `close` ends the reading of the archive. Undefined when there is none of this name; throws Error. */
export async function openZipMember(
  path: string,
  name: string,
): Promise<{ stream: Readable; compressedBytes: number; bytes: number; close(): void } | undefined> {
  const archive = await openPromise(path, { lazyEntries: true, autoClose: false })
  let entry: Entry | undefined
  await walk(archive, async (candidate) => {
    if (candidate.fileName === name) entry = candidate
    return entry === undefined
  })
  if (!entry) {
    archive.close()
    return undefined
  }
  const stream = await archive.openReadStreamPromise(entry)
  const { compressedSize, uncompressedSize } = entry
  return { stream, compressedBytes: compressedSize, bytes: uncompressedSize, close: () => archive.close() }
}

type Visit = (entry: Entry, archive: ZipFile) => Promise<boolean>

async function eachEntry(path: string, visit: Visit): Promise<void> {
  const archive = await openPromise(path, { lazyEntries: true, autoClose: false })
  try {
    await walk(archive, visit)
  } finally {
    archive.close()
  }
}

/** Visits entry by entry until `visit` answers false. */
function walk(archive: ZipFile, visit: Visit): Promise<void> {
  return new Promise((resolve, reject) => {
    archive.on('error', reject)
    archive.on('end', () => resolve())
    archive.on('entry', (entry: Entry) => {
      visit(entry, archive).then((goesOn) => (goesOn ? archive.readEntry() : resolve()), reject)
    })
    archive.readEntry()
  })
}
