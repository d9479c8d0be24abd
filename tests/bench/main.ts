// `npm run bench -- NAME... [--json] [--seconds N] [--rate N,N] [--write]`: runs benchmarks of this folder and prints what
// they measured. `--write` renews their sections of docs/reference/benchmarks.md.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

/** What a benchmark may be told; each has defaults of its own. */
export interface BenchOptions {
  seconds?: number
  rates?: number[]
}

interface Bench {
  name: string
  run(options: BenchOptions): Promise<Record<string, number | string>[]>
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string' },
    rate: { type: 'string' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const benches = findBenches()
if (values.help || positionals.length === 0) {
  console.log('npm run bench -- NAME... [--json] [--seconds N] [--rate N,N] [--write]\n')
  console.log(`NAME is one of: ${[...benches.keys()].join(', ')}, or all`)
  process.exit(values.help ? 0 : 2)
}
const names = positionals.includes('all') ? [...benches.keys()] : positionals
const unknown = names.filter((name) => !benches.has(name))
if (unknown.length > 0) {
  console.error(`There is no benchmark ${unknown.join(', ')}; there are ${[...benches.keys()].join(', ')}.`)
  process.exit(2)
}
const options: BenchOptions = {
  seconds: values.seconds === undefined ? undefined : Number(values.seconds),
  rates: values.rate?.split(',').map(Number),
}
const machine = `${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.versions.node}`
const results: Record<string, unknown> = { machine, date: new Date().toISOString().slice(0, 10) }
for (const name of names) {
  const bench = (await import(pathToFileURL(benches.get(name)!).href)) as Bench
  const rows = await bench.run(options)
  results[name] = rows
  if (!values.json) printRows(name, rows)
  if (values.write) writeSection(name, rows)
}
console.log(values.json ? JSON.stringify(results, null, 1) : `\n${results.date}, ${machine}`)
// Benchmarks close what they open; a worker that lingers must not keep the shell waiting.
process.exit(0)

/** Name of each benchmark to its file; only what is asked for is imported. */
function findBenches(): Map<string, string> {
  const found = new Map<string, string>()
  for (const file of readdirSync(import.meta.dirname).sort()) {
    if (!file.endsWith('.ts')) continue
    const path = join(import.meta.dirname, file)
    const name = /^export const name = '([^']+)'/m.exec(readFileSync(path, 'utf8'))?.[1]
    if (name) found.set(name, path)
  }
  return found
}

function printRows(name: string, rows: Record<string, number | string>[]): void {
  console.log(`\n${name}`)
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const table = [columns, ...rows.map((row) => columns.map((column) => format(row[column])))]
  const widths = columns.map((_, index) => Math.max(...table.map((line) => line[index]!.length)))
  for (const line of table) console.log(line.map((cell, index) => cell.padStart(widths[index]!)).join('  '))
}

/** Replaces the section of one benchmark in the page, or adds it; the other sections stay. */
function writeSection(name: string, rows: Record<string, number | string>[]): void {
  const path = join(import.meta.dirname, '..', '..', 'docs', 'reference', 'benchmarks.md')
  const head =
    '# Benchmarks\n\nMeasured, not promised. Each section is written by `npm run bench -- NAME --write`; compare ratios, not absolutes.\n'
  const page = existsSync(path) ? readFileSync(path, 'utf8') : head
  const [intro = head, ...sections] = page.split(/^(?=## )/m)
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))]
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`
  const table = [
    line(columns),
    line(columns.map(() => '---')),
    ...rows.map((row) => line(columns.map((column) => format(row[column])))),
  ]
  const section = `## ${name}\n\n${results.date}; ${machine}.\n\n${table.join('\n')}\n`
  const others = sections.map((text) => `${text.trim()}\n`).filter((text) => !text.startsWith(`## ${name}\n`))
  writeFileSync(path, [`${intro.trim()}\n`, ...[...others, section].sort()].join('\n'))
}

function format(value: number | string | undefined): string {
  if (typeof value !== 'number') return value ?? ''
  return Math.abs(value) >= 1_000 ? Math.round(value).toLocaleString('en-US') : String(value)
}
