import yauzl from 'yauzl'
import { isRuleFile } from '../../detect/load.ts'
import { CodedError } from '../../event/errors.ts'

/** Bounds of an archive: a SigmaHQ release has 4,000 files and 12 MB. */
const limits = {
  entries: 20_000,
  fileBytes: 1 << 20,
  totalBytes: 200 * 2 ** 20,
} as const

export interface ArchiveFile {
  path: string
  text: string
}

export interface Archive {
  rules: ArchiveFile[]
  /** Text of a LICENSE file; empty when there is none. */
  licence: string
  /** Files that are neither, or too large to be a rule. */
  leftOut: { path: string; reason: string }[]
}

/**
 * Reads the rule files of a zip from memory; nothing is written to a disk, and a path that leads out of the archive is
 * refused all the same. Sizes are counted as they are inflated, not as the archive tells them. Throws IMPORT_DAMAGED for
 * what is no zip or ends early, TOO_LARGE beyond the bounds.
 */
export async function unzipRules(bytes: Buffer, signal: AbortSignal): Promise<Archive> {
  const archive: Archive = { rules: [], licence: '', leftOut: [] }
  const zip = await open(bytes)
  if (zip.entryCount > limits.entries) {
    zip.close()
    throw tooLarge(`The archive has ${zip.entryCount} entries, more than ${limits.entries}`)
  }
  let total = 0
  let entries = 0
  await new Promise<void>((resolve, reject) => {
    zip.on('error', (cause: Error) => reject(damaged(cause)))
    zip.on('end', resolve)
    zip.on('entry', (entry: yauzl.Entry) => {
      // The directory may hold more than its end told.
      if (++entries > limits.entries) return reject(tooLarge(`The archive has more than ${limits.entries} entries`))
      take(entry).then(
        () => zip.readEntry(),
        (error: unknown) => reject(error),
      )
    })
    zip.readEntry()
  }).finally(() => zip.close())
  return archive

  async function take(entry: yauzl.Entry): Promise<void> {
    signal.throwIfAborted()
    const path = entry.fileName
    if (path.endsWith('/')) return
    const isRule = isRuleFile(path)
    const isLicence = archive.licence === '' && /(^|\/)LICEN[CS]E[^/]*$/i.test(path)
    if (!isRule && !isLicence) return
    if (entry.uncompressedSize > limits.fileBytes) {
      archive.leftOut.push({ path, reason: `it has more than ${limits.fileBytes} bytes` })
      return
    }
    const text = await read(entry)
    if (isRule) archive.rules.push({ path, text })
    else archive.licence = text.slice(0, 4_000)
  }

  function read(entry: yauzl.Entry): Promise<string> {
    return new Promise((resolve, reject) => {
      zip.openReadStream(entry, (error, stream) => {
        if (error) return reject(damaged(error))
        const parts: Buffer[] = []
        stream.on('data', (part: Buffer) => {
          total += part.length
          if (total > limits.totalBytes) {
            stream.destroy()
            reject(tooLarge(`The archive inflates to more than ${limits.totalBytes} bytes`))
          } else parts.push(part)
        })
        stream.on('error', (cause: Error) => reject(damaged(cause)))
        stream.on('end', () => resolve(Buffer.concat(parts).toString('utf8')))
      })
    })
  }
}

function open(bytes: Buffer): Promise<yauzl.ZipFile> {
  return new Promise((resolve, reject) => {
    // `validateEntrySizes` ends an entry that inflates to more than it says; names that lead out of the archive are errors.
    yauzl.fromBuffer(bytes, { lazyEntries: true, validateEntrySizes: true, strictFileNames: true }, (error, zip) => {
      if (error) reject(damaged(error))
      else resolve(zip)
    })
  })
}

function damaged(cause: Error): CodedError {
  return new CodedError('IMPORT_DAMAGED', `The archive cannot be read: ${cause.message}`, {}, { cause })
}

function tooLarge(message: string): CodedError {
  return new CodedError('TOO_LARGE', message, { ...limits })
}
