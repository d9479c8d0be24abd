import { CodedError } from '../event/errors.ts'
import { asStoreError } from '../seams/store/errors.ts'

interface PostgresError {
  code: string
  message: string
  constraint?: string
}

/**
 * What a failure of the state store means to the caller. Codes are SQLSTATE (PostgreSQL manual, appendix A):
 * a broken uniqueness or reference is a CONFLICT, a value that cannot be stored a BAD_REQUEST, a server that is gone,
 * full or overrun STORE_UNAVAILABLE. Anything else comes back as it was.
 */
export function translateStoreError(error: unknown): unknown {
  if (error instanceof CodedError) return error
  const cause = postgresError(error)
  if (!cause) return asStoreError(error)
  const { code, constraint } = cause
  const options = { cause: error }
  if (code === '23505') return new CodedError('CONFLICT', `It exists already (${constraint})`, { constraint }, options)
  if (code === '23503')
    return new CodedError(
      'CONFLICT',
      `It is referred to, or refers to nothing (${constraint})`,
      { constraint },
      options,
    )
  if (code.startsWith('53'))
    return new CodedError('STORE_UNAVAILABLE', 'The state store is out of space or connections', { code }, options)
  if (isContention(code)) return new CodedError('STORE_UNAVAILABLE', 'Too many changes at once; try again', {}, options)
  if (code.startsWith('22'))
    return new CodedError('BAD_REQUEST', `A value cannot be stored: ${cause.message}`, {}, options)
  return asStoreError(error)
}

/** Deadlock or serialization failure: the same transaction may succeed when run again. */
export function isContentionError(error: unknown): boolean {
  const cause = postgresError(error)
  return cause !== undefined && isContention(cause.code)
}

const isContention = (code: string) => code === '40P01' || code === '40001' || code === '55P03'

function postgresError(error: unknown): PostgresError | undefined {
  for (let current = error, depth = 0; current instanceof Error && depth < 5; current = current.cause, depth++) {
    const { code } = current as Partial<PostgresError>
    if (typeof code === 'string') return current as unknown as PostgresError
  }
  return undefined
}
