import { CodedError } from './errors.ts'
import type { FieldType } from './field-type.ts'

/**
 * Everything that can be wrong with a query: the code, by which a client says it in the reader's language, and the
 * English words with holes for the parameters.
 */
const queryProblems = {
  too_long: 'The query is longer than {limit} characters',
  too_deep: 'The query nests deeper than {limit} levels',
  too_many_terms: 'The query has more than {limit} terms',
  parenthesis_not_opened: 'A parenthesis closes that was not opened',
  parenthesis_not_closed: 'A parenthesis is not closed',
  quotation_not_closed: 'A quotation is not closed',
  unknown_field: 'There is no field {field}; put the text in quotes to search for it as it is',
  unknown_field_meant: 'There is no field {field}; did you mean {meant}?',
  missing_at_end: 'A value is missing at the end',
  missing_before: 'A value is missing before {found}',
  missing_before_word: 'A value is missing before {word}; quote it to search for the word',
  missing_after: 'Something is missing after {word}',
  range_form: 'A range is written [low TO high]',
  range_not_closed: 'A range is not closed',
  range_end: 'The end of a range is a plain value',
  range_of_boolean: '{field} is true or false; a range does not apply',
  wildcard_of_type: '{field} holds {type}; wildcards do not apply, use a range',
  wrong_value: '{field} holds {type}, and {value} is none; e.g. {example}',
  wrong_network: '{value} is no network; e.g. 10.0.0.0/8 or 2001:db8::/32',
} as const

export type QueryProblem = keyof typeof queryProblems

export const queryProblemCodes = Object.keys(queryProblems) as [QueryProblem, ...QueryProblem[]]

/** The parameter `type` is the type of a field; these are its English words. */
const typeNouns: Record<FieldType, string> = {
  keyword: 'text',
  text: 'text',
  long: 'a whole number',
  double: 'a number',
  boolean: 'true or false',
  ip: 'an address',
  date: 'a point in time',
}

export interface QueryProblemDetail {
  problem: QueryProblem
  parameters: Record<string, string>
  /** Place in the query text, in UTF-16 units. */
  position: number
  length: number
  /** Names that were perhaps meant. */
  suggestions: string[]
}

/** QUERY_INVALID: `detail` is a `QueryProblemDetail`, the message its English words. */
export function queryInvalid(
  problem: QueryProblem,
  position: number,
  length: number,
  parameters: Record<string, string | number> = {},
  suggestions: string[] = [],
): CodedError {
  const texts = Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, String(value)]))
  const message = queryProblems[problem].replace(/\{(\w+)\}/g, (_, name: string) =>
    name === 'type' ? typeNouns[texts.type as FieldType] : texts[name]!,
  )
  return new CodedError('QUERY_INVALID', message, { problem, parameters: texts, position, length, suggestions })
}
