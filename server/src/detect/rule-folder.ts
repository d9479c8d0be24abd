import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'

/** Records in the format of one parser, in the order they came. */
export interface RuleSample {
  /** Name of the parser in content/sources that reads the lines. */
  parser: string
  lines: string[]
}

/** A rule as it lies in content/rules: a folder with rule.yml and the records it fires on and stays silent on. */
export interface RuleFolder {
  /** Path relative to the rules folder, e.g. `linux/ssh-brute-force`. */
  path: string
  file: string
  yaml: string
  fires: RuleSample[]
  silent: RuleSample[]
}

/** All rule folders below `<contentDir>/rules`, in path order. Sample files are named `fires.<parser>.log`. */
export function readRuleFolders(contentDir: string): RuleFolder[] {
  const root = join(contentDir, 'rules')
  const folders: RuleFolder[] = []
  const visit = (path: string) => {
    const directory = join(root, path)
    const names = readdirSync(directory).sort()
    if (names.includes('rule.yml')) folders.push(readRuleFolder(directory, path, names))
    for (const name of names) if (statSync(join(directory, name)).isDirectory()) visit(join(path, name))
  }
  visit('')
  return folders
}

function readRuleFolder(directory: string, path: string, names: string[]): RuleFolder {
  const file = join(directory, 'rule.yml')
  const samples = (kind: string): RuleSample[] =>
    names
      .filter((name) => name.startsWith(`${kind}.`))
      .map((name) => ({
        parser: basename(name).split('.')[1] ?? '',
        lines: readFileSync(join(directory, name), 'utf8')
          .split('\n')
          .filter((line) => line !== ''),
      }))
  return { path, file, yaml: readFileSync(file, 'utf8'), fires: samples('fires'), silent: samples('silent') }
}
