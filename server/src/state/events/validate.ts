import { CodedError } from '../../event/errors.ts'
import { queryFields } from '../../event/query.ts'
import { parseQuery } from '../../event/query-parse.ts'
import { printQuery } from '../../event/query-print.ts'
import type { QueryProblemDetail } from '../../event/query-problem.ts'

export interface Validation {
  valid: boolean
  /** The query as it was understood. */
  normalised: string | null
  fields: string[]
  problem: (QueryProblemDetail & { message: string }) | null
}

/** Checks a query text without running it. */
export function validateQuery(text: string): Validation {
  try {
    const query = parseQuery(text)
    return { valid: true, normalised: printQuery(query), fields: queryFields(query), problem: null }
  } catch (error) {
    if (!(error instanceof CodedError && error.code === 'QUERY_INVALID')) throw error
    const detail = error.detail as unknown as QueryProblemDetail
    return { valid: false, normalised: null, fields: [], problem: { ...detail, message: error.message } }
  }
}
