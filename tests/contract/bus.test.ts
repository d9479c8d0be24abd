import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Bus, BusBatch, OffsetRange } from '../../server/src/seams/bus/bus.ts'
import { type LocalBusOptions, openLocalBus } from '../../server/src/seams/bus/local.ts'
import { systemClock } from '../../server/src/seams/clock/clock.ts'

const localPath = new URL('../../server/src/seams/bus/local.ts', import.meta.url).pathname
const clockPath = new URL('../../server/src/seams/clock/clock.ts', import.meta.url).pathname
const processLoader = new URL('../../node_modules/tsx/dist/esm/index.mjs', import.meta.url).href
const threadLoader = new URL('../../node_modules/tsx/dist/esm/api/index.mjs', import.meta.url).href
const logger = pino({ level: 'silent' })
const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()
const records = (...texts: string[]) => texts.map((one) => Buffer.from(one))

let directory: string
const opened: Bus[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'watchfire-bus-'))
})

afterEach(async () => {
  for (const bus of opened.splice(0)) await bus.close()
  rmSync(directory, { recursive: true, force: true })
})

async function open(options: Partial<LocalBusOptions> = {}): Promise<Bus> {
  const bus = await openLocalBus({
    directory,
    partitions: [0],
    limitBytes: 64 << 20,
    logger,
    clock: systemClock,
    ...options,
    limits: { reserveBytes: 0, ...options.limits },
  })
  opened.push(bus)
  return bus
}

async function close(bus: Bus): Promise<void> {
  opened.splice(opened.indexOf(bus), 1)
  await bus.close()
}

/** Collects what a group is given; commits each batch when asked to. */
async function collect(bus: Bus, group: string, { commit = false, batchSize = 100 } = {}) {
  const seen: { partition: number; offset: number; text: string }[] = []
  const subscription = await bus.subscribe('raw', group, {
    batchSize,
    async onBatch(batch: BusBatch) {
      expect(batch.records.length).toBe(batch.last - batch.first + 1)
      expect(batch.records.length).toBeLessThanOrEqual(batchSize)
      for (const [index, record] of batch.records.entries()) {
        seen.push({ partition: batch.partition, offset: batch.first + index, text: text(record) })
      }
      if (commit) await bus.commit('raw', group, batch.partition, batch.last)
    },
  })
  return { seen, subscription }
}

