// `npm test`: everything from a fresh clone. Installs, builds, runs the static checks and every part of the test
// suite, then prints one table and, as its last line, `N passed, N failed, N skipped`. With WATCHFIRE_REQUIRE=all a
// skipped part or test is a failure, except one that needs data from ../shared. `npm test -- unit golden` runs only
// the named parts. Parts that wait most of their time run two at once.
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { buildWhenNeeded, checkNode, installWhenNeeded, root } from './prepare.mjs'

const suites = ['unit', 'golden', 'contract', 'simulation', 'fault', 'e2e']
/** Parts that start servers and wait for them, the longest first, so that both ways end at about the same time. */
const besides = ['e2e', 'fault', 'contract', 'golden', 'static', 'simulation']
const requireAll = process.env.WATCHFIRE_REQUIRE === 'all'
const artefacts = join(root, '.artefacts')
const rows = []

checkNode()
const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => name !== 'static' && !suites.includes(name))
if (unknown.length > 0) {
  console.error(`Unknown part ${unknown.join(', ')}; the parts are static, ${suites.join(', ')}.`)
  process.exit(2)
}
installWhenNeeded()
buildWhenNeeded()
mkdirSync(artefacts, { recursive: true })

const environment = { ...process.env }
if (isWanted('unit')) await findPeers()
const found = findParts()
if (isWanted('unit')) await runSuite('unit')
await found
await runTogether(besides.filter(isWanted))
finish()

function isWanted(name) {
  return wanted.length === 0 || wanted.includes(name)
}

/** Two parts at a time where there are two processors; none of them shares a folder, a port or a server with another. */
async function runTogether(names) {
  const waiting = [...names]
  const way = async () => {
    for (let name = waiting.shift(); name; name = waiting.shift())
      await (name === 'static' ? runStatic() : runSuite(name, names.length > 1))
  }
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, way))
}

async function runStatic() {
  const bin = (name) => join(root, 'node_modules', '.bin', name)
  await check('types: server', [bin('tsc'), '-p', 'server', '--noEmit'])
  await check('types: web', [bin('tsc'), '-b', 'web'])
  await check('types: tests, tools', [bin('tsc'), '-p', 'tests', '--noEmit'])
  await check('format, lint', [bin('biome'), 'check', '--diagnostic-level=error'])
  await check('tidy', [bin('tsx'), 'tools/tidy.ts'])
  await check('licences', [bin('tsx'), 'tools/licences.ts'])
  await audit()
}

/** One static check: passed or failed as a whole; its output is shown only when it fails. */
async function check(part, [command, ...parameters]) {
  const startedAt = Date.now()
  const { status, output } = await runQuietly(command, parameters)
  if (status !== 0) console.log(`\n--- ${part} ---\n${output}`)
  addRow({ part, passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, startedAt })
}

/** Known weaknesses of what is installed, where a registry answers the question; where none does, nobody was asked. */
async function audit() {
  const startedAt = Date.now()
  const { status, output } = await runQuietly('npm', ['audit', '--omit=dev', '--audit-level=high', '--json'])
  const report = parseJson(output.slice(output.indexOf('{')))
  if (!report?.metadata)
    return addRow({ part: 'npm audit', startedAt, note: 'not asked: the registry does not answer audits' })
  if (status !== 0)
    console.log(`\n--- npm audit ---\n${JSON.stringify(report.vulnerabilities, null, 1).slice(0, 4000)}`)
  addRow({ part: 'npm audit', passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, startedAt })
}

/** Shows what the part prints as it comes, or, when another part prints too, whole at its end. */
async function runSuite(name, isBesideAnother = false) {
  const startedAt = Date.now()
  const reportPath = join(artefacts, `${name}.json`)
  rmSync(reportPath, { force: true })
  console.log(isBesideAnother ? `${name} is running ...` : `\n--- ${name} ---`)
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
  const parameters = [
    vitest,
    'run',
    '--project',
    name,
    '--passWithNoTests',
    '--reporter=dot',
    '--reporter=./tools/test-reporter.ts',
  ]
  const env = { ...environment, WATCHFIRE_TEST_REPORT: reportPath }
  const { status, output } = await (isBesideAnother ? runQuietly : runLoudly)(process.execPath, parameters, env)
  if (isBesideAnother) console.log(`\n--- ${name} ---\n${output}`)
  const report = existsSync(reportPath) ? parseJson(readFileSync(reportPath, 'utf8')) : undefined
  if (!report) return addRow({ part: name, failed: 1, startedAt, note: `no report (exit ${status})` })
  const { passed, failed, failures, skipped } = report
  if (passed + failed + skipped.length === 0) {
    return addRow({ part: name, skipped: [{ name: `all of ${name}`, reason: 'it has no tests' }], startedAt })
  }
  // The exit code has the last word: vitest also fails for what is no test, such as an unhandled rejection.
  addRow({ part: name, passed, failed: status !== 0 && failed === 0 ? 1 : failed, failures, skipped, startedAt })
}

function addRow({ part, passed = 0, failed = 0, failures = [], skipped = [], startedAt, note = '' }) {
  rows.push({ part, passed, failed, failures, skipped, note, seconds: (Date.now() - startedAt) / 1000 })
}

