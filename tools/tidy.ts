// Judges what a machine judges well, in seconds and without a list of exceptions. `--write` renews generated pages.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { checkImpure, checkThrown, checkWrites, lengths } from './tidy/code.ts'
import { checkChineseInCode, checkRuleSamples, checkWords } from './tidy/content.ts'
import { checkDeadExports, checkDeadFiles } from './tidy/dead.ts'
import { checkDocuments, checkMachinePaths } from './tidy/documents.ts'
import { checkErrorCodes, errorsPage, errorsPagePath } from './tidy/errors.ts'
import { checkBarrels, checkCycles, checkImportOrder, checkTargets } from './tidy/imports.ts'
import { checkMigrations } from './tidy/migrations.ts'
import { type Finding, readProject } from './tidy/project.ts'

const root = dirname(import.meta.dirname)
if (process.argv.includes('--write')) {
  const path = join(root, errorsPagePath)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, errorsPage(readProject(root)))
}

const project = readProject(root)
const checks: [string, () => Finding[]][] = [
  ['import order', () => checkImportOrder(project)],
  ['missing files', () => checkTargets(project)],
  ['import cycles', () => checkCycles(project)],
  ['barrels', () => checkBarrels(project)],
  ['dead files', () => checkDeadFiles(project)],
  ['dead exports', () => checkDeadExports(project)],
  ['time, randomness, environment', () => checkImpure(project)],
  ['thrown errors', () => checkThrown(project)],
  ['error codes', () => checkErrorCodes(project)],
  ['writes', () => checkWrites(project)],
  ['migrations', () => checkMigrations(project)],
  ['documents', () => checkDocuments(project)],
  ['machine paths', () => checkMachinePaths(project, [root])],
  ['rule samples', () => checkRuleSamples(project)],
  ['words', () => checkWords(project)],
  ['words in code', () => checkChineseInCode(project)],
]

let total = 0
for (const [name, check] of checks) {
  const findings = check()
  total += findings.length
  if (findings.length > 0) console.log(`\n${name}`)
  for (const { path, line, message } of findings) console.log(`  ${path}${line ? `:${line}` : ''}  ${message}`)
}
for (const report of lengths(project)) console.log(report)
console.log(
  total === 0
    ? `tidy: ${checks.length} checks, ${project.files.size} files, nothing to say`
    : `tidy: ${total} findings`,
)
process.exitCode = total > 0 ? 1 : 0
