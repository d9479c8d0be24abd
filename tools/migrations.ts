// Regenerates the one initial migration of the state store from the drizzle tables in server/src/seams/store/schema.
// Nothing has been released yet, so there is no history to keep; from the first release on, migrations are appended.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const out = 'server/src/seams/store/migrations'
/** A fixed birth and id, so that an unchanged schema gives unchanged files. */
const initialMs = Date.UTC(2026, 10, 1)
const zeroId = '00000000-0000-0000-0000-000000000000'

const scratch = mkdtempSync(join(root, 'node_modules', '.migrations-'))
try {
  execFileSync(
    process.execPath,
    [
      join(root, 'node_modules/drizzle-kit/bin.cjs'),
      'generate',
      '--dialect=postgresql',
      '--casing=snake_case',
      '--schema=server/src/seams/store/schema/*.ts',
      `--out=${scratch.slice(root.length)}`,
      '--name=initial',
    ],
    { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] },
  )
  const generated = readFileSync(join(scratch, '0000_initial.sql'), 'utf8')
  const journal = JSON.parse(readFileSync(join(scratch, 'meta/_journal.json'), 'utf8'))
  const snapshot = JSON.parse(readFileSync(join(scratch, 'meta/0000_snapshot.json'), 'utf8'))
  journal.entries[0].when = initialMs
  snapshot.id = zeroId
  writeFileSync(join(root, out, '0000_initial.sql'), `${generated.trimEnd()}\n`)
  writeFileSync(join(root, out, 'meta/_journal.json'), `${JSON.stringify(journal, null, 2)}\n`)
  writeFileSync(join(root, out, 'meta/0000_snapshot.json'), `${JSON.stringify(snapshot, null, 2)}\n`)
  const tables = generated.match(/^CREATE TABLE/gm)?.length ?? 0
  console.log(
    `${out}/0000_initial.sql: ${tables} tables from ${readdirSync(join(root, 'server/src/seams/store/schema')).length} files`,
  )
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
