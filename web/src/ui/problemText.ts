import i18next from 'i18next'
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

/** An error in one line: code, what happened, what to try. */
export function problemText(error: unknown): string {
  if (!(error instanceof ApiError)) return error instanceof Error ? error.message : String(error)
  const failure = failureOf(error.code)
  const said = failure ? `${failure} (${error.message})` : error.message
  return `${error.code}: ${said} ${hintOf(error.code, error.hint) ?? ''}`.trim()
}
