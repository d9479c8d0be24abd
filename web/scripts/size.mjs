/**
 * Measures the JavaScript a browser fetches before the first page can be used, gzipped: the entry with everything it
 * imports, the words of one language, and the first page's own chunk. Fails above the limit. Run after `vite build`.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const limitKb = 300
const dist = join(import.meta.dirname, '..', 'dist')
const assets = join(dist, 'assets')
const files = new Map(readdirSync(assets).filter((name) => name.endsWith('.js')).map((name) => [name, readFileSync(join(assets, name), 'utf8')]))

/** Chunks a chunk imports at once (not those it may load later). */
function importsOf(name) {
  const text = files.get(name) ?? ''
  const found = [...text.matchAll(/(?:from|import)\s*["']\.\/([\w.-]+\.js)["']/g)].map((match) => match[1])
  return found.filter((other) => files.has(other))
}

function closure(names) {
  const seen = new Set()
  const visit = (name) => {
    if (seen.has(name)) return
    seen.add(name)
    importsOf(name).forEach(visit)
  }
  names.forEach(visit)
  return seen
}

const html = readFileSync(join(dist, 'index.html'), 'utf8')
const entries = [...html.matchAll(/(?:src|href)="\/assets\/([\w.-]+\.js)"/g)].map((match) => match[1])
const chunk = (prefix) => [...files.keys()].filter((name) => name.startsWith(prefix))
const size = (names) => [...names].reduce((sum, name) => sum + gzipSync(files.get(name)).length, 0) / 1000

const firstPages = {
  'sign-in': [...entries, ...chunk('zh-CN-'), ...chunk('SignInPage-')],
  overview: [...entries, ...chunk('zh-CN-'), ...chunk('OverviewPage-')],
  incidents: [...entries, ...chunk('zh-CN-'), ...chunk('IncidentsPage-')],
  search: [...entries, ...chunk('zh-CN-'), ...chunk('SearchPage-')],
}
let failed = false
for (const [name, start] of Object.entries(firstPages)) {
  const kb = size(closure(start))
  const isFirst = name === 'sign-in' || name === 'overview'
  if (isFirst && kb > limitKb) failed = true
  console.log(`${name.padEnd(10)} ${kb.toFixed(1).padStart(7)} KB gzip${isFirst ? ` (limit ${limitKb})` : ''}`)
}
const outside = [...files].filter(([, text]) => /\b(?:fetch|import)\(["']https?:\/\//.test(text)).map(([name]) => name)
if (outside.length > 0 || /(?:src|href)="https?:/.test(html)) {
  failed = true
  console.log(`requests to other hosts: ${outside.join(', ') || 'index.html'}`)
}
if (failed) process.exitCode = 1
