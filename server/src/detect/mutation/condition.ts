import type { Condition } from '../sigma/condition.ts'

/** One change of a condition, as text that can be parsed again. */
export interface ConditionChange {
  what: string
  condition: string
}

/**
 * Changes of a condition: and <-> or (which is `1 of` <-> `all of` too, since selectors are spelled out), one part left out, a
 * `not` taken away, the whole negated.
 */
export function conditionChanges(condition: Condition): ConditionChange[] {
  const changes: ConditionChange[] = [{ what: 'the condition is negated', condition: `not (${print(condition)})` }]
  const visit = (node: Condition, put: (changed: Condition) => Condition) => {
    const add = (what: string, changed: Condition) => changes.push({ what, condition: print(put(changed)) })
    if (node.kind === 'not') {
      add(`not ${print(node.child)} loses its not`, node.child)
      visit(node.child, (child) => put({ kind: 'not', child }))
    }
    if (node.kind !== 'and' && node.kind !== 'or') return
    const { kind, children } = node
    add(`${print(node)} with ${kind === 'and' ? 'or' : 'and'}`, { kind: kind === 'and' ? 'or' : 'and', children })
    for (const [index, child] of children.entries()) {
      const others = children.filter((_, other) => other !== index)
      add(`${print(node)} without ${print(child)}`, others.length === 1 ? others[0]! : { kind, children: others })
      visit(child, (changed) => put({ kind, children: children.with(index, changed) }))
    }
  }
  visit(condition, (changed) => changed)
  return changes
}

function print(condition: Condition): string {
  if (condition.kind === 'identifier') return condition.name
  if (condition.kind === 'not') return `not ${wrapped(condition.child)}`
  return condition.children.map(wrapped).join(` ${condition.kind} `)
}

function wrapped(condition: Condition): string {
  return condition.kind === 'and' || condition.kind === 'or' ? `(${print(condition)})` : print(condition)
}
