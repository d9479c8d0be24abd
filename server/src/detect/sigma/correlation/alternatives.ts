import type { RuleExpression } from './definition.ts'

/** One way in which a boolean condition can hold: these rules are seen, in this order, and those are not. */
export interface Alternative {
  /** Places of rules, ascending: the order of `temporal_ordered`. */
  ordered: readonly number[]
  absent: readonly number[]
}

/** Ways beyond which a condition is refused. */
export const alternativeLimit = 200

/**
 * The ways in which a boolean condition can hold (its disjunctive normal form, without those that contradict themselves). Undefined
 * when there are more than `alternativeLimit`.
 */
export function alternativesOf(expression: RuleExpression): Alternative[] | undefined {
  const sets = waysOf(expression, true)
  return sets?.map((literals) => {
    const places = [...literals].sort((a, b) => a - b)
    return {
      ordered: places.filter((literal) => literal >= 0),
      absent: places.filter((literal) => literal < 0).map((literal) => ~literal),
    }
  })
}

/** Sets of literals: a place, or its complement (`~place`) for a rule that must stay away. */
function waysOf(expression: RuleExpression, wanted: boolean): Set<number>[] | undefined {
  if (expression.kind === 'rule') return [new Set([wanted ? expression.rule : ~expression.rule])]
  if (expression.kind === 'not') return waysOf(expression.child, !wanted)
  const isEither = (expression.kind === 'or') === wanted
  let ways: Set<number>[] = isEither ? [] : [new Set()]
  for (const child of expression.children) {
    const more = waysOf(child, wanted)
    if (!more) return undefined
    if (isEither) ways = [...ways, ...more]
    else {
      if (ways.length * more.length > alternativeLimit ** 2) return undefined
      ways = ways.flatMap((way) => more.map((other) => new Set([...way, ...other]))).filter(isPossible)
    }
    ways = distinct(ways)
    if (ways.length > alternativeLimit) return undefined
  }
  return ways
}

function isPossible(way: ReadonlySet<number>): boolean {
  for (const literal of way) if (way.has(~literal)) return false
  return true
}

function distinct(ways: Set<number>[]): Set<number>[] {
  return [...new Map(ways.map((way) => [[...way].sort((a, b) => a - b).join(), way])).values()]
}
