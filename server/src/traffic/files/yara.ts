import { readdirSync, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { CodedError } from '../../event/errors.ts'
import type { Fields } from '../../event/event.ts'
import type { InspectFile } from '../stream/files.ts'

interface Match {
  ruleIdentifier: string
  meta: Record<string, unknown>
}

interface Rules {
  scan(content: Buffer): Match[]
}

/** By rising weight. */
const severities = ['low', 'medium', 'high', 'critical']
/** Rules named in one record. */
const namesMax = 50
/** Matches of one pattern that are looked for; a rule counts few. */
const matchesMax = 1_000

/**
 * Looks into files with the YARA rules of folders: `rule.yar` in a folder of its own, as content/yara has them. Answers
 * undefined where the engine has no build for this machine, which `onMissing` is told. Throws RULE_INVALID for a rule that
 * cannot be compiled.
 */
export function openYara(folders: readonly string[], onMissing: (reason: string) => void): InspectFile | undefined {
  const files = folders.flatMap((folder) => yaraFiles(join(folder, 'yara')))
  if (files.length === 0) return undefined
  let engine: { compile(source: string): Rules & { setMaxMatchesPerPattern(count: number): void } }
  try {
    engine = createRequire(import.meta.url)('@litko/yara-x') as typeof engine
  } catch (error) {
    onMissing((error as Error).message)
    return undefined
  }
  // Each file is compiled by itself first, so that a mistake is told with the file it is in.
  for (const file of files) {
    try {
      engine.compile(readFileSync(file, 'utf8'))
    } catch (cause) {
      const message = `${file} is no YARA rule: ${(cause as Error).message}`
      throw new CodedError('RULE_INVALID', message, { file, reason: 'yara' }, { cause })
    }
  }
  const rules = engine.compile(files.map((file) => readFileSync(file, 'utf8')).join('\n'))
  rules.setMaxMatchesPerPattern(matchesMax)
  return ({ content }) => fieldsOf(rules.scan(content))
}

function fieldsOf(matches: readonly Match[]): Fields {
  if (matches.length === 0) return {}
  const weights = matches.map(({ meta }) => severities.indexOf(String(meta.severity)))
  return {
    'traffic.file.yara': matches.map(({ ruleIdentifier }) => ruleIdentifier).slice(0, namesMax),
    'traffic.file.yara_severity': severities[Math.max(1, ...weights)]!,
  }
}

function yaraFiles(folder: string): string[] {
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return []
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.yara?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}
