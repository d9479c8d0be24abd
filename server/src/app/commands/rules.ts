import type { Command } from 'commander'
import type { Config } from '../../config/config.ts'
import { type RuleFolder, readRuleFolders } from '../../detect/rule-folder.ts'
import { correlationSql } from '../../detect/sigma/correlation/sql.ts'
import type { SigmaDocument } from '../../detect/sigma/document.ts'
import { type Lookups, loadLookups } from '../../detect/sigma/logsource.ts'
import { compileRuleSet, type RuleSet } from '../../detect/sigma/ruleset.ts'
import { ruleSql } from '../../detect/sigma/sql.ts'
import { isSuricataFile, readSuricataFiles } from '../../detect/suricata/load.ts'
import { CodedError } from '../../event/errors.ts'
import { loadParsers } from '../../normalise/load.ts'
import { eventsTable } from '../../seams/events/schema.ts'
import { captureScenarios } from '../../traffic/sample-capture.ts'
import { contentDirs } from '../content.ts'
import { readRules } from '../offline-rules.ts'
import { createRuleProof, type RuleProof } from '../rule-proof.ts'
import { rulePaths } from '../rules.ts'
import { explainRules } from './rules-explain.ts'

/** `watchfire rules`: looks at rules without the platform. */
export function rulesCommand(program: Command, config: () => Config): void {
  const rules = program.command('rules').description('checks, proves and converts Sigma rules; checks Suricata rules')
  const paths = (given: string[]) => (given.length > 0 ? given : rulePaths(contentDirs(config())))

  rules
    .command('check [path...]')
    .description('says of every rule whether it can be used, and of every refused one where and why')
    .option('--json', 'one JSON object a rule that is refused or warned of, and one for the totals')
    .addHelpText('after', '\nEnds with 0 when every rule can be used, 1 when one is refused or nothing could be read.')
    .action(async (given: string[], { json }: { json?: boolean }) => {
      const suricata = given.filter(isSuricataFile)
      if (suricata.length > 0) checkSuricata(suricata, json ?? false)
      const sigma = given.filter((path) => !suricata.includes(path))
      if (suricata.length > 0 && sigma.length === 0) return
      const { knownFields } = loadLookups(contentDirs(config())[0]!)
      const set = compileRuleSet(await readRules(paths(sigma)), { knownFields })
      for (const line of json ? checkObjects(set) : checkLines(set)) console.log(line)
      if (set.refused.length > 0) process.exitCode = 1
    })

  rules
    .command('test')
    .description('runs the samples of the rules of this installation: each fires where it should and nowhere else')
    .argument('[folder...]', 'rule folders, e.g. linux/ssh-brute-force (default: all)')
    .option('--mutations', 'also changes each rule in small ways and names the changes that no sample notices')
    .action((given: string[], options: { mutations?: boolean }) => {
      const dirs = contentDirs(config())
      const { prove, mutate } = createRuleProof(loadParsers(dirs).parsers, loadLookups(dirs[0]!), config().timeZone)
      const folders = dirs
        .flatMap((dir) => readRuleFolders(dir, captureScenarios))
        .filter(({ path }) => given.length === 0 || given.some((start) => `${path}/`.startsWith(`${start}/`)))
      const problems = folders.flatMap((folder) => prove(folder))
      for (const problem of problems) console.log(problem)
      console.log(problems.length === 0 ? 'every rule is proven on its samples' : `${problems.length} samples fail`)
      const survivors = options.mutations ? printMutations(folders, mutate) : 0
      if (problems.length + survivors > 0) process.exitCode = 1
    })

  rules
    .command('convert [path...]')
    .description('prints the SQL over the event store that finds what each rule finds')
    .action(async (given: string[]) => {
      convertRules(compileRuleSet(await readRules(paths(given))), loadLookups(contentDirs(config())[0]!))
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

/** Says of files of Suricata rules what is refused and why. */
function checkSuricata(files: string[], json: boolean): void {
  const { rules, refused } = readSuricataFiles(files)
  for (const rule of refused) {
    const { file, line, sid, message } = rule
    console.log(
      json ? JSON.stringify({ verdict: 'refused', ...rule }) : `${file}:${line}: sid ${sid ?? 'none'}: ${message}`,
    )
  }
  if (json) console.log(JSON.stringify({ verdict: 'total', usable: rules.length, refused: refused.length }))
  else console.log(`${rules.length} Suricata rules can be used, ${refused.length} are refused`)
  if (refused.length > 0) process.exitCode = 1
}

function* checkLines({ rules, correlations, refused }: RuleSet): Generator<string> {
  for (const { file, line, column, reason, message, hint } of refused)
    yield `${file}:${line}:${column}: ${reason}: ${message}. ${hint}`
  for (const { document, warnings } of rules)
    for (const { line, column, message } of warnings)
      yield `${document.source.file}:${line}:${column}: warning: ${message}`
  yield `${rules.length + correlations.length} rules can be used, ${refused.length} are refused`
}

function* checkObjects({ rules, correlations, refused }: RuleSet): Generator<string> {
  for (const rule of refused) yield JSON.stringify({ verdict: 'refused', ...rule })
  for (const { document, warnings } of rules)
    for (const warning of warnings)
      yield JSON.stringify({ verdict: 'warned', id: document.id, file: document.source.file, warning })
  yield JSON.stringify({ verdict: 'total', usable: rules.length + correlations.length, refused: refused.length })
}

/** Prints what no sample notices; gives back how much that is. */
function printMutations(folders: readonly RuleFolder[], mutate: RuleProof['mutate']): number {
  let mutants = 0
  let wrong = 0
  for (const folder of folders) {
    const result = mutate(folder)
    mutants += result.mutants
    wrong += result.survivors.length + result.needless.length
    for (const survivor of result.survivors) console.log(`${folder.path}: survives: ${survivor}`)
    for (const needless of result.needless) console.log(`${folder.path}: needless excuse: ${needless}`)
  }
  console.log(`${mutants} mutants of ${folders.length} rules, ${wrong} that no sample notices`)
  return wrong
}

/** Prints the SQL of every rule and correlation, and where it may answer otherwise than the stream. */
function convertRules(set: RuleSet, lookups: Lookups): void {
  const print = ({ title, id }: SigmaDocument, convert: () => { query: string; limits: readonly string[] }) => {
    try {
      const { query, limits } = convert()
      console.log([`-- ${title} (${id})`, ...limits.map((limit) => `-- not exact: ${limit}`), `${query};\n`].join('\n'))
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      console.log(`-- ${title} (${id}): ${error.message}\n`)
    }
  }
  for (const rule of set.rules) {
    print(rule.document, () => {
      const { with: bindings, where, limits } = ruleSql(rule, lookups)
      return { query: `${bindings} SELECT * FROM ${eventsTable} WHERE ${where}`.trim(), limits }
    })
  }
  for (const correlation of set.correlations)
    print(correlation.document, () => correlationSql(correlation, set, lookups))
}
