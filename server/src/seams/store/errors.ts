import { CodedError } from '../../event/errors.ts'

/** SQLSTATE classes and codes that say the server is away or stopping (PostgreSQL, appendix A). */
const unavailableStates = /^(08|57P0|53300)/
const unavailableSystemCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOENT',
])

/**
 * Turns an error of the driver into STORE_UNAVAILABLE when the server is away; any other error is given back as it is.
 * drizzle wraps driver errors, so the chain of causes is searched.
 */
export function asStoreError(error: unknown): unknown {
  if (error instanceof CodedError) return error
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = String((cause as NodeJS.ErrnoException).code ?? '')
    const ended =
      /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error/
    if (unavailableStates.test(code) || unavailableSystemCodes.has(code) || ended.test(cause.message)) {
      return new CodedError('STORE_UNAVAILABLE', 'The state store does not answer', { code }, { cause: error })
    }
  }
  return error
}
