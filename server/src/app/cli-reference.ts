import type { Command } from 'commander'
import { createProgram } from './command-line.ts'

const helpWidth = 100

/** docs/reference/cli.md: the help text of every command, in the order in which `--help` lists them. */
export function cliReference(): string {
  const sections = commandsOf(createProgram()).map(({ path, command }) => {
    const help = command.configureHelp({ helpWidth }).helpInformation().trimEnd()
    return `## ${path}\n\n\`\`\`text\n${help}\n\`\`\`\n`
  })
  return `# Commands

\`npx watchfire COMMAND --help\` prints these texts. Generated from them by \`npm run cli\`; do not edit.

${sections.join('\n')}`
}

function commandsOf(command: Command, before: string[] = []): { path: string; command: Command }[] {
  const names = [...before, command.name()]
  return [{ path: names.join(' '), command }, ...command.commands.flatMap((inner) => commandsOf(inner, names))]
}
