// Adds a migration of the state store for what the drizzle tables in server/src/seams/store/schema have become since the last
// one: `npm run migrations -- NAME`. A migration that has landed is never changed: databases have run it. `landed.json`
// holds the hash of each, and tools/tidy compares.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const out = 'server/src/seams/store/migrations'
const [name] = process.argv.slice(2)
if (name === undefined || !/^[a-z][a-z0-9_]*$/.test(name)) {
  console.error('usage: npm run migrations -- NAME (lower case letters, digits and _, e.g. asset_owner)')
  process.exit(2)
}

const journal = () =>
  JSON.parse(readFileSync(join(root, out, 'meta/_journal.json'), 'utf8')) as { entries: { tag: string }[] }
const before = journal().entries.length
execFileSync(
  process.execPath,
  [
    join(root, 'node_modules/drizzle-kit/bin.cjs'),
    'generate',
    '--dialect=postgresql',
    '--casing=snake_case',
    '--schema=server/src/seams/store/schema/*.ts',
    `--out=${out}`,
    `--name=${name}`,
  ],
  { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] },
)
const added = journal().entries.slice(before)
const landedPath = join(root, out, 'landed.json')
const landed = JSON.parse(readFileSync(landedPath, 'utf8')) as Record<string, string>
for (const { tag } of added) {
  const path = join(root, out, `${tag}.sql`)
  const text = `${readFileSync(path, 'utf8').trimEnd()}\n`
  writeFileSync(path, text)
  landed[tag] = createHash('sha256').update(text).digest('hex')
  console.log(`${out}/${tag}.sql: read it before it lands`)
}
writeFileSync(landedPath, `${JSON.stringify(landed, null, 2)}\n`)
if (added.length === 0) console.log('The tables are what the migrations make of them: nothing to add.')
