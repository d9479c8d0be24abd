import createClient from 'openapi-fetch'
import { ApiError } from './problem.ts'
import type { components, paths } from './schema.d.ts'

export type Schemas = components['schemas']

let csrfToken: string | null = null

/** The token of this session, told by sign-in and `me`; sent with every request that changes something. */
export function setCsrfToken(token: string | null): void {
  csrfToken = token
}

/** The typed client of the public API: the web client can do nothing that a program with the same rights could not. */
export const api = createClient<paths>({
  baseUrl: '',
  credentials: 'same-origin',
  // Looked up when it is called, not when this file is loaded: a test may stand in for it.
  fetch: (request) => fetch(request),
  querySerializer: { array: { style: 'form', explode: false } },
})

api.use({
  onRequest({ request }) {
    if (csrfToken && request.method !== 'GET') request.headers.set('x-csrf-token', csrfToken)
    return request
  },
})

/** The data of an answer, or a thrown `ApiError`; an unreachable server is one too, with the code UNREACHABLE. */
export async function answer<Data>(call: Promise<{ data?: Data; error?: unknown; response: Response }>): Promise<Data> {
  let result: Awaited<typeof call>
  try {
    result = await call
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause
    throw new ApiError(0, { error: { message: cause instanceof Error ? cause.message : String(cause) } })
  }
  const { data, error, response } = result
  if (!response.ok) throw new ApiError(response.status, error)
  return data as Data
}
