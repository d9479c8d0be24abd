import { keepPreviousData, useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { useMemo } from 'react'
import { followChange, releaseHeld, useHeld } from '../live/held.ts'

export interface Page<Item> {
  items: Item[]
  total: number
  next: string | null
}

/** A list of the API, page after page; the rows so far stay on screen while a new question is asked. */
export function useList<Item>(
  key: readonly unknown[],
  fetchPage: (after: string | undefined) => Promise<Page<Item>>,
  enabled = true,
) {
  const query = useInfiniteQuery({
    queryKey: key,
    queryFn: ({ pageParam }) => fetchPage(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next ?? undefined,
    placeholderData: keepPreviousData,
    enabled,
  })
  const queries = useQueryClient()
  const held = useHeld(key)
  const rows = useMemo(() => query.data?.pages.flatMap(({ items }) => items), [query.data])
  return {
    rows,
    total: query.data?.pages[0]?.total,
    loading: query.isPending && enabled,
    error: query.error ?? undefined,
    onRetry: () => void query.refetch(),
    hasMore: query.hasNextPage,
    onMore: () => {
      // The next page goes before an answer that would only renew what is there; that is asked for again after it.
      const renewing = query.isRefetching
      void query.fetchNextPage().then(() => renewing && followChange(queries, key))
    },
    loadingMore: query.isFetchingNextPage,
    stale: query.isPlaceholderData,
    held,
    onRelease: () => releaseHeld(queries, key),
    /** All there is, from the first page on, however much is on screen. */
    async *allPages(): AsyncGenerator<Item[]> {
      let after: string | undefined
      do {
        const page = await fetchPage(after)
        yield page.items
        after = page.next ?? undefined
      } while (after !== undefined)
    },
  }
}