async function until(condition: () => boolean, limitMs = 30_000): Promise<void> {
  const deadline = Date.now() + limitMs
  while (!condition()) {
    if (Date.now() > deadline) throw new Error('the condition was not met in time')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

function segmentFiles(): string[] {
  return readdirSync(join(directory, 'raw/0')).filter((name) => name.endsWith('.segment'))
}

describe('the local bus', () => {
  it('delivers what was published, in order, with consecutive offsets', async () => {
    const bus = await open()
    expect(await bus.publish('raw', records('a', 'b'))).toEqual({ partition: 0, first: 0, last: 1 })
    expect(await bus.publish('raw', records('c', ''))).toEqual({ partition: 0, first: 2, last: 3 })
    const { seen, subscription } = await collect(bus, 'one', { batchSize: 3 })
    await until(() => seen.length === 4)
    expect(seen.map((one) => one.text)).toEqual(['a', 'b', 'c', ''])
    expect(seen.map((one) => one.offset)).toEqual([0, 1, 2, 3])
    expect(subscription.lag()).toBe(4)
    await bus.commit('raw', 'one', 0, 2)
    expect(subscription.lag()).toBe(1)
    await bus.publish('raw', records('d'))
    await until(() => seen.length === 5)
    expect(seen.at(-1)).toEqual({ partition: 0, offset: 4, text: 'd' })
  })

  it('resumes behind the committed offset after a restart, each group at its own', async () => {
    const first = await open()
    await first.publish('raw', records('a', 'b', 'c'))
    await first.commit('raw', 'one', 0, 1)
    await first.commit('raw', 'one', 0, 0)
    await close(first)
    const second = await open()
    expect((await second.publish('raw', records('d'))).first).toBe(3)
    const one = await collect(second, 'one')
    const two = await collect(second, 'two')
    await until(() => one.seen.length === 2 && two.seen.length === 4)
    expect(one.seen.map((record) => record.text)).toEqual(['c', 'd'])
    expect(two.seen.map((record) => record.text)).toEqual(['a', 'b', 'c', 'd'])
  })

  it('lets a subscriber resume where it says itself', async () => {
    const bus = await open()
    await bus.publish('raw', records('a', 'b', 'c', 'd'))
    const seen: string[] = []
    const assigned: [number, number][] = []
    await bus.subscribe('raw', 'own-place', {
      async onAssign(partition, committed) {
        assigned.push([partition, committed])
        return 2
      },
      async onBatch(batch) {
        seen.push(...batch.records.map(text))
      },
    })
    await until(() => seen.length === 1)
    expect(assigned).toEqual([[0, -1]])
    expect(seen).toEqual(['d'])
  })

  it('delivers a batch again until the subscriber has dealt with it', async () => {
    const bus = await open()
    await bus.publish('raw', records('a'))
    let calls = 0
    await bus.subscribe('raw', 'shaky', {
      async onBatch() {
        if (++calls < 3) throw new Error('not yet')
      },
    })
    await until(() => calls === 3)
  })

  it('appends once under an idempotency key: again, at the same time, and after a restart', async () => {
    const first = await open()
    const once = await first.publish('raw', records('a', 'b'), { idempotencyKey: 'k1' })
    const together = await Promise.all(
      Array.from({ length: 5 }, () => first.publish('raw', records('c'), { idempotencyKey: 'k2' })),
    )
    expect(new Set(together.map((range) => range.first))).toEqual(new Set([2]))
    expect(await first.publish('raw', records('a', 'b'), { idempotencyKey: 'k1' })).toEqual(once)
    await close(first)
    const second = await open()
    expect(await second.publish('raw', records('a', 'b'), { idempotencyKey: 'k1' })).toEqual(once)
    const { seen } = await collect(second, 'one')
    await until(() => seen.length === 3)
    await second.publish('raw', records('end'))
    await until(() => seen.length === 4)
    expect(seen.map((one) => one.text)).toEqual(['a', 'b', 'c', 'end'])
  })

  it('remembers keys of segments that are gone, and forgets the oldest beyond the bound', async () => {
    const options = { limits: { segmentBytes: 1000, keyLimit: 10 } }
    const bus = await open(options)
    const ranges: OffsetRange[] = []
    for (let index = 0; index < 30; index++) {
      ranges.push(await bus.publish('raw', [Buffer.alloc(400)], { idempotencyKey: `k${index}` }))
    }
    await bus.commit('raw', 'one', 0, 29)
    await until(() => segmentFiles().length === 1)
    await close(bus)
    const again = await open(options)
    expect(await again.publish('raw', [Buffer.alloc(400)], { idempotencyKey: 'k22' })).toEqual(ranges[22])
    expect((await again.publish('raw', [Buffer.alloc(400)], { idempotencyKey: 'k3' })).first).toBe(30)
    expect(readdirSync(join(directory, 'raw/0')).filter((name) => name.endsWith('.keys')).length).toBeLessThan(10)
  })

  it('rolls segments and removes those every group has passed', async () => {
    const bus = await open({ limits: { segmentBytes: 4096 } })
    for (let index = 0; index < 40; index++) await bus.publish('raw', [Buffer.alloc(1000, index)])
    expect(segmentFiles().length).toBeGreaterThan(8)
    const slow = await collect(bus, 'slow')
    const fast = await collect(bus, 'fast', { commit: true, batchSize: 7 })
    await until(() => fast.seen.length === 40 && slow.seen.length === 40)
    expect(segmentFiles().length).toBeGreaterThan(8)
    await bus.commit('raw', 'slow', 0, 20)
    await until(() => segmentFiles().length < 7)
    await bus.commit('raw', 'slow', 0, 39)
    await until(() => segmentFiles().length === 1)
    expect((await bus.publish('raw', records('next'))).first).toBe(40)
    await until(() => slow.seen.length === 41)
  })

  it('refuses with BUS_FULL at its bound, appends nothing then, and takes records again when a group has moved on', async () => {
    const bus = await open({ limitBytes: 1 << 20 })
    let accepted = 0
    let refusal: unknown
    for (; refusal === undefined; accepted++) {
      await bus.publish('raw', [Buffer.alloc(50_000)]).catch((error) => {
        refusal = error
        accepted--
      })
    }
    expect(refusal).toMatchObject({ code: 'BUS_FULL', retry: true })
    expect(accepted).toBeGreaterThan(15)
    const { seen } = await collect(bus, 'one', { commit: true, batchSize: 1 })
    await until(() => seen.length === accepted)
    expect((await bus.publish('raw', records('more'))).first).toBe(accepted)
  })

  it('refuses a publication over the bound of one write', async () => {
    const bus = await open({ limitBytes: 4 * 2 ** 30 })
    const half = Buffer.alloc(33 << 20)
    await expect(bus.publish('raw', [half, half])).rejects.toMatchObject({ code: 'TOO_LARGE' })
    expect((await bus.publish('raw', records('small'))).first).toBe(0)
  })

  it('cuts batches of large records by their bytes', async () => {
    const bus = await open()
    await bus.publish(
      'raw',
      Array.from({ length: 40 }, () => Buffer.alloc(1 << 20)),
    )
    const sizes: number[] = []
    await bus.subscribe('raw', 'one', {
      batchSize: 1000,
      async onBatch(batch) {
        sizes.push(batch.records.length)
      },
    })
    await until(() => sizes.reduce((sum, size) => sum + size, 0) === 40)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(9)
  })

  it('cuts a torn tail off and goes on from the last whole frame', async () => {
    const first = await open()
    await first.publish('raw', records('a', 'b'))
    await close(first)
    const path = join(directory, 'raw/0', segmentFiles()[0]!)
    const whole = statSync(path).size
    for (const tail of [Buffer.from('WBF1 torn'), Buffer.alloc(5000), Buffer.from('57424631ffffff7f', 'hex')]) {
      writeFileSync(path, tail, { flag: 'a' })
      const bus = await open()
      expect((await bus.publish('raw', [])).first).toBe(2)
      await close(bus)
      expect(statSync(path).size).toBe(whole)
    }
    truncateSync(path, whole - 1)
    const bus = await open()
    expect((await bus.publish('raw', records('c'))).first).toBe(0)
  })

  it('passes over a damaged place in the middle and delivers what was acknowledged behind it', async () => {
    const first = await open()
    for (const one of ['a', 'b', 'c']) await first.publish('raw', records(one))
    await close(first)
    const path = join(directory, 'raw/0', segmentFiles()[0]!)
    const frameBytes = statSync(path).size / 3
    const { openSync, writeSync, closeSync } = await import('node:fs')
    const file = openSync(path, 'r+')
    writeSync(file, Buffer.from('X'), 0, 1, frameBytes + 68)
    closeSync(file)
    const bus = await open()
    const { seen } = await collect(bus, 'one')
    await until(() => seen.length === 2)
    expect(seen.map((one) => [one.offset, one.text])).toEqual([
      [0, 'a'],
      [2, 'c'],
    ])
    expect((await bus.publish('raw', records('d'))).first).toBe(3)
  })

  it('refuses a second writer of a partition', async () => {
    const bus = await open()
    await bus.publish('raw', records('a'))
    const second = await open()
    await expect(second.publish('raw', records('b'))).rejects.toMatchObject({ code: 'DATA_DIR_BUSY' })
  })

  it('takes a partition over from a thread that died without letting go', async () => {
    const script = join(directory, 'dying.mjs')
    writeFileSync(
      script,
      `const { register } = await import(${JSON.stringify(threadLoader)})
       register()
       const { openLocalBus } = await import(${JSON.stringify(localPath)})
       const { systemClock } = await import(${JSON.stringify(clockPath)})
       const quiet = { child: () => quiet, info() {}, warn() {}, error() {} }
       const bus = await openLocalBus({ directory: ${JSON.stringify(directory)}, partitions: [0], limitBytes: 1e9, logger: quiet, clock: systemClock, limits: { reserveBytes: 0 } })
       await bus.publish('raw', [Buffer.from('last words')])
       throw new Error('it dies')`,
    )
    const worker = new Worker(script)
    const [error] = await once(worker, 'error')
    expect((error as Error).message).toBe('it dies')
    const bus = await open()
    expect((await bus.publish('raw', records('next'))).first).toBe(1)
  }, 20_000)

  it('reads to the end what a killed process has written and was acknowledged', async () => {
    const script = join(directory, 'writer.mjs')
    writeFileSync(
      script,
      `const { openLocalBus } = await import(${JSON.stringify(localPath)})
       const { systemClock } = await import(${JSON.stringify(clockPath)})
       const quiet = { child: () => quiet, info() {}, warn() {}, error() {} }
       const bus = await openLocalBus({ directory: ${JSON.stringify(directory)}, partitions: [0], limitBytes: 1e9, logger: quiet, clock: systemClock })
       for (let index = 0; ; index++) {
         await bus.publish('raw', [Buffer.from('record ' + index), Buffer.alloc(index % 5000)], { idempotencyKey: 'k' + index })
         process.send(index)
       }`,
    )
    const child = fork(script, { execArgv: ['--import', processLoader] })
    let acknowledged = -1
    child.on('message', (index) => {
      acknowledged = index as number
      if (index === 200) child.kill('SIGKILL')
    })
    await once(child, 'exit')
    expect(acknowledged).toBeGreaterThanOrEqual(200)
    // First as an abandoned partition without any writer, then with one.
    const reader = await open({ partitions: [] })
    const orphaned = await collect(reader, 'orphaned')
    await until(() => orphaned.seen.length >= 2 * (acknowledged + 1))
    const bus = await open()
    const again = await bus.publish('raw', records('other'), { idempotencyKey: `k${acknowledged}` })
    expect(again.first).toBe(2 * acknowledged)
    const { seen } = await collect(bus, 'one')
    await until(() => seen.length === orphaned.seen.length)
    expect(seen).toEqual(orphaned.seen)
    for (let index = 0; index <= acknowledged; index++) expect(seen[2 * index]!.text).toBe(`record ${index}`)
  }, 30_000)

  it('carries records and broadcasts between threads', async () => {
    const source = `
      const { register } = await import(${JSON.stringify(threadLoader)})
      register()
      const { parentPort } = await import('node:worker_threads')
      const { openLocalBus } = await import(${JSON.stringify(localPath)})
      const { systemClock } = await import(${JSON.stringify(clockPath)})
      const quiet = { child: () => quiet, info() {}, warn() {}, error() {} }
      const bus = await openLocalBus({ directory: ${JSON.stringify(directory)}, partitions: [7], limitBytes: 1e9, logger: quiet, clock: systemClock, limits: { reserveBytes: 0 } })
      const changes = bus.broadcast('changes')
      changes.listen((message) => { if (message.to === 'worker') changes.send({ to: 'main', echo: message.text }) })
      for (let index = 0; index < 100; index++) await bus.publish('raw', [Buffer.from('from the worker ' + index)])
      parentPort.on('message', async () => { await bus.close(); process.exit(0) })
      parentPort.postMessage('published')`
    const bus = await open()
    const { seen } = await collect(bus, 'one', { commit: true })
    const heard: unknown[] = []
    const changes = bus.broadcast<{ to: string }>('changes')
    const stop = changes.listen((message) => heard.push(message))
    const script = join(directory, 'worker.mjs')
    writeFileSync(script, source)
    const worker = new Worker(script)
    await once(worker, 'message')
    await until(() => seen.length === 100)
    expect(seen.map((one) => one.text)).toEqual(Array.from({ length: 100 }, (_, index) => `from the worker ${index}`))
    expect(new Set(seen.map((one) => one.partition))).toEqual(new Set([7]))
    changes.send({ to: 'worker', text: '你好' } as { to: string })
    await until(() => heard.length === 2)
    expect(heard).toEqual([
      { to: 'worker', text: '你好' },
      { to: 'main', echo: '你好' },
    ])
    stop()
    worker.postMessage('end')
    await once(worker, 'exit')
  }, 20_000)

  it('spreads a group over threads by partition', async () => {
    const writer = await open({ partitions: [0, 1] })
    const even = await open({ partitions: [], take: (partition) => partition % 2 === 0 })
    const odd = await open({ partitions: [], take: (partition) => partition % 2 === 1 })
    const evenSeen = (await collect(even, 'one')).seen
    const oddSeen = (await collect(odd, 'one')).seen
    for (let index = 0; index < 20; index++) await writer.publish('raw', records(`turn ${index}`))
    const keyed = await Promise.all(
      Array.from({ length: 5 }, () => writer.publish('raw', records('x'), { key: 'sender' })),
    )
    expect(new Set(keyed.map((range) => range.partition)).size).toBe(1)
    await until(() => evenSeen.length + oddSeen.length === 25)
    expect(new Set(evenSeen.map((one) => one.partition))).toEqual(new Set([0]))
    expect(new Set(oddSeen.map((one) => one.partition))).toEqual(new Set([1]))
  })
})
