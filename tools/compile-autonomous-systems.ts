// Compiles the CSV tables of autonomous systems (`@ip-location-db/asn`, see NOTICE) into the block that the server shares
// between its threads. Part of the server's build: `tsx ../tools/compile-autonomous-systems.ts OUTPUT`.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { packAutonomousSystems, type SystemRange } from '../server/src/enrich/autonomous-systems.ts'
import { addressWords } from '../server/src/lib/cidr-table.ts'
import { csvRows } from '../server/src/lib/csv.ts'

const [output] = process.argv.slice(2)
if (output === undefined) {
  console.error('usage: tsx tools/compile-autonomous-systems.ts OUTPUT')
  process.exit(2)
}
const require = createRequire(new URL('../server/package.json', import.meta.url))
const read = (family: string) =>
  rangesOf(readFileSync(require.resolve(`@ip-location-db/asn/asn-${family}.csv`), 'utf8'))
mkdirSync(dirname(output), { recursive: true })
writeFileSync(output, packAutonomousSystems(read('ipv4'), read('ipv6')))

/** Rows of first address, last address, number, organisation. Throws when a row is none. */
function rangesOf(text: string): SystemRange[] {
  return [...csvRows(text)].map(({ line, fields }) => {
    const [first, last, number, organization] = fields
    const range = {
      first: addressWords(first ?? ''),
      last: addressWords(last ?? ''),
      system: { number: Number(number), organization: organization ?? '' },
    }
    if (range.first.length === 0 || range.first.length !== range.last.length || !Number.isInteger(range.system.number))
      throw new Error(`line ${line} is no range of addresses with its autonomous system: ${fields.join(',')}`)
    return range
  })
}
