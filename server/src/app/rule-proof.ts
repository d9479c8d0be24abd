import { correlationLatenessMs, createCorrelationLanes } from '../detect/correlation-lanes.ts'
import { createCorrelationStage } from '../detect/correlations.ts'
import { createDetector } from '../detect/detect.ts'
import { readRulePaths } from '../detect/load.ts'
import type { RuleFolder, RuleSample } from '../detect/rule-folder.ts'
import type { Lookups } from '../detect/sigma/logsource.ts'
import { compileRuleSet } from '../detect/sigma/ruleset.ts'
import { createNormaliser } from '../normalise/normalise.ts'
import type { Parser } from '../normalise/parser.ts'
import { systemClock } from '../seams/clock/clock.ts'

/**
 * Runs the samples of a rule folder through parser, detection and correlation as the platform does, and answers what is
 * wrong: a refused rule, a sample that is not understood, one that should fire and does not, or the other way round.
 */
export function createRuleProof(parsers: readonly Parser[], lookups: Lookups, zone: string) {
  return (folder: RuleFolder): string[] => {
    const set = compileRuleSet(readRulePaths([folder.file]))
    if (set.refused.length > 0) return [`${folder.path}: refused: ${set.refused[0]!.message}`]
    const strays: string[] = []
    const fires = ({ parser, lines }: RuleSample): boolean => {
      const receivedAtMs = systemClock.now()
      const placed = lines.map((line, offset) => ({
        partition: 0,
        offset,
        record: { receivedAtMs, transport: 'file' as const, sender: 'sample', source: '', body: Buffer.from(line) },
      }))
      const { events } = createNormaliser(parsers, { zone }).normalise(placed, new Map([['file:sample', { parser }]]))
      const stray = events.find((event) => event.fields['event.dataset'] === 'unparsed')
      if (stray) strays.push(`${folder.path}: ${parser} does not understand ${Buffer.from(stray.raw).toString()}`)
      const lanes = createCorrelationLanes(() => createCorrelationStage(set, { latenessMs: correlationLatenessMs }))
      return lanes.push(createDetector(set, { lookups }).detect(events), receivedAtMs).length > 0
    }
    const wrong = [
      ...folder.fires
        .filter((sample) => !fires(sample))
        .map(({ parser }) => `${folder.path}: silent on fires.${parser}.log`),
      ...folder.silent.filter(fires).map(({ parser }) => `${folder.path}: fires on silent.${parser}.log`),
    ]
    return [...strays, ...wrong]
  }
}
