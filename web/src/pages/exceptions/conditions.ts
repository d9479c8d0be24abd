import type { Schemas } from '../../api/client.ts'

type Entity = Pick<Schemas['Incident']['entities'][number], 'type' | 'value' | 'role'>
type Condition = Schemas['Exception']['conditions'][number]

/**
 * Conditions an exception starts with: this actor on this target, whatever the rule read to find them. What a rule
 * matched is the same for all its detections as often as not (an event id, a threshold) and would silence the rule.
 */
export function conditionsOf(entities: readonly Entity[]): Condition[] {
  const actor = entities.find(({ role }) => role === 'actor')
  const target = entities.find(({ role, type }) => role === 'target' && type === 'host')
  const chosen = [actor, target].filter((entity) => entity !== undefined)
  return (chosen.length > 0 ? chosen : entities.slice(0, 1)).map(({ type, value }) => ({
    field: `entity.${type}`,
    operator: 'equals',
    values: [value],
  }))
}
