import type { Detection, Entity } from '../event/event.ts'
import {
  compileException,
  compileUnlink,
  type Excepted,
  type ExceptionMatcher,
  type ExceptionScope,
} from '../state/exceptions/match.ts'

/** An exception as the engine uses it. */
export interface ActiveException extends ExceptionScope {
  id: number
  effect: 'hide' | 'unlink'
  expiresAtMs: number
}

/** All exceptions, compiled; one mechanism for every detector. */
export interface Suppressor {
  /** The exception that hides the detection: the one with the lowest id, so that every worker names the same. */
  hiddenBy(match: Detection, nowMs: number): number | null
  /** Entities that must not group it, with the exception that says so. */
  unlinked(match: Excepted, nowMs: number): { exceptionId: number; entity: Entity }[]
}

/** Expired exceptions stop by themselves: `nowMs` is compared at every call. */
export function compileSuppressor(active: ActiveException[]): Suppressor {
  const ordered = [...active].sort((a, b) => a.id - b.id)
  const hiding = ordered
    .filter(({ effect }) => effect === 'hide')
    .map((one) => ({ one, covers: compileException(one) }))
  const unlinking = ordered
    .filter(({ effect }) => effect === 'unlink')
    .map((one) => ({ one, names: compileUnlink(one) }))
  // Most exceptions name their rules: looked up, not tried one by one.
  const byRule = new Map<string, typeof hiding>()
  const forAnyRule: { one: ActiveException; covers: ExceptionMatcher }[] = []
  for (const entry of hiding) {
    if (entry.one.ruleIds.length === 0) forAnyRule.push(entry)
    for (const ruleId of entry.one.ruleIds) byRule.set(ruleId, [...(byRule.get(ruleId) ?? []), entry])
  }
  const first = (entries: typeof hiding, match: Detection, nowMs: number) =>
    entries.find(({ one, covers }) => one.expiresAtMs > nowMs && covers(match))?.one.id ?? Number.POSITIVE_INFINITY
  return {
    hiddenBy(match, nowMs) {
      const id = Math.min(first(byRule.get(match.ruleId) ?? [], match, nowMs), first(forAnyRule, match, nowMs))
      return Number.isFinite(id) ? id : null
    },
    unlinked(match, nowMs) {
      return unlinking
        .filter(({ one }) => one.expiresAtMs > nowMs)
        .flatMap(({ one, names }) => names(match).map((entity) => ({ exceptionId: one.id, entity })))
    },
  }
}
