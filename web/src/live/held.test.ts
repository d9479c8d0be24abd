import { InfiniteQueryObserver, QueryClient } from '@tanstack/react-query'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { followChange } from './held.ts'

/** A list of `pages` pages whose answers arrive when the test lets them. */
function openList(pages: number) {
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } })
  const asked: { after: number; answer(): void; fail(): void }[] = []
  const list = new InfiniteQueryObserver(queries, {
    queryKey: ['incidents', { sort: '-score' }],
    queryFn: ({ pageParam, signal }) =>
      new Promise<number>((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('taken back')))
        asked.push({ after: pageParam, answer: () => resolve(pageParam), fail: () => reject(new Error('broken')) })
      }),
    initialPageParam: 0,
    getNextPageParam: (_, all) => (all.length < pages ? all.length : undefined),
  })
  const stop = list.subscribe(() => {})
  closing.push(() => {
    stop()
    queries.clear()
  })
  const count = () => list.getCurrentResult().data?.pages.length ?? 0
  const answer = async (index: number) => {
    await vi.waitFor(() => expect(asked.length).toBeGreaterThan(index))
    asked[index]!.answer()
  }
  return { queries, list, asked, answer, count }
}

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

describe('a list that follows changes', () => {
  it('keeps the next page that is on its way, and is asked for anew when it is there', async () => {
    const { queries, list, asked, answer, count } = openList(3)
    await answer(0)
    await vi.waitFor(() => expect(count()).toBe(1))
    void list.fetchNextPage()
    await vi.waitFor(() => expect(asked.length).toBe(2))
    for (let change = 0; change < 5; change++) followChange(queries, ['incidents'])
    asked[1]!.answer()
    await vi.waitFor(() => expect(count()).toBe(2))
    // However many changes came: once, both pages.
    await answer(2)
    await answer(3)
    await vi.waitFor(() => expect(list.getCurrentResult().isFetching).toBe(false))
    expect(asked.map(({ after }) => after)).toEqual([0, 1, 0, 1])
  })

  it('is asked for anew also when the page on its way did not arrive', async () => {
    const { queries, list, asked, answer, count } = openList(3)
    await answer(0)
    await vi.waitFor(() => expect(count()).toBe(1))
    void list.fetchNextPage()
    await vi.waitFor(() => expect(asked.length).toBe(2))
    followChange(queries, ['incidents'])
    asked[1]!.fail()
    await answer(2)
    await vi.waitFor(() => expect(list.getCurrentResult().isFetching).toBe(false))
    expect(asked.map(({ after }) => after)).toEqual([0, 1, 0])
  })

  it('takes an old answer back for a change that it may not know', async () => {
    const { queries, list, asked, answer, count } = openList(3)
    await answer(0)
    await vi.waitFor(() => expect(count()).toBe(1))
    followChange(queries, ['incidents'])
    await vi.waitFor(() => expect(asked.length).toBe(2))
    followChange(queries, ['incidents'])
    await answer(2)
    await vi.waitFor(() => expect(list.getCurrentResult().isFetching).toBe(false))
    expect(asked.map(({ after }) => after)).toEqual([0, 0, 0])
  })
})
