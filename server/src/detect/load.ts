import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { CodedError } from '../event/errors.ts'
import { type ParsedFile, parseSigma } from './sigma/parse.ts'

/** The largest rule file that is read; the largest of SigmaHQ has 0.3 MB. */
const fileSizeLimit = 4 * 2 ** 20

/** What the samples beside a rule rest on: YAML, and no rule. */
const evidenceName = 'evidence.yml'

/** True for the names of files, in folders and archives, that hold rules. */
export function isRuleFile(name: string): boolean {
  return /\.ya?ml$/i.test(name) && basename(name) !== evidenceName
}

/**
 * Reads the Sigma documents under the given files and folders (every `.yml` and `.yaml` but evidence.yml, folders walked in the order of
 * their names). Throws RULES_UNREADABLE when a path is missing or cannot be read; what a file holds never throws.
 */
export function readRulePaths(paths: readonly string[]): ParsedFile[] {
  return paths.flatMap((path) => ruleFiles(path).map((file) => parseSigma(readText(file), file)))
}

function ruleFiles(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return basename(path) === evidenceName ? [] : [path]
    const names = readdirSync(path, { recursive: true, encoding: 'utf8' })
    return names
      .filter(isRuleFile)
      .sort()
      .map((name) => join(path, name))
  } catch (cause) {
    throw unreadable(path, cause)
  }
}

function readText(file: string): string {
  try {
    const { size } = statSync(file)
    if (size > fileSizeLimit) throw new RangeError(`it has ${size} bytes, more than ${fileSizeLimit}`)
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw unreadable(file, cause)
  }
}

function unreadable(path: string, cause: unknown): CodedError {
  return new CodedError(
    'RULES_UNREADABLE',
    `Rules cannot be read from ${path}: ${(cause as Error).message}`,
    { path },
    { cause },
  )
}
