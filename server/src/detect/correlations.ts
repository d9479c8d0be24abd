import type { Detection, Fields, MatchedField } from '../event/event.ts'
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
   * Takes detections in the order of their arrival; gives back those that stand alone and, in between, the correlations they
   * complete. Detections of rules that only feed correlations are kept back.
   */
  push(detections: readonly Detection[]): Detection[]
  /** No event before `watermarkMs` is expected any more: what waited for that, e.g. on an idle stream. */
  advance(watermarkMs: number): Detection[]
  snapshot(): CorrelationSnapshot
  restore(snapshot: CorrelationSnapshot): void
  readonly counters: CorrelationCounters
  readonly liveGroups: number
}

/** Creates the stage from the same rule set as the detector; correlations that are not `enabled` neither count nor fire. */
export function createCorrelationStage(
  ruleSet: RuleSet,
  options: CorrelationOptions & { enabled?: (ruleId: string) => boolean } = {},
): CorrelationStage {
  const { enabled = () => true } = options
  const correlations = ruleSet.correlations.filter(({ id }) => enabled(id))
  const engine = new CorrelationEngine(correlations, options)
  // Silent by definition, also while the correlation that counts them is switched off.
  const silent = silentRules(ruleSet.correlations)
  const shown = (firings: CorrelationFiring[]) =>
    firings.filter(({ correlation }) => !silent.has(correlation.id)).map(firingDetection)
  return {
    push(detections) {
      const out: Detection[] = []
      for (const detection of detections) {
        if (!silent.has(detection.ruleId)) out.push(detection)
        if (!engine.counts(detection.ruleId)) continue
        const { ruleId, timeMs, unitPath, fields } = detection
        const eventId = detection.eventIds[0] ?? detection.id
        const read = (field: string) => fields[field]
        out.push(...shown(engine.push({ ruleId, eventId, timeMs, scope: unitPath, read, payload: detection })))
      }
      return out
    },
    advance: (watermarkMs) => shown(engine.advance(watermarkMs)),
    snapshot: () => engine.snapshot(),
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
  const trigger = firing.payload as Detection | undefined
  const groupFields: Fields = Object.fromEntries(group)
  const fields: Fields = { ...trigger?.fields, ...groupFields }
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
