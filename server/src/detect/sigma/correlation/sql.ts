import { CodedError } from '../../../event/errors.ts'
import { eventsTable } from '../../../seams/events/schema.ts'
import type { Lookups } from '../logsource.ts'
import type { RuleSet } from '../ruleset.ts'
import { absent, and, or, quoted, ruleBranches } from '../sql.ts'
import { type Correlation, hasNot, type RuleExpression } from './definition.ts'

export interface CorrelationSql {
  /**
   * One row a firing, as the stream engine gives it for the same events in the order of their times: `time_ms` Int64,
   * `event_id` (the event that completes it) and `scope` String, `group` Array(String) in the order of `group-by`, `measured`
   * Float64, `from_ms` Int64 (the first event of the window).
   */
  query: string
  /** Where its answer may differ from the stream's, and why. */
  limits: string[]
}

/** Separates the parts of ids and keys, as in the stream engine. */
const separator = 'char(1)'

/**
 * The second compiler for correlations: the firings over the stored events for which `where` holds (SQL over the columns of
 * the table; '1' for all). Group values and the order of events are those of the stream. Throws RULE_INVALID where a field
 * has no SQL, and NOT_FOUND when the set lacks a rule the correlation counts.
 */
export function correlationSql(correlation: Correlation, set: RuleSet, lookups: Lookups, where = '1'): CorrelationSql {
  const isNested = correlation.rules.some((id) => set.correlations.some((inner) => inner.id === id))
  const limits = [
    'events before the range are not seen: a group silenced by a firing before it is not silent here',
    'the stream drops events that come later than its lateness and, beyond its bounds, whole groups and the oldest events of a group, and counts them; nothing is dropped here',
    'the stream cuts group values at 1024 characters',
  ]
  if (isNested)
    limits.push(
      'firings of inner correlations at the same millisecond are ordered by the bytes of their ids; the stream counts them as they become known, and what waits for the watermark becomes known last',
    )
  return { query: `${firingsSql(correlation, set, lookups, where)} ORDER BY time_ms, event_id`, limits }
}

function firingsSql(correlation: Correlation, set: RuleSet, lookups: Lookups, where: string): string {
  const parts = correlation.rules.map((id, place) => partSql(correlation, id, place, set, lookups, where))
  const temporal = correlation.type === 'temporal' || correlation.type === 'temporal_ordered'
  // An event counts once, in temporal types once a rule.
  const identity = temporal ? 'scope, g, t, id, rule' : 'scope, g, t, id'
  const unique = temporal
    ? `SELECT ${identity}, any(v) AS v FROM (${parts.join(' UNION ALL ')}) GROUP BY ${identity}`
    : `SELECT ${identity}, min(r) AS rule, argMin(v, r) AS v FROM (SELECT *, rule AS r FROM (${parts.join(' UNION ALL ')})) GROUP BY ${identity}`
  const spanMs = correlation.timespanMs
  const numbered = `SELECT *, toInt64(row_number() OVER (PARTITION BY scope, g ORDER BY t, id, rule)) AS n FROM (${unique})`
  const windowed = `SELECT *,
    min(n) OVER (PARTITION BY scope, g ORDER BY t RANGE BETWEEN ${spanMs} PRECEDING AND CURRENT ROW) AS first,
    max(n) OVER (PARTITION BY scope, g ORDER BY t RANGE BETWEEN CURRENT ROW AND ${spanMs} FOLLOWING) AS last,
    min(t) OVER (PARTITION BY scope, g ORDER BY t RANGE BETWEEN ${spanMs} PRECEDING AND CURRENT ROW) AS from_ms
    FROM (${numbered})`
  const candidates = `SELECT scope, g, n, t, id, toFloat64(measured) AS measured, from_ms FROM (${measuredSql(correlation, windowed)}) WHERE ${holdsSql(correlation)}`
  // A group that has fired is silent for the timespan: its candidates are gone through in order.
  const entry = 'Tuple(Int64, Int64, String, Float64, Int64)'
  const fired = `SELECT scope, g, arrayFold((fired, e) -> if(empty(fired) OR e.2 - fired[-1].2 > ${spanMs}, arrayPushBack(fired, e), fired),
    arraySort(e -> e.1, CAST(groupArray((n, t, id, measured, from_ms)), 'Array(${entry})')), CAST([], 'Array(${entry})')) AS firings
    FROM (${candidates}) GROUP BY scope, g`
  return `SELECT f.2 AS time_ms, f.3 AS event_id, scope, g AS \`group\`, f.4 AS measured, f.5 AS from_ms FROM (${fired}) ARRAY JOIN firings AS f`
}

