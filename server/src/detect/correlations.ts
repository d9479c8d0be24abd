import type { Detection, Fields, MatchedField } from '../event/event.ts'
import { isSilent, type Match } from '../event/match.ts'
import { attackOf } from './attack.ts'
import { detectionId, wordsOf } from './detect.ts'
import { entitiesOf } from './entities.ts'
import {
  type CorrelationCounters,
  CorrelationEngine,
  type CorrelationFiring,
  type CorrelationOptions,
  type CorrelationSnapshot,
} from './sigma/correlation/engine.ts'
import { silentRules } from './sigma/correlation/order.ts'
import type { RuleSet } from './sigma/ruleset.ts'

/**
 * The stateful half of detection: counts the detections of single events over time. Its state lives with whoever feeds
 * it: store `snapshot()` together with the offsets of what was pushed, and `restore` it before pushing what follows.
 */
export interface CorrelationStage {
  /**
   * Takes matches in the order of their arrival; gives back the detections that stand alone and, in between, the correlations
   * they complete. What rules found that only feed correlations is kept back.
   */
  push(matches: readonly Match[]): Detection[]
  /** No event before `watermarkMs` is expected any more: what waited for that, e.g. on an idle stream. */
  advance(watermarkMs: number): Detection[]
  snapshot(): CorrelationSnapshot
  /** The snapshot as JSON, in pieces. */
  snapshotText(): Iterable<string>
  restore(snapshot: CorrelationSnapshot): void
  readonly counters: CorrelationCounters
  readonly liveGroups: number
}

/** Creates the stage from the same rule set as the detector; correlations that are not `enabled` neither count nor fire. */
export function createCorrelationStage(
  ruleSet: RuleSet,
  options: CorrelationOptions & {
    enabled?: (ruleId: string) => boolean
    /**
     * What comes as a detection stands alone, whatever these rules say: it was found by a thread that took its own rules
     * for it, perhaps newer ones. Without it, detections of silent rules are kept back here.
     */
    passesDetections?: boolean
  } = {},
): CorrelationStage {
  const { enabled = () => true, passesDetections = false } = options
  const correlations = ruleSet.correlations.filter(({ id }) => enabled(id))
  const engine = new CorrelationEngine(correlations, options)
  // Silent by definition, also while the correlation that counts them is switched off.
  const silent = silentRules(ruleSet.correlations)
  const shown = (firings: CorrelationFiring[]) =>
    firings.filter(({ correlation }) => !silent.has(correlation.id)).map(firingDetection)
  return {
    push(matches) {
      const out: Detection[] = []
      const count = (match: Match, eventId: string, ruleId: string, counted: Fields) => {
        if (!engine.counts(ruleId)) return
        const read = (field: string) => counted[field]
        const input = { ruleId, eventId, timeMs: match.timeMs, scope: match.unitPath, read, payload: match }
        const firings = engine.push(input)
        if (firings.length > 0) out.push(...shown(firings))
      }
      for (const match of matches) {
        if (isSilent(match)) {
          for (const { ruleId, counted } of match.rules) count(match, match.eventId, ruleId, counted)
        } else {
          if (passesDetections || !silent.has(match.ruleId)) out.push(match)
          count(match, match.eventIds[0] ?? match.id, match.ruleId, match.fields)
        }
      }
      return out
    },
    advance: (watermarkMs) => shown(engine.advance(watermarkMs)),
    snapshot: () => engine.snapshot(),
    snapshotText: () => engine.snapshotText(),
    restore: (snapshot) => engine.restore(snapshot),
    counters: engine.counters,
    get liveGroups() {
      return engine.liveGroups
    },
  }
}

/** The finding of a correlation: the event that completed it, its group, and the events it counted. */
function firingDetection(firing: CorrelationFiring): Detection {
  const { correlation, group, measured, eventIds, timeMs } = firing
  const { document } = correlation
  const trigger = firing.payload as Match | undefined
  const groupFields: Fields = Object.fromEntries(group)
  const fields: Fields = { ...(trigger && fieldsOf(trigger)), ...groupFields }
  const entities = entitiesOf(fields)
  const matched: MatchedField[] = [...group].map(([field, value]) => ({ part: 'correlation', field, value }))
  matched.push({ part: 'correlation', field: correlation.type, value: String(measured) })
  return {
    id: detectionId(correlation.id, firing.triggerEventId, firing.groupKey),
    ruleId: correlation.id,
    detector: 'correlation',
    severity: document.level,
    timeMs,
    unitPath: firing.scope,
    ...attackOf(document.tags),
    entities,
    eventIds,
    matched,
    fields,
    sourceKey: trigger?.sourceKey ?? '',
    ...wordsOf(document, entities),
  }
}

/** Fields of the event that completed a correlation, with the values by which any of its rules is counted. */
function fieldsOf(match: Match): Fields {
  if (!isSilent(match)) return match.fields
  return Object.assign(JSON.parse(match.fieldsText) as Fields, ...match.rules.map(({ counted }) => counted))
}