function finish() {
  const order = (part) => suites.indexOf(part)
  rows.sort((a, b) => order(a.part) - order(b.part))
  const unexcused = requireAll
    ? rows.flatMap((row) => row.skipped.filter((test) => !needsShared(test)).map((test) => [row.part, test]))
    : []
  const lines = rows.map((row) => [
    row.part,
    row.passed,
    row.failed,
    row.skipped.length,
    row.seconds.toFixed(1),
    row.note || reasons(row.skipped),
  ])
  printTable(['part', 'passed', 'failed', 'skipped', 'seconds', 'why skipped'], lines)
  for (const { part, failures } of rows)
    for (const { name, message } of failures) console.log(`failed: ${part}: ${name}${message ? `: ${message}` : ''}`)
  for (const [part, { name, reason }] of unexcused) {
    console.log(`skipped although WATCHFIRE_REQUIRE=all: ${part}: ${name}${reason ? ` (${reason})` : ''}`)
  }
  const sum = (key) => rows.reduce((total, row) => total + row[key], 0)
  const skipped = rows.reduce((total, row) => total + row.skipped.length, 0)
  const failed = sum('failed') + unexcused.length
  console.log(`${Math.round(process.uptime())} seconds in all`)
  console.log(`${sum('passed')} passed, ${failed} failed, ${skipped - unexcused.length} skipped`)
  process.exit(failed > 0 ? 1 : 0)
}

/** A test that reads ../shared says so in its name or its reason. */
function needsShared({ name, reason }) {
  return /\bshared\b/i.test(`${name} ${reason}`)
}

function reasons(skipped) {
  const texts = skipped.map(
    (test) => test.reason || (needsShared(test) ? 'no data in ../shared' : `no reason given: ${test.name}`),
  )
  const unique = [...new Set(texts)]
  return unique.slice(0, 3).join('; ') + (unique.length > 3 ? `; and ${unique.length - 3} more` : '')
}

function printTable(head, lines) {
  const table = [head, ...lines].map((line) => line.map(String))
  const widths = head.map((_, column) => Math.max(...table.map((line) => line[column].length)))
  const numeric = (column) => column > 0 && column < 5
  console.log('')
  for (const [index, line] of table.entries()) {
    const cells = line.map((cell, column) =>
      numeric(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column]),
    )
    console.log(cells.join('  ').trimEnd())
    if (index === 0) console.log(widths.map((width) => '-'.repeat(width)).join('  '))
  }
}

/** The real programs that unit tests speak with; they are small, so the tests wait for them. */
async function findPeers() {
  const isThere = (name) => existsSync(`/usr/sbin/${name}`) || existsSync(`/usr/local/sbin/${name}`)
  for (const [name, program] of [
    ['clamav-daemon', 'clamd'],
    ['softflowd', 'softflowd'],
  ]) {
    if (isThere(program) || ((await aptInstall(name)) && isThere(program))) continue
    console.log(`No ${program} found: install it (Debian: apt-get install ${name}).`)
  }
}

/** What is no npm package; where it has to be installed, the unit tests need not wait for it. */
async function findParts() {
  if (isWanted('e2e')) Object.assign(environment, await findChromium())
  if (isWanted('contract')) await findPostgres()
}

/** The browser of the e2e part: CHROME_PATH, the system's, or one that apt-get installs when we may. */
async function findChromium() {
  const find = () =>
    process.env.CHROME_PATH ||
    onPath(['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'])
  const path = find() || ((await aptInstall('chromium')) && find())
  if (path) return { CHROME_PATH: path }
  console.log('No Chromium found: install one (Debian: apt-get install chromium) or name it with CHROME_PATH.')
  return {}
}

/** A PostgreSQL server that is not ours, for the contract of the state store: installed where we may, else asked for. */
async function findPostgres() {
  if (process.env.WATCHFIRE_TEST_POSTGRES_URL) return
  const find = () => {
    const base = '/usr/lib/postgresql'
    return existsSync(base) && readdirSync(base).some((version) => existsSync(join(base, version, 'bin', 'initdb')))
  }
  if (find() || ((await aptInstall('postgresql')) && find())) return
  console.log(
    'No PostgreSQL server found: install one (Debian: apt-get install postgresql) or give WATCHFIRE_TEST_POSTGRES_URL.',
  )
}

function onPath(names) {
  const folders = (process.env.PATH ?? '').split(':')
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path))
}

/** True when apt-get installed the package; only root may, and only on Debian and its kin. */
async function aptInstall(name) {
  if (process.getuid?.() !== 0 || !onPath(['apt-get'])) return false
  console.log(`Installing ${name} with apt-get ...`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const install = ['install', '-y', '-q', '--no-install-recommends', name]
  for (const parameters of [['update', '-q'], install]) {
    const { status, output } = await runQuietly('apt-get', parameters, env)
    if (status !== 0) console.error(output)
    if (status !== 0) return false
  }
  return true
}

function runQuietly(command, parameters, env = process.env) {
  return new Promise((resolve) => {
    const child = spawn(command, parameters, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], env })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text) => (output += text))
    child.stderr.setEncoding('utf8').on('data', (text) => (output += text))
    child.on('error', (error) => resolve({ status: 1, output: error.message }))
    child.on('close', (status) => resolve({ status, output }))
  })
}

function runLoudly(command, parameters, env) {
  return new Promise((resolve) => {
    const child = spawn(command, parameters, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env })
    child.on('error', (error) => {
      console.error(error.message)
      resolve({ status: 1, output: '' })
    })
    child.on('close', (status) => resolve({ status: status ?? 1, output: '' }))
  })
}

function parseJson(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
