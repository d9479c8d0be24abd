import i18next from 'i18next'
import type { Schemas } from '../api/client.ts'
import { ApiError } from '../api/problem.ts'
import { formatDuration } from './format.ts'

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

type Refused = Schemas['ImportResult']['rejected'][number]

/** Why a line of an import was left out, in the reader's language. */
export function refusalText({ code, message, problems }: Refused): string {
  if (problems.length === 0) return failureOf(code) ?? message
  return problems
    .map(({ field, problem, parameters }) => {
      const key: string = `lineProblem.${problem}`
      const text = i18next.exists(key) ? String(i18next.t(key as 'lineProblem.other', parameters as never)) : message
      return field === '' ? text : `${field}${i18next.t('punctuation.colon')}${text}`
    })
    .join(i18next.t('punctuation.semicolon'))
}

/** What the server said, in the reader's language where it told it in a form that can be. */
export function messageOf(error: ApiError): string {
  if (error.code !== 'QUERY_INVALID') return error.message
  return queryProblemText(error.detail as Omit<QueryProblem, 'message'>)
}

/** Codes whose words here say all there is; the server's message, which is English, adds nothing. */
const told = /^(UNREACHABLE|NOT_FOUND|UNAUTHENTICATED|SIGN_IN_\w+|TOTP_\w+|PASSWORD_MUST_CHANGE|RATE_LIMITED)$/

/** Whether the words of a code say all there is, so that the server's message need not stand beside them. */
export function saysAll(code: string): boolean {
  return told.test(code) && failureOf(code) !== undefined
}

/** An error in one line: code, what happened, what to try and when. */
export function problemText(error: unknown): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error)
  const { code, hint, detail } = error
  const failure = failureOf(code)
  const said = !failure ? error.message : told.test(code) ? failure : `${failure} (${messageOf(error)})`
  const { retryAfterMs } = detail
  const when =
    typeof retryAfterMs === 'number'
      ? i18next.t('states.retryAfter', { duration: formatDuration(Math.ceil(retryAfterMs / 60_000) * 60_000) })
      : undefined
  const stopped = /[.!?。！？)）]$/.test(said) ? `${said} ` : said + i18next.t('punctuation.stop')
  return [`${code}: ${stopped}${hintOf(code, hint) ?? ''}`, when].filter(Boolean).join(' ').trim()
}
