import { open } from 'node:fs/promises'
import { isRuleFile, readRulePaths } from '../detect/load.ts'
import type { ParsedFile } from '../detect/sigma/parse.ts'
import { parseSigma } from '../detect/sigma/parse.ts'
import { CodedError } from '../event/errors.ts'
import { isZip, readZipTexts } from '../lib/zip.ts'

const ruleBytesLimit = 4 * 2 ** 20

/**
 * Reads rules from files, folders and ZIP archives, such as the releases of SigmaHQ. Throws RULES_UNREADABLE when a path or an
 * archive cannot be read; what a rule file holds never throws.
 */
export async function readRules(paths: readonly string[]): Promise<ParsedFile[]> {
  const found: ParsedFile[] = []
  for (const path of paths) {
    // One by one: `push(...)` of thousands would overflow the stack.
    for (const file of await readRulesOf(path)) found.push(file)
  }
  return found
}

async function readRulesOf(path: string): Promise<ParsedFile[]> {
  if (!(await isArchive(path))) return readRulePaths([path])
  try {
    const texts = await readZipTexts(path, isRuleFile, ruleBytesLimit)
    return texts.map(({ name, text }) => parseSigma(text, `${path}/${name}`))
  } catch (cause) {
    const message = `Rules cannot be read from ${path}: ${(cause as Error).message}`
    throw new CodedError('RULES_UNREADABLE', message, { path }, { cause })
  }
}

/** What cannot be opened here is told by the reader of files. */
async function isArchive(path: string): Promise<boolean> {
  const file = await open(path).catch(() => undefined)
  if (!file) return false
  try {
    return (await file.stat()).isFile() && (await isZip(path))
  } finally {
    await file.close()
  }
}
