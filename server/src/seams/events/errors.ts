import { CodedError } from '../../event/errors.ts'

/**
 * Server errors that another attempt may mend (ClickHouse, ErrorCodes.cpp): timeouts, too many queries or parts,
 * memory, network, disk space, cancelled, shutting down.
 */
const passingCodes = new Set([
  '159',
  '160',
  '202',
  '209',
  '210',
  '236',
  '241',
  '243',
  '252',
  '279',
  '394',
  '425',
  '519',
  '735',
])
const systemCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ESOCKETTIMEDOUT',
  'EHOSTUNREACH',
])
/** Time and memory: the query asks for too much. */
const tooMuchCodes = new Set(['159', '160', '241', '158', '307', '396'])

/**
 * Turns what a query client throws into EVENTS_UNAVAILABLE (the server is away) or QUERY_TOO_LONG (time or memory ran
 * out); anything else, an aborted query among it, is given back as it is.
 */
export function asEventsError(error: unknown): unknown {
  if (error instanceof CodedError || !(error instanceof Error)) return error
  const code = String((error as NodeJS.ErrnoException).code ?? '')
  if (tooMuchCodes.has(code)) {
    return new CodedError(
      'QUERY_TOO_LONG',
      'The query took more time or memory than it may',
      { code },
      { cause: error },
    )
  }
  if (passingCodes.has(code) || isNetworkError(error)) {
    return new CodedError('EVENTS_UNAVAILABLE', 'The event store does not answer', { code }, { cause: error })
  }
  return error
}

/** The coded error of a failed insert: EVENTS_UNAVAILABLE when it may be sent again, EVENTS_REJECTED when that is of no use. */
export function insertError(serverCode: string, message: string, cause?: Error): CodedError {
  const retry = passingCodes.has(serverCode) || (cause !== undefined && isNetworkError(cause))
  return new CodedError(
    retry ? 'EVENTS_UNAVAILABLE' : 'EVENTS_REJECTED',
    `The event store did not take a block: ${message.slice(0, 300)}`,
    { serverCode },
    { cause },
  )
}

function isNetworkError(error: Error): boolean {
  const code = String((error as NodeJS.ErrnoException).code ?? '')
  return systemCodes.has(code) || /socket hang up|timeout error/i.test(error.message)
}
