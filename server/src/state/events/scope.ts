import type { Query } from '../../event/query.ts'
import { parseQuery } from '../../event/query-parse.ts'
import type { Clock } from '../../seams/clock/clock.ts'
import { compileQuery } from './compile.ts'
import { resolveRange, type TimeInput, type TimeRange } from './range.ts'
import { SqlParameters } from './sql.ts'

/** What every question over stored events names: a query text and a time range. */
export interface SearchScope {
  query: string
  from: TimeInput
  to: TimeInput
}

export interface CompiledScope {
  query: Query
  range: TimeRange
  parameters: SqlParameters
  /** Condition for WHERE: time bounds and the query. */
  where: string
}

/** Throws QUERY_INVALID or BAD_REQUEST. */
export function compileScope(scope: SearchScope, clock: Clock): CompiledScope {
  const query = parseQuery(scope.query)
  const range = resolveRange(scope.from, scope.to, clock)
  const parameters = new SqlParameters()
  return { query, range, parameters, where: `${withinRange(range, parameters)} AND ${compileQuery(query, parameters)}` }
}

export function withinRange({ fromMs, toMs }: TimeRange, parameters: SqlParameters): string {
  const at = (timeMs: number) => `fromUnixTimestamp64Milli(${parameters.add('Int64', String(timeMs))}, 'UTC')`
  return `timestamp >= ${at(fromMs)} AND timestamp < ${at(toMs)}`
}
