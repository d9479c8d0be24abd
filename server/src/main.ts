import { runCommandLine } from './app/command-line.ts'

await runCommandLine(process.argv)
