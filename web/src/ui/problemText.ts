import i18next from 'i18next'
import type { Schemas } from '../api/client.ts'
import { ApiError } from '../api/problem.ts'

/** What to try, in the reader's language; the server's own hint for codes that have no words here. */
export function hintOf(code: string, fallback: string | undefined): string | undefined {
  const key: string = `problems.${code}`
  return i18next.exists(key) ? String(i18next.t(key as 'problems.INTERNAL')) : fallback
}

/** What happened, in the reader's language; undefined for codes that have no words here. */
export function failureOf(code: string): string | undefined {
  const key: string = `failures.${code}`
  return i18next.exists(key) ? String(i18next.t(key as 'failures.INTERNAL')) : undefined
}

type QueryProblem = NonNullable<Schemas['ValidateResult']['problem']>

/** What is wrong with a query and where, in the reader's language. */
export function queryProblemText({ problem, parameters, position }: Omit<QueryProblem, 'message'>): string {
  const { type } = parameters
  const words = type === undefined ? {} : { type: i18next.t(`queryProblem.type.${type as 'text'}`) }
  const message = i18next.t(`queryProblem.${problem}`, { ...parameters, ...words })
  return i18next.t('search.problemAt', { position: position + 1, message })
}

/** What the server said, in the reader's language where it told it in a form that can be. */
export function messageOf(error: ApiError): string {
  if (error.code !== 'QUERY_INVALID') return error.message
  return queryProblemText(error.detail as Omit<QueryProblem, 'message'>)
}

/** An error in one line: code, what happened, what to try. */
export function problemText(error: unknown): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error)
  const failure = failureOf(error.code)
  const said = failure ? `${failure} (${messageOf(error)})` : error.message
  return `${error.code}: ${said} ${hintOf(error.code, error.hint) ?? ''}`.trim()
}
