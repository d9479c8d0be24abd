import { isArrayField } from '../../event/catalogue.ts'
import type { FieldType } from '../../event/field-type.ts'
import { type Bound, literalText, type Pattern, type Query } from '../../event/query.ts'
import { queryFieldType } from '../../event/query-value.ts'
import { networkRange } from '../../lib/network-range.ts'
import { columnOf } from '../../seams/events/columns.ts'
import type { SqlParameters } from './sql.ts'
import { asciiLower, eventHolds, likeText, textHolds } from './text-match.ts'

/**
 * The condition of a query over the table `events`. It is 0 or 1 for every row, never NULL, so that `not` means not.
 * Text is compared without regard to the case of A to Z.
 */
export function compileQuery(query: Query, parameters: SqlParameters): string {
  switch (query.kind) {
    case 'all':
      return 'true'
    case 'and':
      return `(${query.items.map((item) => compileQuery(item, parameters)).join(' AND ')})`
    case 'or':
      return `(${query.items.map((item) => compileQuery(item, parameters)).join(' OR ')})`
    case 'not':
      return `NOT ${compileQuery(query.item, parameters)}`
    case 'text':
      return eventHolds(query.pattern, parameters)
    default:
      return fieldTest(query, parameters)
  }
}

type FieldQuery = Extract<Query, { field: string }>

function fieldTest(query: FieldQuery, parameters: SqlParameters): string {
  const { field } = query
  const type = queryFieldType(field)
  const column = columnOf(field)
  if (column === undefined) return extraTest(query, type, parameters)
  if (query.kind === 'exists') return columnHolds(column, field, type)
  if (type === 'text' && query.kind === 'match') {
    return textHolds(column, query.pattern, parameters)
  }
  // In the column an empty text says that the field is absent; one that is there and empty lies in `extra`.
  if (query.kind === 'match' && type === 'keyword' && query.pattern.length === 0 && !isArrayField(field)) {
    return `extra[${parameters.add('String', field)}] = '""'`
  }
  if (isArrayField(field)) {
    const element = valueTest('x', query, type, parameters)
    return `arrayExists(x -> ${element}, ${column})`
  }
  const test = valueTest(column, query, type, parameters)
  // Where absence is NULL or a value of its own, what is absent matches nothing.
  if (type === 'ip' && query.kind !== 'match') return `(${column} != toIPv6('::') AND ${test})`
  return ['long', 'double', 'boolean'].includes(type) ? `ifNull(${test}, false)` : test
}

function columnHolds(column: string, field: string, type: FieldType): string {
  if (isArrayField(field)) return `notEmpty(${column})`
  if (type === 'ip') return `${column} != toIPv6('::')`
  if (type === 'keyword' || type === 'text') return `${column} != ''`
  return type === 'date' ? 'true' : `isNotNull(${column})`
}

/** Test of one typed value: a column, or an element `x` of an array column. */
function valueTest(value: string, query: FieldQuery, type: FieldType, parameters: SqlParameters): string {
  if (query.kind === 'cidr') {
    const [low, high] = networkRange(query.network, query.prefixBits)
    return `${value} BETWEEN toIPv6(${parameters.add('String', low)}) AND toIPv6(${parameters.add('String', high)})`
  }
  if (query.kind === 'range') return rangeTest(value, query, type, parameters)
  if (query.kind !== 'match') return 'true'
  const literal = literalText(query.pattern)
  switch (type) {
    case 'keyword':
    case 'text':
      return keywordTest(value, query.pattern, parameters)
    case 'ip':
      if (literal === undefined)
        return `${value} != toIPv6('::') AND ${keywordTest(addressText(value), query.pattern, parameters)}`
      return `${value} = toIPv6(${parameters.add('String', literal)})`
    case 'long':
      return `${value} = ${parameters.add('Int64', literal ?? '')}`
    case 'double':
      return `${value} = ${parameters.add('Float64', Number(literal))}`
    case 'boolean':
      return `${value} = ${literal === 'true'}`
    case 'date':
      return `${value} = ${dateParameter(literal ?? '', parameters)}`
  }
}

