import type { FieldValue } from '../../../event/event.ts'
import { parseNumber } from '../modifiers.ts'
import type { Correlation } from './definition.ts'
import type { CorrelationInput } from './input.ts'
import type { Entry } from './window.ts'

export interface Group {
  /** Scope and group values, joined. */
  key: string
  entries: Entry[]
  /** Times at which it fired and around which it is silent, oldest first; undefined when there are none. */
  fired: number[] | undefined
  /** Entries before this one have been evaluated (ordered correlations only). */
  processed: number
}

/** Most groups never see a second event: such a group is kept as its only entry, which takes a third of the memory. */
export type Held = Group | Entry

export function isGroup(held: Held): held is Group {
  return 'entries' in held
}

export interface Runner {
  correlation: Correlation
  /** A group's first event is kept without looking whether it fires. */
  firstEventNeverFires: boolean
  groups: Map<string, Held>
  /** Groups with entries that wait for the watermark. */
  waiting: Set<Group>
  payloads: Map<string, unknown>
}

/** Stands between the scope and the values of a group's key. */
export const keySeparator = '\u0001'

export function newestOf(held: Held): number {
  if (!isGroup(held)) return held.timeMs
  return Math.max(
    held.entries.at(-1)?.timeMs ?? Number.NEGATIVE_INFINITY,
    held.fired?.at(-1) ?? Number.NEGATIVE_INFINITY,
  )
}

export function payloadKey(group: Group, entry: Entry): string {
  return `${group.key}${keySeparator}${keySeparator}${entry.timeMs}${keySeparator}${entry.eventId}${keySeparator}${entry.rule}`
}

export function groupText(value: FieldValue | undefined): string | undefined {
  if (value === undefined || value === null) return undefined
  if (Array.isArray(value))
    return value.length === 1 ? groupText(value[0]) : value.length === 0 ? undefined : JSON.stringify(value)
  const text = String(value)
  return text.includes(keySeparator) ? text.replaceAll(keySeparator, '') : text
}

export function groupKey(scope: string, values: readonly string[]): string {
  if (values.length === 1) return scope + keySeparator + values[0]!
  return values.length === 0 ? scope : scope + keySeparator + values.join(keySeparator)
}

export const missing = Symbol('missing')

/** The value an input adds: nothing to count for `event_count`, missing when the event has none that fits. */
export function countedValue(
  correlation: Correlation,
  rule: number,
  input: Pick<CorrelationInput, 'read'>,
): string | number | undefined | typeof missing {
  const fields = correlation.valueFields[rule]!
  if (fields.length === 0) return undefined
  const texts: string[] = []
  for (const field of fields) {
    const text = groupText(field === undefined ? undefined : input.read(field))
    if (text === undefined) return missing
    texts.push(text)
  }
  if (correlation.type === 'value_count') return texts.length === 1 ? texts[0]! : JSON.stringify(texts)
  return parseNumber(texts[0]!) ?? missing
}
