import { isArrayField, isKnownField } from '../../event/catalogue.ts'
import { CodedError } from '../../event/errors.ts'
import { suggestFields } from '../../event/query-suggest.ts'
import { queryFieldType } from '../../event/query-value.ts'
import { columnOf } from '../../seams/events/columns.ts'
import { eventsTable } from '../../seams/events/schema.ts'
import { type EventsContext, runQuery } from './run.ts'
import { compileScope, type SearchScope } from './scope.ts'
import type { SqlParameters } from './sql.ts'

export interface FacetsInput extends SearchScope {
  fields: readonly string[]
  /** Most values of each field. */
  limit: number
}

export interface Facets {
  facets: { field: string; present: number; values: { value: string; count: number }[] }[]
  total: number
  sql: string
  tookMs: number
}

/** Distinct values that are counted at once; beyond it new values are left out, and the counts of the others stay right. */
const distinctMax = 1_000_000

/** The most frequent values of fields among the events that match; of arrays, each element counts. Throws like `searchEvents`. */
export async function eventFacets(context: EventsContext, input: FacetsInput): Promise<Facets> {
  const startedAtMs = context.clock.now()
  for (const field of input.fields) requireField(field)
  const values = valuesSql(input, context)
  const [rows, [counts]] = await Promise.all([
    runQuery<{ field: number; value: string; count: number }>(context, values.sql, values.parameters),
    countPresent(context, input),
  ])
  return {
    facets: input.fields.map((field, index) => ({
      field,
      present: Number(counts?.[`present${index}`] ?? 0),
      values: rows.filter((row) => row.field === index).map(({ value, count }) => ({ value, count })),
    })),
    total: Number(counts?.total ?? 0),
    sql: values.parameters.show(values.sql),
    tookMs: context.clock.now() - startedAtMs,
  }
}

export function requireField(field: string): void {
  if (isKnownField(field)) return
  throw new CodedError('BAD_REQUEST', `There is no field ${field}`, { field, suggestions: suggestFields(field) })
}

/** One pass for all fields: each row gives its (field, value) pairs, and the pairs are counted. */
function valuesSql(input: FacetsInput, { clock }: EventsContext) {
  const { parameters, where } = compileScope(input, clock)
  const pairs = input.fields.map((field, index) => {
    const text = valueText(field, parameters)
    return isArrayField(field) ? `arrayMap(x -> (${index}, x), arrayDistinct(${text}))` : `[(${index}, ${text})]`
  })
  const sql = `SELECT pair.1 AS field, pair.2 AS value, count() AS count
    FROM ${eventsTable}
    ARRAY JOIN arrayConcat(${pairs.join(', ')}) AS pair
    WHERE ${where} AND value != ''
    GROUP BY field, value
    ORDER BY count DESC, value
    LIMIT ${parameters.add('UInt32', input.limit)} BY field
    SETTINGS max_rows_to_group_by = ${distinctMax}, group_by_overflow_mode = 'any'`
  return { sql, parameters }
}

function countPresent(context: EventsContext, input: FacetsInput): Promise<Record<string, number>[]> {
  const { parameters, where } = compileScope(input, context.clock)
  const counts = input.fields.map((field, index) => {
    const text = valueText(field, parameters)
    return `countIf(${isArrayField(field) ? `notEmpty(${text})` : `${text} != ''`}) AS present${index}`
  })
  const sql = `SELECT count() AS total, ${counts.join(', ')} FROM ${eventsTable} WHERE ${where}`
  return runQuery<Record<string, number>>(context, sql, parameters)
}

/** SQL for a field's value as text, `''` when absent; of array fields an array of texts. */
export function valueText(field: string, parameters: SqlParameters): string {
  const column = columnOf(field)
  if (column === undefined) {
    const value = `extra[${parameters.add('String', field)}]`
    const scalar = (text: string) => `if(startsWith(${text}, '"'), JSONExtractString(${text}), ${text})`
    return isArrayField(field) ? `arrayMap(x -> ${scalar('x')}, JSONExtractArrayRaw(${value}))` : scalar(value)
  }
  const type = queryFieldType(field)
  const plain = (value: string) => `replaceRegexpOne(toString(${value}), '^::(ffff:([0-9.]+))?$', '\\\\2')`
  if (isArrayField(field)) return type === 'ip' ? `arrayMap(x -> ${plain('x')}, ${column})` : column
  if (type === 'ip') return plain(column)
  return type === 'keyword' || type === 'text' ? column : `ifNull(toString(${column}), '')`
}
