import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Licences that may ship with the product, and those that only tools of the build may have. */
const shipped = new Set([
  'MIT',
  'MIT-0',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  '0BSD',
  'CC0-1.0',
  'PDDL-1.0',
  'BlueOak-1.0.0',
  'Unlicense',
])
const buildOnly = new Set([...shipped, 'MPL-2.0', 'Python-2.0', 'CC-BY-4.0'])

interface LockEntry {
  license?: string
  dev?: boolean
  link?: boolean
}

/** True when an SPDX expression offers an allowed choice; `AND` wants every part, `OR` any. */
export function isAllowed(expression: string, allowed: ReadonlySet<string>): boolean {
  const text = expression.replace(/[()]/g, ' ').trim()
  return text
    .split(/\s+OR\s+/)
    .some((choice) => choice.split(/\s+AND\s+/).every((licence) => allowed.has(licence.trim())))
}

/** One line for every locked package whose licence does not fit where it is used. */
export function licenceProblems(packages: Record<string, LockEntry>): string[] {
  return Object.entries(packages)
    .filter(([path, entry]) => path.includes('node_modules/') && !entry.link)
    .filter(([, entry]) => !isAllowed(entry.license ?? 'none stated', entry.dev ? buildOnly : shipped))
    .map(
      ([path, entry]) =>
        `${path}: ${entry.license ?? 'no licence stated'}${entry.dev ? '' : ' (ships with the product)'}`,
    )
}

if (process.argv[1] === import.meta.filename) {
  const lock = JSON.parse(readFileSync(join(import.meta.dirname, '..', 'package-lock.json'), 'utf8'))
  const problems = licenceProblems(lock.packages as Record<string, LockEntry>)
  for (const problem of problems) console.error(problem)
  process.exitCode = problems.length > 0 ? 1 : 0
}
