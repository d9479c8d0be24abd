import { CodedError } from '../../event/errors.ts'
import { queryFields } from '../../event/query.ts'
import { parseQuery } from '../../event/query-parse.ts'
import { printQuery } from '../../event/query-print.ts'

export interface Validation {
  valid: boolean
  /** The query as it was understood. */
  normalised: string | null
  fields: string[]
  problem: { message: string; position: number; length: number; suggestions: string[] } | null
}

/** Checks a query text without running it. */
export function validateQuery(text: string): Validation {
  try {
    const query = parseQuery(text)
    return { valid: true, normalised: printQuery(query), fields: queryFields(query), problem: null }
  } catch (error) {
    if (!(error instanceof CodedError && error.code === 'QUERY_INVALID')) throw error
    const { position = 0, length = 0, suggestions = [] } = error.detail as Partial<NonNullable<Validation['problem']>>
    return {
      valid: false,
      normalised: null,
      fields: [],
      problem: { message: error.message, position, length, suggestions },
    }
  }
}
