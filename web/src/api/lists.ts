import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { useMemo } from 'react'

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
  const rows = useMemo(() => query.data?.pages.flatMap(({ items }) => items), [query.data])
  return {
    rows,
    total: query.data?.pages[0]?.total,
    loading: query.isPending && enabled,
    error: query.error ?? undefined,
    onRetry: () => void query.refetch(),
    hasMore: query.hasNextPage,
    onMore: () => void query.fetchNextPage(),
    loadingMore: query.isFetchingNextPage,
    stale: query.isPlaceholderData,
  }
}
