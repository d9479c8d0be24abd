// What a fresh clone needs before anything can run: the right Node, the dependencies, the build. Plain JavaScript
// without dependencies, since it runs before they are there.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

const oldestNode = [20, 19]

/** Ends the process with a clear message when this Node is too old. */
export function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1])) return
  console.error(
    `Watchfire needs Node ${oldestNode.join('.')} or newer (20, 22 or 24); this is ${process.versions.node}.`,
  )
  console.error('Install a current Node, for example from https://nodejs.org, and run the command again.')
  process.exit(1)
}

/** Installs the locked dependencies when they are missing or the lock file has changed since. */
export function installWhenNeeded() {
  const stampPath = join(root, 'node_modules', '.watchfire-install')
  const stamp = hashOf([join(root, 'package-lock.json')])
  if (readStamp(stampPath) === stamp) return false
  // A tree that npm itself installed from this very lock file needs only the stamp.
  if (!isInstalledFromLock()) {
    console.log('Installing dependencies (npm ci) ...')
    run('npm', ['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund'], {
      failure:
        'The dependencies could not be installed. Check the network and the npm registry, then run the command again.',
    })
  }
  writeStamp(stampPath, stamp)
  return true
}

/** True when node_modules holds, by npm's own account, exactly the packages of the lock file that fit this machine. */
function isInstalledFromLock() {
  const installedPath = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(installedPath)) return false
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  const installed = JSON.parse(readFileSync(installedPath, 'utf8')).packages
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '' || entry.link || !path.includes('node_modules/')) return true
    if (entry.optional && !installed[path]) return true
    return installed[path]?.version === entry.version && existsSync(join(root, path, 'package.json'))
  })
}

const shared = ['package.json', 'package-lock.json', 'tsconfig.base.json']

/** The two builds, the folders and files they are made from, and where each leaves its stamp. */
const builds = [
  {
    name: 'web',
    inputs: [
      ...shared,
      'web/src',
      'web/public',
      'web/index.html',
      'web/package.json',
      'web/tsconfig.json',
      'web/vite.config.ts',
    ],
    output: 'web/dist',
  },
  {
    name: 'server',
    inputs: [
      ...shared,
      'server/src',
      'server/bin',
      'server/package.json',
      'server/tsconfig.json',
      'tools/copy-assets.mjs',
      'tools/compile-autonomous-systems.ts',
      'content',
    ],
    output: 'server/dist',
  },
]

/** Builds what changed since the last build, by the content of its sources. Returns the names of what was built. */
export function buildWhenNeeded() {
  const built = []
  for (const build of builds) {
    const stampPath = join(root, build.output, '.build-stamp')
    const stamp = hashOf(build.inputs.flatMap((input) => filesBelow(join(root, input))))
    if (readStamp(stampPath) === stamp) continue
    const startedAt = Date.now()
    console.log(`Building ${build.name} ...`)
    const parameters = ['run', 'build', '--silent', '--workspace', build.name]
    run('npm', parameters, { failure: `The build of ${build.name} failed.`, quiet: true })
    writeStamp(stampPath, stamp)
    built.push(build.name)
    console.log(`Built ${build.name} in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`)
  }
  return built
}

/** Runs a command in the clone's root; ends this process with its exit code and a message when it fails. */
function run(command, parameters, { failure, quiet = false }) {
  const stdio = quiet ? ['ignore', 'pipe', 'pipe'] : 'inherit'
  const result = spawnSync(command, parameters, {
    cwd: root,
    stdio,
    maxBuffer: 1 << 26,
    shell: process.platform === 'win32',
  })
  if (result.status === 0) return
  if (quiet) console.error(`${result.stdout}${result.stderr}`)
  console.error(result.error ? `${failure} (${result.error.message})` : failure)
  process.exit(result.status ?? 1)
}

/** All files below a folder, or the file itself; nothing when it does not exist. */
function filesBelow(path) {
  if (!existsSync(path)) return []
  let entries
  try {
    entries = readdirSync(path, { withFileTypes: true })
  } catch (error) {
    if (error.code === 'ENOTDIR') return [path]
    throw error
  }
  return entries
    .filter((entry) => entry.name !== 'node_modules' && entry.name !== 'dist')
    .flatMap((entry) => (entry.isDirectory() ? filesBelow(join(path, entry.name)) : [join(path, entry.name)]))
    .sort()
}

function hashOf(files) {
  const hash = createHash('sha256')
  for (const file of files) hash.update(relative(root, file)).update('\0').update(readFileSync(file)).update('\0')
  return hash.update(process.versions.modules).digest('hex')
}

function readStamp(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : ''
}

function writeStamp(path, stamp) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, stamp)
}
