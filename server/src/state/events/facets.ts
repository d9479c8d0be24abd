import { isArrayField, isKnownField } from '../../event/catalogue.ts'
import { CodedError } from '../../event/errors.ts'
import { suggestFields } from '../../event/query-suggest.ts'
import { queryFieldType } from '../../event/query-value.ts'
import { columnOf } from '../../seams/events/columns.ts'
import { eventsTable } from '../../seams/events/schema.ts'
import { compileQuery } from './compile.ts'
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

/**
 * Each field is counted by itself, as its column is; only what is given out becomes text. Counting (field, text) pairs
 * in one pass takes four times as long.
 */
function valuesSql(input: FacetsInput, { clock }: EventsContext) {
  const { parameters, where } = compileScope(input, clock)
  const limit = parameters.add('UInt32', input.limit)
  const counts = input.fields.map((field, index) => {
    const value = columnOf(field) ?? valueText(field, parameters)
    const key = isArrayField(field) ? `arrayJoin(arrayDistinct(${value}))` : value
    return `SELECT ${index} AS field, ${keyText(field)} AS value, count
    FROM (
      SELECT ${key} AS key, count() AS count
      FROM ${eventsTable}
      WHERE ${where} AND ${presence(field, parameters)}
      GROUP BY key
      ORDER BY count DESC, key
      LIMIT ${limit}
    )
    WHERE value != ''`
  })
  // The bounds hold for each field.
  const sql = `SELECT * FROM (
    ${counts.join('\n    UNION ALL\n    ')}
    )
    ORDER BY field, count DESC, value
    SETTINGS max_rows_to_group_by = ${distinctMax}, group_by_overflow_mode = 'any'`
  return { sql, parameters }
}

function countPresent(context: EventsContext, input: FacetsInput): Promise<Record<string, number>[]> {
  const { parameters, where } = compileScope(input, context.clock)
  const counts = input.fields.map((field, index) => `countIf(${presence(field, parameters)}) AS present${index}`)
  const sql = `SELECT count() AS total, ${counts.join(', ')} FROM ${eventsTable} WHERE ${where}`
  return runQuery<Record<string, number>>(context, sql, parameters)
}

/** Condition: the field has a value that is not an empty text. */
function presence(field: string, parameters: SqlParameters): string {
  if (columnOf(field) !== undefined) return compileQuery({ kind: 'exists', field }, parameters)
  return `notEmpty(${valueText(field, parameters)})`
}

/** The column `key`, an element of the field, as text. */
function keyText(field: string): string {
  return columnOf(field) !== undefined && queryFieldType(field) === 'ip'
    ? addressText('key')
    : "ifNull(toString(key), '')"
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
  if (isArrayField(field)) return type === 'ip' ? `arrayMap(x -> ${addressText('x')}, ${column})` : column
  if (type === 'ip') return addressText(column)
  return type === 'keyword' || type === 'text' ? column : `ifNull(toString(${column}), '')`
}

/** SQL: an address as people write it; '' for the one that says there is none. */
function addressText(value: string): string {
  return `replaceRegexpOne(toString(${value}), '^::(ffff:([0-9.]+))?$', '\\\\2')`
}
