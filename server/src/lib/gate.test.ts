import { expect, test } from 'vitest'
import { Gate } from './gate.ts'

test('so many run, so many wait in order, the rest is turned away; a failure gives its place up', async () => {
  const gate = new Gate(2, 2)
  const started: number[] = []
  let running = 0
  let runningMost = 0
  const work = (number: number) => async () => {
    started.push(number)
    runningMost = Math.max(runningMost, ++running)
    await new Promise((resolve) => setTimeout(resolve, 5))
    running--
    if (number === 0) throw new RangeError('failed')
    return number
  }
  const admitted = [0, 1, 2, 3, 4].map((number) => gate.run(work(number)))
  expect(admitted[4]).toBeUndefined()
  const results = await Promise.allSettled(admitted.slice(0, 4))
  expect(results.map((result) => result.status)).toEqual(['rejected', 'fulfilled', 'fulfilled', 'fulfilled'])
  expect([started, runningMost]).toEqual([[0, 1, 2, 3], 2])
  expect(await gate.run(work(5))).toBe(5)
})
