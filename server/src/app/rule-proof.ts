import { correlationLatenessMs, createCorrelationLanes } from '../detect/correlation-lanes.ts'
import { createCorrelationStage } from '../detect/correlations.ts'
import { createDetector } from '../detect/detect.ts'
import { readRulePaths } from '../detect/load.ts'
import { mutantsOf } from '../detect/mutation/mutants.ts'
import type { RuleFolder, RuleSample } from '../detect/rule-folder.ts'
import type { Lookups } from '../detect/sigma/logsource.ts'
import type { ParsedFile } from '../detect/sigma/parse.ts'
import { compileRuleSet, type RuleSet } from '../detect/sigma/ruleset.ts'
import type { Event } from '../event/event.ts'
import { createNormaliser } from '../normalise/normalise.ts'
import type { Parser } from '../normalise/parser.ts'
import { systemClock } from '../seams/clock/clock.ts'

/** Events that belong together and what the rule must say of them. */
interface Scenario {
  fires: boolean
  /** Name of the file and place in it, for people. */
  place: string
  events: Event[]
}

/** How many small changes of a rule its samples notice, and which not. */
export interface MutationResult {
  mutants: number
  survivors: string[]
  /** Mutations excused in evidence.yml that do not exist or that a sample notices. */
  needless: string[]
}

export interface RuleProof {
  /** What is wrong with the samples: a refused rule, a sample that is not understood, that should fire and does not, or the other way round. */
  prove(folder: RuleFolder): string[]
  /** Which mutants of the rule its samples do not tell from the rule itself. */
  mutate(folder: RuleFolder): MutationResult
}

/**
 * Runs the samples of rule folders through parser, detection and correlation as the platform does. Of a rule about single events
 * every event of `fires.*` must fire by itself, in a capture every conversation; of a correlation, every group of lines between empty
 * lines, in a capture every scenario.
 */
export function createRuleProof(parsers: readonly Parser[], lookups: Lookups, zone: string): RuleProof {
  const receivedAtMs = systemClock.now()

  function eventsOf(parser: string, lines: readonly string[]): Event[] {
    const placed = lines.map((line, offset) => ({
      partition: 0,
      offset,
      record: { receivedAtMs, transport: 'file' as const, sender: 'sample', source: '', body: Buffer.from(line) },
    }))
    // Records of several sources in one scenario are recognised from their content, as those of a shared port are.
    const pins = parser === 'any' ? undefined : new Map([['file:sample', { parser }]])
    return createNormaliser(parsers, { zone }).normalise(placed, pins).events
  }

  function fires(set: RuleSet, events: Event[]): boolean {
    const detections = createDetector(set, { lookups }).detect(events)
    if (set.correlations.length === 0) return detections.length > 0
    const lanes = createCorrelationLanes(() => createCorrelationStage(set, { latenessMs: correlationLatenessMs }))
    return lanes.push(detections, receivedAtMs).length > 0
  }

  function scenariosOf({ fires, silent }: RuleFolder, ofSingleEvents: boolean): Scenario[] {
    const read = (sample: RuleSample, mustFire: boolean): Scenario[] => {
      if (ofSingleEvents && sample.conversations) {
        return sample.conversations.map((lines) => ({
          fires: mustFire,
          place: `${sample.name}: ${lines[0]}`,
          events: eventsOf(sample.parser, lines),
        }))
      }
      return sample.groups.flatMap((lines, group) => {
        const events = eventsOf(sample.parser, lines)
        const place = `${sample.name} group ${group + 1}`
        if (!ofSingleEvents) return [{ fires: mustFire, place, events }]
        return events.map((event) => ({
          fires: mustFire,
          place: `${place}: ${Buffer.from(event.raw).toString()}`,
          events: [event],
        }))
      })
    }
    return [...fires.flatMap((sample) => read(sample, true)), ...silent.flatMap((sample) => read(sample, false))]
  }

  function load(folder: RuleFolder): { files: ParsedFile[]; set: RuleSet; scenarios: Scenario[] } {
    const files = readRulePaths([folder.file])
    const set = compileRuleSet(files)
    return { files, set, scenarios: scenariosOf(folder, set.correlations.length === 0) }
  }

  return {
    prove(folder) {
      const { set, scenarios } = load(folder)
      if (set.refused.length > 0) return [`${folder.path}: refused: ${set.refused[0]!.message}`]
      return scenarios.flatMap((scenario) => {
        const stray = scenario.events.find((event) => event.fields['event.dataset'] === 'unparsed')
        if (stray) return [`${folder.path}: not understood: ${Buffer.from(stray.raw).toString()}`]
        if (fires(set, scenario.events) === scenario.fires) return []
        return [`${folder.path}: ${scenario.fires ? 'silent on' : 'fires on'} ${scenario.place}`]
      })
    },
    mutate(folder) {
      const { files, set: original, scenarios } = load(folder)
      const verdicts = scenarios.map(({ events }) => fires(original, events))
      const excused = new Set(folder.evidence.equivalent.map(({ mutation }) => mutation))
      const result: MutationResult = { mutants: 0, survivors: [], needless: [] }
      for (const mutant of mutantsOf(files[0]!, lookups.logsources)) {
        const set = compileRuleSet([mutant.file])
        // A change that no longer is a rule cannot slip in unseen.
        if (set.refused.length > 0) continue
        result.mutants++
        if (scenarios.some(({ events }, index) => fires(set, events) !== verdicts[index])) continue
        if (!excused.delete(mutant.what)) result.survivors.push(mutant.what)
      }
      result.needless.push(...excused)
      return result
    },
  }
}
