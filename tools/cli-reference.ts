// Writes docs/reference/cli.md from the help texts of the commands. Run it after a command or an option changed: npm run cli
import { writeFileSync } from 'node:fs'
import { cliReference } from '../server/src/app/cli-reference.ts'

writeFileSync(new URL('../docs/reference/cli.md', import.meta.url), cliReference())