/** The matches of one of the rules: t, id, rule, scope, g, v; only those that have all fields. */
function partSql(
  correlation: Correlation,
  id: string,
  place: number,
  set: RuleSet,
  lookups: Lookups,
  where: string,
): string {
  const groupBy = correlation.groupBy[place]!
  const valueFields = correlation.valueFields[place]!
  const fields = [...groupBy, ...valueFields]
  const inner = set.correlations.find((other) => other.id === id)
  const select = (values: readonly string[], columns: string, source: string) => {
    const texts = values.map((_, index) => `assumeNotNull(f${index})`)
    const group = texts.slice(0, groupBy.length)
    const bound = values.map((value, index) => `${value} AS f${index}`)
    const present = values.map((_, index) => `isNotNull(f${index})`)
    const counted = countedSql(correlation, texts.slice(groupBy.length))
    return `SELECT t, id, toInt32(${place}) AS rule, scope, CAST([${group.join(', ')}], 'Array(String)') AS g, ${counted.value} AS v
      FROM (SELECT ${[columns, ...bound].join(', ')} FROM ${source}) WHERE ${and([...present, ...counted.conditions])}`
  }
  if (inner) {
    // To an outer correlation a firing is an event that carries its group's values, and nothing else.
    const values = fields.map((field) => {
      const index = field === undefined ? -1 : inner.groupNames.indexOf(field)
      return index < 0 ? absent : `toNullable(\`group\`[${index + 1}])`
    })
    const key = `arrayStringConcat(arrayConcat([scope], \`group\`), ${separator})`
    const innerId = `concat(${quoted(inner.id)}, ${separator}, ${key}, ${separator}, event_id)`
    return select(values, `time_ms AS t, ${innerId} AS id, scope`, `(${firingsSql(inner, set, lookups, where)})`)
  }
  const rule = set.rules.find(({ document }) => document.id === id)
  if (!rule) throw new CodedError('NOT_FOUND', `There is no rule ${id}`, { id })
  const { bindings, branches } = ruleBranches(rule, fields, lookups)
  const values = fields.map((_, index) => {
    const read = branches.map((branch) => branch.values[index]!)
    const [only] = new Set(read)
    const chosen =
      new Set(read).size === 1
        ? only!
        : `multiIf(${read.map((text, i) => `sigma_branch = ${i + 1}, ${text}`).join(', ')}, NULL)`
    return `replaceAll(${chosen}, ${separator}, '')`
  })
  // Which of the views the rule matched through, and so how its fields are read.
  const tried = branches.map((branch, index) => `${branch.where}, ${index + 1}`)
  const branch = `multiIf(${tried.join(', ')}, 0) AS sigma_branch`
  return `WITH ${bindings === '' ? '' : `${bindings}, `}${branch} ${select(
    values,
    'toUnixTimestamp64Milli(timestamp) AS t, event_id AS id, toString(unit_path) AS scope',
    `${eventsTable} WHERE ${and([where, 'sigma_branch > 0'])}`,
  )}`
}

const numberPattern = '^[-+]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][-+]?[0-9]+)?$'

/** What an entry adds to its window. */
function countedSql({ type }: Correlation, texts: readonly string[]): { value: string; conditions: string[] } {
  if (texts.length === 0) return { value: "''", conditions: [] }
  if (type === 'value_count')
    return { value: texts.length === 1 ? texts[0]! : `toString([${texts.join(', ')}])`, conditions: [] }
  const [text] = texts
  return { value: `assumeNotNull(toFloat64OrNull(${text}))`, conditions: [`match(${text}, ${quoted(numberPattern)})`] }
}

const partition = 'PARTITION BY scope, g ORDER BY t, id, rule'

/** Adds \`measured\`, what the condition compares, for the window from row \`first\` to row \`n\` of the group. */
function measuredSql(correlation: Correlation, windowed: string): string {
  const { type, timespanMs } = correlation
  if (type === 'temporal') return temporalSql(correlation, windowed)
  if (correlation.alternatives) return orderedWaysSql(correlation, windowed)
  if (type === 'temporal_ordered') return orderedSql(correlation, windowed)
  if (type === 'event_count') return `SELECT *, n - first + 1 AS measured FROM (${windowed})`
  if (type === 'value_count') {
    // A frame by time takes in what comes later in the same millisecond: that millisecond is counted row by row.
    return `SELECT *, length(arrayDistinct(arrayConcat(earlier, same))) AS measured FROM (SELECT *,
      groupUniqArray(v) OVER (PARTITION BY scope, g ORDER BY t RANGE BETWEEN ${timespanMs} PRECEDING AND 1 PRECEDING) AS earlier,
      groupUniqArray(v) OVER (PARTITION BY scope, g, t ORDER BY id, rule ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS same
      FROM (${windowed}))`
  }
  const values = `SELECT *, arrayMap(e -> e.2, arraySort(e -> e.1, arrayFilter(e -> e.1 <= n, frame))) AS vs FROM (SELECT *,
    groupArray((n, v)) OVER (PARTITION BY scope, g ORDER BY t RANGE BETWEEN ${timespanMs} PRECEDING AND CURRENT ROW) AS frame
    FROM (${windowed}))`
  // Sums add in the order of the events, as the stream does: the order decides the last digit.
  const sum = 'arrayFold((total, x) -> total + x, vs, toFloat64(0))'
  if (type === 'value_sum') return `SELECT *, ${sum} AS measured FROM (${values})`
  if (type === 'value_avg') return `SELECT *, ${sum} / length(vs) AS measured FROM (${values})`
  // Linear interpolation between the two nearest ranks.
  const percentile = type === 'value_median' ? 50 : correlation.percentile
  return `SELECT *, sorted[toUInt32(floor(rank)) + 1] + (sorted[toUInt32(ceil(rank)) + 1] - sorted[toUInt32(floor(rank)) + 1]) * (rank - floor(rank)) AS measured
    FROM (SELECT *, arraySort(vs) AS sorted, ${percentile / 100} * (length(vs) - 1) AS rank FROM (${values}))`
}

