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

/** Licences beyond these that were read and are kept, each for one package; `NOTICE` gives the credit they ask for. */
const named = new Map([['@ip-location-db/asn', 'SEE LICENSE IN ROUTEVIEWS-LICENSE and DBIP-LICENSE (CC-BY-4.0)']])

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

/** One line for every locked package whose licence does not fit where it is used, or whose credit `notice` does not give. */
export function licenceProblems(packages: Record<string, LockEntry>, notice: string): string[] {
  const isCredited = (path: string, { license }: LockEntry) => {
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)
    return license !== undefined && named.get(name) === license && notice.includes(name)
  }
  return Object.entries(packages)
    .filter(([path, entry]) => path.includes('node_modules/') && !entry.link)
    .filter(([, entry]) => !isAllowed(entry.license ?? 'none stated', entry.dev ? buildOnly : shipped))
    .filter(([path, entry]) => !isCredited(path, entry))
    .map(
      ([path, entry]) =>
        `${path}: ${entry.license ?? 'no licence stated'}${entry.dev ? '' : ' (ships with the product)'}`,
    )
}

if (process.argv[1] === import.meta.filename) {
  const read = (name: string) => readFileSync(join(import.meta.dirname, '..', name), 'utf8')
  const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, LockEntry> }
  const problems = licenceProblems(lock.packages, read('NOTICE'))
  for (const problem of problems) console.error(problem)
  process.exitCode = problems.length > 0 ? 1 : 0
}
