import { type CanaryNews, canaryOf, canaryUnitPath } from '../../event/canary.ts'
import type { Detection, Event } from '../../event/event.ts'
import { type EventMatches, isSilent } from '../../event/match.ts'
import type { Broadcast } from '../../seams/bus/bus.ts'
import type { Clock } from '../../seams/clock/clock.ts'

/** Tells the history thread of canaries as they pass; called only for batches that hold one. */
export function createCanaryNews(channel: Pick<Broadcast<CanaryNews>, 'send'>, clock: Clock) {
  function tellRules(hop: 'detected' | 'correlated', found: readonly { sourceKey: string; ruleId: string }[]): void {
    const rules = new Map<string, string[]>()
    for (const { sourceKey, ruleId } of found) {
      const mark = canaryOf(sourceKey)
      if (mark) rules.set(mark.id, [...(rules.get(mark.id) ?? []), ruleId])
    }
    for (const [id, ruleIds] of rules) channel.send({ id, hop, atMs: clock.now(), ruleIds })
  }
  return {
    /** Takes the events of canaries away from every unit, and tells that they were parsed. */
    claim(events: readonly Event[]): void {
      for (const event of events) {
        const mark = canaryOf(event.sourceKey)
        if (!mark) continue
        event.unitPath = canaryUnitPath
        const understood = event.fields['event.dataset'] !== 'unparsed'
        channel.send({ id: mark.id, hop: 'parsed', atMs: clock.now(), eventId: event.id, understood })
      }
    },
    tellDetected: (found: readonly EventMatches[]) =>
      tellRules(
        'detected',
        found.flatMap(({ event: { sourceKey }, matches }) =>
          matches.flatMap((match) =>
            (isSilent(match) ? match.rules : [match]).map(({ ruleId }) => ({ sourceKey, ruleId })),
          ),
        ),
      ),
    tellCorrelated: (detections: readonly Detection[]) => tellRules('correlated', detections),
  }
}
