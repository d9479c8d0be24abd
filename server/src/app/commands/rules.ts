import type { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import { readRulePaths } from '../../detect/load.ts'
import { readRuleFolders } from '../../detect/rule-folder.ts'
import { loadLookups } from '../../detect/sigma/logsource.ts'
import { compileRuleSet } from '../../detect/sigma/ruleset.ts'
import { type RuleSql, ruleSql } from '../../detect/sigma/sql.ts'
import { loadParsers } from '../../normalise/load.ts'
import { eventsTable } from '../../seams/events/schema.ts'
import { contentDirs } from '../content.ts'
import { createRuleProof } from '../rule-proof.ts'
import { rulePaths } from '../rules.ts'
import { explainRules } from './rules-explain.ts'

/** `watchfire rules`: looks at rules without the platform. */
export function rulesCommand(program: Command, config: () => Config): void {
  const rules = program.command('rules').description('checks, proves and converts Sigma rules')
  const paths = (given: string[]) => (given.length > 0 ? given : rulePaths(contentDirs(config())))

  rules
    .command('check [path...]')
    .description('says of every rule whether it can be used, and of every refused one where and why')
    .action((given: string[]) => {
      const set = compileRuleSet(readRulePaths(paths(given)))
      for (const rule of set.refused) {
        console.log(`${rule.file}:${rule.line}:${rule.column}: ${rule.reason}: ${rule.message}. ${rule.hint}`)
      }
      console.log(`${set.rules.length + set.correlations.length} rules can be used, ${set.refused.length} are refused`)
      if (set.refused.length > 0) process.exitCode = 1
    })

  rules
    .command('test')
    .description('runs the samples of the rules of this installation: each fires where it should and nowhere else')
    .action(() => {
      const folders = contentDirs(config())
      const { parsers } = loadParsers(folders)
      const prove = createRuleProof(parsers, loadLookups(folders[0]!), config().timeZone)
      const problems = folders.flatMap(readRuleFolders).flatMap((folder) => prove(folder))
      for (const problem of problems) console.log(problem)
      console.log(problems.length === 0 ? 'every rule is proven on its samples' : `${problems.length} samples fail`)
      if (problems.length > 0) process.exitCode = 1
    })

  rules
    .command('convert [path...]')
    .description('prints the SQL over the event store that finds what each rule finds')
    .action((given: string[]) => {
      const lookups = loadLookups(contentDirs(config())[0]!)
      for (const rule of compileRuleSet(readRulePaths(paths(given))).rules) {
        console.log(`-- ${rule.document.title} (${rule.document.id})\n${statement(ruleSql(rule, lookups))}\n`)
      }
    })

  rules
    .command('explain <path...>')
    .description('says what of each rule matches each event of a file and what does not')
    .requiredOption('--input <file>', 'log file, gzip or not')
    .option('--json', 'one explanation a line')
    .action((given: string[], { input, json }: { input: string; json?: boolean }) =>
      explainRules(config(), given, input, { json: json ?? false }),
    )
}

function statement({ with: bindings, where }: RuleSql): string {
  return `${bindings} SELECT * FROM ${eventsTable} WHERE ${where};`.trim()
}
