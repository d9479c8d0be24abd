import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { readRulePaths } from '../../detect/load.ts'
import { readRuleFolders } from '../../detect/rule-folder.ts'
import { silentRules } from '../../detect/sigma/correlation/order.ts'
import { compileRuleSet } from '../../detect/sigma/ruleset.ts'
import { captureScenarios } from '../../traffic/sample-capture.ts'

/** Records that prove a way, and the rules that have to fire on them. */
export interface CanarySample {
  parser: string
  lines: string[]
  /** Any of these has to fire; empty where only the parser is proven. */
  ruleIds: string[]
}

export interface CanarySamples {
  /** The samples of rules for a parser that are not switched off take turns; without one, a sample of the parser itself. */
  forParser(parser: string, turn: number, off: ReadonlySet<string>): CanarySample | undefined
  forRule(ruleId: string): CanarySample | undefined
}

/** What one canary may carry: it is a probe, no load. */
const linesMax = 200
const parserLinesMax = 20

/** Reads the firing samples of rules (content/rules) and the samples of parsers (content/sources). */
export function loadCanarySamples(contentDirs: readonly string[]): CanarySamples {
  const byParser = new Map<string, CanarySample[]>()
  const byRule = new Map<string, CanarySample>()
  for (const folder of contentDirs.flatMap((dir) => readRuleFolders(dir, captureScenarios))) {
    const set = compileRuleSet(readRulePaths([folder.file]))
    const silent = silentRules(set.correlations)
    const ruleIds = [...set.rules.map(({ document }) => document.id), ...set.correlations.map(({ id }) => id)]
    const shown = ruleIds.filter((id) => !silent.has(id))
    for (const { parser, lines } of folder.fires) {
      if (lines.length > linesMax || shown.length === 0) continue
      const sample = { parser, lines, ruleIds: shown }
      byParser.set(parser, [...(byParser.get(parser) ?? []), sample])
      // A part that only counts for a correlation is proven by the correlation that needs it.
      for (const id of ruleIds) if (!byRule.has(id)) byRule.set(id, sample)
    }
  }
  const plain = new Map<string, CanarySample>()
  for (const folder of contentDirs) {
    for (const [parser, lines] of parserSamples(join(folder, 'sources')))
      plain.set(parser, { parser, lines, ruleIds: [] })
  }
  return {
    forParser(parser, turn, off) {
      const usable = (byParser.get(parser) ?? []).filter(({ ruleIds }) => ruleIds.some((id) => !off.has(id)))
      return usable[turn % Math.max(1, usable.length)] ?? plain.get(parser)
    },
    forRule: (ruleId) => byRule.get(ruleId),
  }
}

function* parserSamples(root: string): Generator<[parser: string, lines: string[]]> {
  for (const parser of folders(root)) {
    const samples = join(root, parser, 'samples')
    for (const file of files(samples).slice(0, 1)) {
      const lines = readFileSync(join(samples, file), 'utf8').split('\n')
      yield [parser, lines.filter((line) => line !== '').slice(0, parserLinesMax)]
    }
  }
}

function folders(path: string): string[] {
  return entries(path)
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
}

function files(path: string): string[] {
  return entries(path)
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort()
}

function entries(path: string) {
  try {
    return readdirSync(path, { withFileTypes: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}
