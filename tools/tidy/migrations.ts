import { createHash } from 'node:crypto'
import type { Finding, Project } from './project.ts'

const folder = 'server/src/seams/store/migrations/'

/** Migrations are only added: databases have run those that landed. `landed.json` holds the hash of each. */
export function checkMigrations(project: Project): Finding[] {
  if (!project.has(`${folder}landed.json`)) return []
  const landed = JSON.parse(project.text(`${folder}landed.json`)) as Record<string, string>
  const journal = JSON.parse(project.text(`${folder}meta/_journal.json`)) as { entries: { tag: string }[] }
  const findings: Finding[] = []
  for (const tag of new Set([...Object.keys(landed), ...journal.entries.map((entry) => entry.tag)])) {
    const path = `${folder}${tag}.sql`
    const report = (message: string) => findings.push({ path, message })
    if (!project.has(path)) report('a migration that landed is gone')
    else if (landed[tag] === undefined) report('is not in landed.json; make migrations with npm run migrations')
    else if (!journal.entries.some((entry) => entry.tag === tag))
      report('is not in meta/_journal.json and would not run')
    else if (createHash('sha256').update(project.text(path)).digest('hex') !== landed[tag])
      report(
        'has landed and was changed, but databases have run it: restore its folder, then npm run migrations -- NAME',
      )
  }
  return findings
}
