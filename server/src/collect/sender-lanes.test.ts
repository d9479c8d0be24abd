import { expect, it } from 'vitest'
import { systemClock } from '../seams/clock/clock.ts'
import { SenderLanes } from './sender-lanes.ts'

it('keeps all records of one sender in one lane and in their order', async () => {
  const published: { lane: number; text: string }[] = []
  const counters = {
    publishedRecords: 0,
    publishedBatches: 0,
    publishRetries: 0,
    refusedRecords: 0,
    lostAtClose: 0,
  }
  const lanes = new SenderLanes({
    count: 3,
    async publish(records, lane) {
      for (const record of records) published.push({ lane, text: Buffer.from(record).toString() })
    },
    clock: systemClock,
    counters,
    onRoom: () => undefined,
  })
  const senders = Array.from({ length: 20 }, (_, index) => `192.0.2.${index}`)
  for (let number = 0; number < 300; number++) {
    for (const sender of senders) lanes.add(sender, Buffer.from(`${sender} ${number}`))
  }
  await lanes.close(30_000)
  expect(counters).toMatchObject({ publishedRecords: 6_000, refusedRecords: 0, lostAtClose: 0 })
  for (const sender of senders) {
    const own = published.filter(({ text }) => text.startsWith(`${sender} `))
    expect(new Set(own.map(({ lane }) => lane)).size).toBe(1)
    expect(own.map(({ text }) => Number(text.split(' ')[1]))).toEqual(Array.from({ length: 300 }, (_, index) => index))
  }
  expect(new Set(published.map(({ lane }) => lane)).size).toBe(3)
})
