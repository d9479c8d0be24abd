import type { Query, QueryClient } from '@tanstack/react-query'
import { hashKey } from '@tanstack/react-query'
import { useSyncExternalStore } from 'react'

/** A list of more pages than this is not asked for anew at every change: the reader is told that it is old instead. */
const pagesFollowed = 5

const held = new Set<string>()
const listeners = new Set<() => void>()

function tell(): void {
  for (const listener of listeners) listener()
}

/**
 * Makes what begins with this key old: asked for again at once, but for long lists, which say so and wait, and for lists
 * whose next page is on its way. To ask such a list anew would take that page back, and with a change every second its
 * reader would never get past the rows they have; it is asked for anew when the page is there.
 */
export function followChange(queries: QueryClient, key: readonly unknown[]): void {
  let holds = false
  void queries.invalidateQueries({
    queryKey: key,
    predicate: (query) => {
      const { queryHash, state } = query
      if (state.fetchStatus === 'fetching' && state.fetchMeta?.fetchMore) {
        followAfter(queries, query)
        return false
      }
      const { pages } = (state.data ?? {}) as { pages?: unknown[] }
      if (!Array.isArray(pages) || pages.length <= pagesFollowed || !query.isActive()) return true
      held.add(queryHash)
      holds = true
      return false
    },
  })
  if (holds) tell()
}

/** Queries that are followed once the page on its way is there. */
const after = new WeakSet<Query>()

function followAfter(queries: QueryClient, query: Query): void {
  if (after.has(query)) return
  after.add(query)
  const follow = () => {
    after.delete(query)
    followChange(queries, query.queryKey)
  }
  // A page that did not arrive is told of by the list itself; what it shows is old all the same.
  void Promise.resolve(query.promise).then(follow, follow)
}

/** Whether a list has waited since something it shows was changed. */
export function useHeld(key: readonly unknown[]): boolean {
  const hash = hashKey(key)
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => held.has(hash),
  )
}

/** Begins a list anew with its first page. */
export function releaseHeld(queries: QueryClient, key: readonly unknown[]): void {
  held.delete(hashKey(key))
  tell()
  queries.setQueryData(key, (data: { pages: unknown[]; pageParams: unknown[] } | undefined) =>
    data ? { pages: data.pages.slice(0, 1), pageParams: data.pageParams.slice(0, 1) } : data,
  )
  void queries.invalidateQueries({ queryKey: key, exact: true })
}
