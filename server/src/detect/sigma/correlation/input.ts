import type { FieldValue } from '../../../event/event.ts'

/** One match of a rule (or one firing of a correlation) that correlations count. */
export interface CorrelationInput {
  ruleId: string
  /** Deterministic id of the event; with its time it orders and identifies. */
  eventId: string
  timeMs: number
  /** Groups never reach across scopes: the unit's path. */
  scope: string
  /** Value of a field by the name the rule uses; undefined or null when the event has none. */
  read(field: string): FieldValue | undefined
  /** Whatever the caller wants to find again in the firing this input completes. */
  payload?: unknown
}
