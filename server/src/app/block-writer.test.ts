import { expect, it } from 'vitest'
import type { Event } from '../event/event.ts'
import { createBlockWriter } from './block-writer.ts'

/** Time that passes when the test says so. */
function manualClock() {
  let nowMs = 0
  let waiting: { atMs: number; wake(): void }[] = []
  return {
    now: () => nowMs,
    random: (byteCount: number) => Buffer.alloc(byteCount),
    id: () => 'id',
    sleep: (ms: number) => new Promise<void>((wake) => waiting.push({ atMs: nowMs + ms, wake })),
    async pass(ms: number) {
      nowMs += ms
      const due = waiting.filter(({ atMs }) => atMs <= nowMs)
      waiting = waiting.filter(({ atMs }) => atMs > nowMs)
      for (const { wake } of due) wake()
      // Everything that follows without waiting.
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

async function writerWith(unstoredRecords: () => number) {
  const clock = manualClock()
  const stored: string[] = []
  const writer = createBlockWriter({
    clock,
    ledger: { record: async () => undefined },
    openBlock: () => {
      let rows = 0
      return {
        get rows() {
          return rows
        },
        rawBytes: 0,
        add: (events) => {
          rows += events.length
        },
        insert: async (token) => void stored.push(token),
        release: () => undefined,
      }
    },
    commit: async () => undefined,
    onFailure: (error) => {
      throw error
    },
    unstoredRecords,
  })
  await writer.add({ partition: 1, first: 0, last: 0 }, [{} as Event], Promise.resolve())
  return { clock, stored }
}

it('stores a block a second after it was begun', async () => {
  const { clock, stored } = await writerWith(() => 1)
  await clock.pass(999)
  expect(stored).toEqual([])
  await clock.pass(1)
  expect(stored).toEqual(['1:0-0'])
})

it('waits up to five seconds for more while a backlog waits, so that it is not stored in small blocks', async () => {
  const { clock, stored } = await writerWith(() => 100_000)
  for (let second = 1; second < 5; second++) await clock.pass(1_000)
  expect(stored).toEqual([])
  await clock.pass(1_000)
  expect(stored).toEqual(['1:0-0'])
})

it('stores at the next second when the backlog is gone', async () => {
  let waiting = 100_000
  const { clock, stored } = await writerWith(() => waiting)
  await clock.pass(1_000)
  waiting = 1
  expect(stored).toEqual([])
  await clock.pass(1_000)
  expect(stored).toEqual(['1:0-0'])
})
