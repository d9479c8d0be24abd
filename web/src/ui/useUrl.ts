import { useNavigate, useRouterState } from '@tanstack/react-router'
import { useCallback } from 'react'

/** The query part of the address as plain strings: the state of every page. */
export type Search = Record<string, string | undefined>

export function parseSearch(text: string): Search {
  return Object.fromEntries(new URLSearchParams(text.startsWith('?') ? text.slice(1) : text))
}

export function stringifySearch(search: Record<string, unknown>): string {
  const params = new URLSearchParams()
  for (const [name, value] of Object.entries(search)) {
    if (value !== undefined && value !== null && value !== '') params.set(name, String(value))
  }
  const text = params.toString()
  return text ? `?${text}` : ''
}

/**
 * URL is state. `set` merges; undefined or '' removes a name. Looking around (selection, tab) replaces the entry,
 * a new question (filters, range) pushes one, so that Back returns to the last question.
 */
export function useUrl(): [Search, (changes: Search, how?: 'push' | 'replace') => void] {
  const search = useRouterState({ select: (state) => state.location.search as Search })
  const navigate = useNavigate()
  const set = useCallback(
    (changes: Search, how: 'push' | 'replace' = 'push') => {
      void navigate({
        to: '.',
        search: (before: Search) => ({ ...before, ...changes }),
        replace: how === 'replace',
      } as never)
    },
    [navigate],
  )
  return [search, set]
}
