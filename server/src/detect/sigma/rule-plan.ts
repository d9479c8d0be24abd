import type { Expression, FieldTest, Predicate } from './predicate.ts'
import { type Sign, signsOf, witnessOf } from './witness.ts'

/** What is worked out once per rule, whatever plans it will be part of. */
export interface RulePlan {
  /** The condition with cheap tests before dear ones. */
  expression: Expression
  /** Tests of which one must show a sign; undefined when the rule must be tried on every record. */
  witness: { test: FieldTest; signs: Sign[] }[] | undefined
}

export function planRule(expression: Expression): RulePlan {
  const witness = witnessOf(expression)
  return {
    expression: cheapFirst(expression),
    witness: witness && [...witness.tests].map((test) => ({ test, signs: signsOf(test) ?? [{ kind: 'presence' }] })),
  }
}

/** The same condition, its parts ordered by what they cost; ties stay as written. */
function cheapFirst(expression: Expression): Expression {
  switch (expression.kind) {
    case 'test':
      return expression
    case 'part':
      return cheapFirst(expression.child)
    case 'not':
      return { kind: 'not', child: cheapFirst(expression.child) }
    default: {
      const children = expression.children.map((child) => {
        const ordered = cheapFirst(child)
        return { ordered, cost: costOf(ordered) }
      })
      children.sort((a, b) => a.cost - b.cost)
      return { kind: expression.kind, children: children.map(({ ordered }) => ordered) }
    }
  }
}

const predicateCosts: Record<Predicate['kind'], number> = {
  text: 1, null: 1, any: 1, exists: 1, compare: 3, date: 5, field: 2, cidr: 6, pattern: 8, regex: 60,
} // biome-ignore format: a table
const operatorCosts = { equals: 1, startswith: 1, endswith: 1, contains: 3 }

function costOf(expression: Expression): number {
  switch (expression.kind) {
    case 'part':
    case 'not':
      return costOf(expression.child)
    case 'test': {
      // A test of the whole record reads all of it.
      let cost = expression.test.field === undefined ? 20 : 0
      for (const predicate of expression.test.predicates) {
        cost +=
          predicate.kind === 'text'
            ? predicate.operator === 'equals'
              ? 0.1
              : operatorCosts[predicate.operator]
            : predicateCosts[predicate.kind]
      }
      return cost
    }
    default: {
      let cost = 0
      for (const child of expression.children) cost += costOf(child)
      return cost
    }
  }
}
