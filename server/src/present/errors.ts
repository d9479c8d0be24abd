import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { hasZodFastifySchemaValidationErrors, isResponseSerializationError } from 'fastify-type-provider-zod'
import { CodedError, type ErrorCode, errorTable } from '../event/errors.ts'

/** Every failure becomes `{ error: { code, message, hint, detail, requestId } }` with the status of its code. */
export function answerError(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): void {
  const coded = asCoded(error)
  if (coded.status >= 500) request.log.error({ err: error, requestId: request.id }, 'request failed')
  if (coded.retry && !reply.hasHeader('retry-after')) {
    const seconds = coded.detail.retryAfterSeconds
    reply.header('retry-after', typeof seconds === 'number' ? Math.max(1, Math.ceil(seconds)) : 2)
  }
  if (coded.code === 'UNAUTHENTICATED') reply.header('www-authenticate', 'Bearer realm="watchfire"')
  reply
    .status(coded.status)
    .type('application/json; charset=utf-8')
    .serializer(JSON.stringify)
    .send(errorAnswer(coded, request.id))
}

/**
 * What is no HTTP that a route could see: headers beyond the bound, a broken request line, a client that goes silent in
 * the middle. Answered like every other mistake, on the bare socket, which is then closed.
 */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket, requestId: string): void {
  // A client that is gone hears nothing.
  if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) return void socket.destroy()
  const coded =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? new CodedError('TOO_LARGE', 'The address and the headers of the request are too large together')
      : new CodedError('BAD_REQUEST', 'The request is not HTTP as it should be')
  const body = JSON.stringify(errorAnswer(coded, requestId))
  const head = [
    `HTTP/1.1 ${coded.status} ${STATUS_CODES[coded.status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}

function errorAnswer(error: CodedError, requestId: string) {
  const { hint } = errorTable[error.code]
  return { error: { code: error.code, message: error.message, hint, detail: error.detail, requestId } }
}

/** Statuses Fastify itself raises, as our codes; what else it refuses is BAD_REQUEST. */
const codeByStatus: Record<number, ErrorCode> = {
  // What must not be read is not told apart from what is not there.
  403: 'NOT_FOUND',
  404: 'NOT_FOUND',
  413: 'TOO_LARGE',
  431: 'TOO_LARGE',
}

function asCoded(error: FastifyError | Error): CodedError {
  if (error instanceof CodedError) return error
  if (hasZodFastifySchemaValidationErrors(error)) {
    const problems = error.validation.map((issue) => ({
      at: `${error.validationContext ?? 'request'}${issue.instancePath}`,
      message: issue.message,
    }))
    const text = problems.map((problem) => `${problem.at}: ${problem.message}`).join('; ')
    return new CodedError('BAD_REQUEST', `The request is invalid: ${text}`, { problems })
  }
  // Facts about our own answers or programs do not leave the house; they are in the log under the request id.
  if (isResponseSerializationError(error)) return internal(error)
  const status = 'statusCode' in error ? error.statusCode : undefined
  const isTheirs = status !== undefined && status >= 400 && status < 500
  const code = isTheirs ? (codeByStatus[status] ?? 'BAD_REQUEST') : undefined
  if (code) return new CodedError(code, error.message, {}, { cause: error })
  return internal(error)
}

function internal(cause: Error): CodedError {
  return new CodedError('INTERNAL', 'The server failed to answer this request', {}, { cause })
}
