// `npm start`: from a fresh clone to a running platform. Arguments after `--` go to `watchfire serve`.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildWhenNeeded, checkNode, installWhenNeeded, root } from './prepare.mjs'

checkNode()
installWhenNeeded()
buildWhenNeeded()

// The program runs in this very process, so that signals, the exit code and the terminal are its own.
const binary = join(root, 'server', 'bin', 'watchfire.js')
process.argv = [process.argv[0], binary, 'serve', ...process.argv.slice(2)]
await import(pathToFileURL(binary).href)
