/** The server's error envelope, `{ error: { code, message, hint, detail, requestId } }`, as something that can be thrown. */
export class ApiError extends Error {
  readonly code: string
  readonly status: number
  readonly hint?: string
  readonly requestId?: string
  readonly detail: Record<string, unknown>

  constructor(status: number, body: unknown) {
    const error = readEnvelope(body)
    super(error.message ?? `HTTP ${status}`)
    this.name = 'ApiError'
    this.status = status
    this.code = error.code ?? (status === 0 ? 'UNREACHABLE' : `HTTP_${status}`)
    this.hint = error.hint
    this.requestId = error.requestId
    this.detail = error.detail ?? {}
  }
}

interface Envelope {
  code?: string
  message?: string
  hint?: string
  requestId?: string
  detail?: Record<string, unknown>
}

function readEnvelope(body: unknown): Envelope {
  if (typeof body !== 'object' || body === null || !('error' in body)) return {}
  const { error } = body
  return typeof error === 'object' && error !== null ? (error as Envelope) : {}
}

/**
 * The error to show in the place of data. While data are on screen only one that takes them away (forbidden, not
 * found): what a person reads or types beside them outlives a restart of the server and the end of a session.
 */
export function inPlaceOf(data: unknown, error: unknown): unknown {
  if (data === undefined || data === null) return error ?? undefined
  return error instanceof ApiError && (error.status === 403 || error.status === 404) ? error : undefined
}
