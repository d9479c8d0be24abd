// Copies what the TypeScript compiler does not: database migrations and the script of a child process beside the
// compiled modules that use them, and
// (with --content, before publishing) the detection knowledge, the licence and the notice into the package.
import { cpSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const copies = [
  ['server/src/seams/store/migrations', 'server/dist/seams/store/migrations'],
  ['server/src/seams/events/child.mjs', 'server/dist/seams/events/child.mjs'],
]
if (process.argv.includes('--content'))
  copies.push(['content', 'server/content'], ['LICENSE', 'server/LICENSE'], ['NOTICE', 'server/NOTICE'])

for (const [from, to] of copies) {
  rmSync(join(root, to), { recursive: true, force: true })
  cpSync(join(root, from), join(root, to), { recursive: true })
}
