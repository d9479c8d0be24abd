import { readFileSync } from 'node:fs'
import { CodedError } from '../../event/errors.ts'
import { type ParsedSuricata, parseSuricata } from './parse.ts'

/** Files of Suricata rules are known by their ending. */
export function isSuricataFile(path: string): boolean {
  return path.endsWith('.rules')
}

/** Reads files of Suricata rules. Throws RULES_UNREADABLE when one cannot be read; what it holds never throws. */
export function readSuricataFiles(files: readonly string[]): ParsedSuricata {
  const all: ParsedSuricata = { rules: [], refused: [] }
  for (const file of files) {
    const { rules, refused } = parseSuricata(readText(file), file)
    // One by one: `push(...)` of tens of thousands would overflow the stack.
    for (const rule of rules) all.rules.push(rule)
    for (const rule of refused) all.refused.push(rule)
  }
  return all
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new CodedError(
      'RULES_UNREADABLE',
      `Rules cannot be read from ${file}: ${(cause as Error).message}`,
      { path: file },
      { cause },
    )
  }
}
