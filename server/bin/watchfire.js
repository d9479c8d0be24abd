#!/usr/bin/env node
// The command as npm links it. The program itself is compiled from src/ to dist/.
import { existsSync } from 'node:fs'

const program = new URL('../dist/main.js', import.meta.url)
if (!existsSync(program)) {
  console.error('Watchfire is not built yet: run `npm start` (it installs and builds what is missing) or `npm run build`.')
  process.exit(1)
}
// Every thread of the program waits for its disk in one pool of four by default, where one writer waits for the others' syncs.
process.env.UV_THREADPOOL_SIZE ??= '16'
await import(program.href)