function keywordTest(value: string, pattern: Pattern, parameters: SqlParameters): string {
  const literal = literalText(pattern)
  if (literal !== undefined) return `lower(${value}) = ${parameters.add('String', asciiLower(literal))}`
  const like = pattern
    .map((part) => (part.kind === 'any' ? '%' : part.kind === 'one' ? '_' : likeText(asciiLower(part.text))))
    .join('')
  return `lower(${value}) LIKE ${parameters.add('String', like)}`
}

function rangeTest(
  value: string,
  { low, high }: Extract<Query, { kind: 'range' }>,
  type: FieldType,
  parameters: SqlParameters,
): string {
  const tests: string[] = []
  const bounds: [Bound | undefined, string][] = [
    [low, '>'],
    [high, '<'],
  ]
  const isNumeric = bounds.every(([bound]) => bound === undefined || isNumber(bound.value))
  for (const [bound, sign] of bounds) {
    if (!bound) continue
    const operator = bound.inclusive ? `${sign}=` : sign
    switch (type) {
      case 'long':
        tests.push(`${value} ${operator} ${parameters.add('Int64', bound.value)}`)
        break
      case 'double':
        tests.push(`${value} ${operator} ${parameters.add('Float64', Number(bound.value))}`)
        break
      case 'date':
        tests.push(`${value} ${operator} ${dateParameter(bound.value, parameters)}`)
        break
      case 'ip':
        tests.push(`${value} ${operator} toIPv6(${parameters.add('String', bound.value)})`)
        break
      default:
        // Text that is a number is compared as one: `event.code >= 4624`.
        if (isNumeric)
          tests.push(
            `ifNull(toFloat64OrNull(${value}) ${operator} ${parameters.add('Float64', Number(bound.value))}, false)`,
          )
        else tests.push(`lower(${value}) ${operator} ${parameters.add('String', asciiLower(bound.value))}`)
    }
  }
  if (type === 'keyword' || type === 'text') tests.push(`${value} != ''`)
  return `(${tests.join(' AND ')})`
}

/**
 * A field without a column of its own: JSON text in the map `extra`, a scalar or an array of them. Its elements are
 * compared as the catalogue's type when they can be read as that; what cannot matches nothing.
 */
function extraTest(query: FieldQuery, type: FieldType, parameters: SqlParameters): string {
  const name = parameters.add('String', query.field)
  const isThere = `mapContains(extra, ${name}) AND extra[${name}] NOT IN ('null', '[]')`
  if (query.kind === 'exists') return `(${isThere})`
  const elements = `if(startsWith(extra[${name}], '['), JSONExtractArrayRaw(extra[${name}]), [extra[${name}]])`
  const text = `if(startsWith(x, '"'), JSONExtractString(x), x)`
  const test =
    type === 'text' && query.kind === 'match'
      ? textHolds('y', query.pattern, parameters)
      : `ifNull(${valueTest(readers[type]('y'), query, type, parameters)}, false)`
  return `(${isThere} AND arrayExists(y -> ${test}, arrayMap(x -> ${text}, ${elements})))`
}

const readers: Record<FieldType, (text: string) => string> = {
  keyword: (text) => text,
  text: (text) => text,
  long: (text) => `toInt64OrNull(${text})`,
  double: (text) => `toFloat64OrNull(${text})`,
  boolean: (text) => `if(${text} IN ('true', 'false'), ${text} = 'true', NULL)`,
  ip: (text) => `toIPv6OrNull(${text})`,
  date: (text) => `parseDateTime64BestEffortOrNull(${text}, 3, 'UTC')`,
}

/** IPv4 as people write it, not as `::ffff:…`. */
function addressText(value: string): string {
  return `if(startsWith(toString(${value}), '::ffff:') AND position(toString(${value}), '.') > 0, substring(toString(${value}), 8), toString(${value}))`
}

function dateParameter(text: string, parameters: SqlParameters): string {
  return `fromUnixTimestamp64Milli(${parameters.add('Int64', String(Date.parse(text)))}, 'UTC')`
}

function isNumber(text: string): boolean {
  return /^[+-]?\d+(\.\d+)?$/.test(text)
}
