import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Platform, startPlatform, until } from '../harness/platform.ts'

/** Records of one request; each carries its own number, so that a loss or a double is named. */
const batchSize = 200

/**
 * kill -9 at any moment: what was acknowledged is stored, nothing is stored twice, restart needs no hand. Requests that
 * were cut off are sent again with the same Idempotency-Key, as a shipper does.
 */
describe('kill -9', () => {
  let platform: Platform

  beforeAll(async () => {
    platform = await startPlatform()
  }, 240_000)

  afterAll(async () => {
    await platform?.stop()
    platform?.remove()
  }, 30_000)

  it('of the program: nothing acknowledged is lost, nothing is stored twice', async () => {
    const sender = startSender(platform, 'program')
    for (let round = 1; round <= 3; round++) {
      // Other batches are on the way at each kill: the moment moves along.
      await sender.hasSent(batches(2 * round))
      await sleep(round * 37)
      await platform.kill()
      await platform.restart()
    }
    await sender.hasSent(batches(2))
    await expectExactly(platform, 'program', await sender.stop())
  }, 300_000)

  const children: ['events' | 'state', string][] = [
    ['events', 'what came meanwhile is stored once'],
    ['state', 'records are taken in all the while'],
  ]
  it.each(children)(
    'of the child that keeps %s: it is started again, %s',
    async (child) => {
      const before = await restarts(platform, child)
      const sender = startSender(platform, child)
      await sender.hasSent(batches(3))
      process.kill(childPid(platform, child), 'SIGKILL')
      await sender.hasSent(batches(3))
      await until(
        async () => (await restarts(platform, child)) > before,
        60_000,
        () => `${child} was not started again`,
      )
      await sender.hasSent(batches(1))
      await until(
        async () => (await platform.request('GET', '/api/v1/incidents')).status === 200,
        30_000,
        () => 'no incidents list',
      )
      await expectExactly(platform, child, await sender.stop())
    },
    180_000,
  )
})

const batches = (count: number) => count * batchSize

/** Sends numbered batches one after the other until stopped; a failed one is sent again with the same key. */
function startSender(platform: Platform, name: string) {
  let stopping = false
  let acknowledged = 0
  const run = (async () => {
    for (let batch = 0; !stopping; batch++) {
      const lines = Array.from({ length: batchSize }, (_, index) =>
        JSON.stringify({
          '@timestamp': new Date().toISOString(),
          run: name,
          message: `record ${batch * batchSize + index}`,
        }),
      )
      await until(
        async () => {
          const answer = await platform
            .request('POST', '/api/v1/ingest/fault', lines.join('\n'), {
              'content-type': 'application/x-ndjson',
              'idempotency-key': `${name}-${batch}`,
            })
            .catch(() => undefined)
          return answer !== undefined && answer.status < 300
        },
        150_000,
        () => `batch ${batch} was never taken`,
        50,
      )
      acknowledged += batchSize
    }
  })()
  return {
    /** Resolves when so many more were acknowledged than at the call. */
    async hasSent(more: number) {
      const wanted = acknowledged + more
      const reached = until(
        async () => acknowledged >= wanted,
        120_000,
        () => `${acknowledged} of ${wanted} records were taken`,
        10,
      )
      await Promise.race([reached, run])
    },
    async stop() {
      stopping = true
      await run
      return acknowledged
    },
  }
}

/** Every number from 0 to count - 1 is stored, and each once. */
async function expectExactly(platform: Platform, name: string, count: number): Promise<void> {
  const now = Date.now()
  const span = { from: new Date(now - 3_600_000).toISOString(), to: new Date(now + 3_600_000).toISOString() }
  const query = `json.run:${name}`
  let told = 'nothing'
  await until(
    async () => {
      const answer = await platform
        .request<{ total: number }>('POST', '/api/v1/search', { query, ...span, limit: 1 })
        .catch(() => undefined)
      told = JSON.stringify(answer?.body)?.slice(0, 300) ?? 'no answer'
      return answer?.status === 200 && answer.body.total >= count
    },
    60_000,
    () => `${count} records were acknowledged; the search answers ${told}`,
    300,
  )
  // A double would come with a block that is sent again, a moment later.
  await sleep(1_000)
  const parameters = new URLSearchParams({ query, ...span, columns: 'message', limit: '1000000' })
  const { status, body } = await platform.request<string>('GET', `/api/v1/search/export?${parameters}`)
  expect(status).toBe(200)
  const numbers = String(body)
    .trimEnd()
    .split('\n')
    .map((line) => Number(JSON.parse(line).message.split(' ')[1]))
    .sort((a, b) => a - b)
  expect(numbers.filter((number, index) => number !== index).slice(0, 5)).toEqual([])
  expect(numbers).toHaveLength(count)
}

/** Process id of a child, found by the data folder on its command line. */
function childPid(platform: Platform, folder: 'events' | 'state'): number {
  const marker = `${platform.dataDir}/${folder}`
  const candidates = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => commandLine(pid).includes(marker) && !commandLine(pid).includes('watchfire.js'))
    .map(Number)
    .sort((a, b) => a - b)
  if (candidates.length === 0) throw new Error(`no process works in ${marker}`)
  return candidates[0]!
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

async function restarts(platform: Platform, name: string): Promise<number> {
  const answer = await platform
    .request<{ children?: { name: string; restarts: number }[] }>('GET', '/api/v1/health')
    .catch(() => undefined)
  return answer?.body.children?.find((child) => child.name === name)?.restarts ?? -1
}