/** Of every rule the latest row up to this one, and where a condition looks ahead the next row from this one. */
function temporalSql({ rules, expression }: Correlation, windowed: string): string {
  const before = rules.map(
    (_, rule) =>
      `max(if(rule = ${rule}, n, 0)) OVER (${partition} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS before${rule}`,
  )
  const after =
    expression && hasNot(expression)
      ? rules.map(
          (_, rule) =>
            `min(if(rule = ${rule}, n, 9223372036854775807)) OVER (${partition} ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS after${rule}`,
        )
      : []
  const seen = rules.map((_, rule) => `(before${rule} >= first)`)
  return `SELECT *, ${seen.join(' + ')} AS measured FROM (SELECT *, ${[...before, ...after].join(', ')} FROM (${windowed}))`
}

/**
 * Of every row the latest row at which an order that ends in it can begin; 0 when it ends none. Rule k takes it from the latest row of
 * rule k - 1, and a later end never begins earlier.
 */
function orderedSql({ rules }: Correlation, windowed: string): string {
  let chained = `SELECT *, if(rule = 0, n, 0) AS begin0 FROM (${windowed})`
  for (let rule = 1; rule < rules.length; rule++) {
    chained = `SELECT *, if(rule = ${rule}, max(begin${rule - 1}) OVER (${partition} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS begin${rule} FROM (${chained})`
  }
  const begins = rules.map((_, rule) => `begin${rule}`)
  return `SELECT *, if(greatest(${begins.join(', ')}, 0) >= first, rule + 1, 0) AS measured FROM (${chained})`
}

/** Of every way in which the condition can hold the latest row at which an order that ends here or before can begin: `way0`, `way1`, … */
function orderedWaysSql(correlation: Correlation, windowed: string): string {
  let chained = temporalSql(correlation, windowed)
  for (const [way, { ordered }] of correlation.alternatives!.entries()) {
    let begin = 'n'
    for (const [step, rule] of ordered.entries()) {
      const name = step === ordered.length - 1 ? `way${way}` : `way${way}step${step}`
      const latest = `max(if(rule = ${rule}, ${begin}, 0)) OVER (${partition} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)`
      chained = `SELECT *, ${latest} AS ${name} FROM (${chained})`
      begin = name
    }
  }
  return chained
}

const comparisons = { gt: '>', gte: '>=', lt: '<', lte: '<=', eq: '=', neq: '!=' }

function holdsSql({ thresholds, expression, alternatives }: Correlation): string {
  if (alternatives) {
    return or(
      alternatives.map(({ ordered, absent }, way) =>
        and([
          ordered.length === 0 ? '1' : `way${way} >= first`,
          ...absent.map((rule) => `NOT (before${rule} >= first OR after${rule} <= last)`),
        ]),
      ),
    )
  }
  if (expression) return expressionSql(expression, false, hasNot(expression))
  return and(thresholds.map(({ operator, number }) => `measured ${comparisons[operator]} ${number}`))
}

/** Positive parts look back from the event, negated parts look to both sides. */
function expressionSql(expression: RuleExpression, ahead: boolean, other: boolean): string {
  switch (expression.kind) {
    case 'rule': {
      const { rule } = expression
      return ahead ? `(before${rule} >= first OR after${rule} <= last)` : `before${rule} >= first`
    }
    case 'not':
      return `NOT ${expressionSql(expression.child, other, ahead)}`
    case 'and':
      return and(expression.children.map((child) => expressionSql(child, ahead, other)))
    case 'or':
      return or(expression.children.map((child) => expressionSql(child, ahead, other)))
  }
}
