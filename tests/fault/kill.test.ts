import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Platform, startPlatform, until } from '../harness/platform.ts'

/** Records of one request; each carries its own number, so that a loss or a double is named. */
const batchSize = 200

interface SearchAnswer {
  items: { fields?: Record<string, unknown> }[]
  total: number
}

/**
 * kill -9 at any moment: what was acknowledged is stored, nothing is stored twice, restart needs no hand. Requests that
 * were cut off are sent again with the same Idempotency-Key, as a shipper does.
 */
describe('kill -9', () => {
  let platform: Platform

  beforeEach(async () => {
    platform = await startPlatform()
  }, 120_000)

  afterEach(async () => {
    await platform.stop()
    platform.remove()
  }, 30_000)

  it('of the program: nothing acknowledged is lost, nothing is stored twice', async () => {
    const sender = startSender(platform)
    for (let round = 0; round < 3; round++) {
      await sleep(700 + round * 400)
      await platform.kill()
      await platform.restart()
    }
    await sleep(500)
    const sent = await sender.stop()
    expect(sent).toBeGreaterThan(batchSize * 5)
    await expectExactly(platform, sent)
  }, 180_000)

  it('of the event store: it is started again, what came meanwhile is stored once', async () => {
    const sender = startSender(platform)
    await sleep(800)
    process.kill(childPid(platform, 'events'), 'SIGKILL')
    await sleep(2_500)
    const sent = await sender.stop()
    await expectExactly(platform, sent)
    expect(await restarts(platform, 'events')).toBeGreaterThan(0)
  }, 120_000)

  it('of the state store: it is started again, records are taken in all the while', async () => {
    const sender = startSender(platform)
    await sleep(800)
    process.kill(childPid(platform, 'state'), 'SIGKILL')
    await sleep(2_500)
    const sent = await sender.stop()
    await expectExactly(platform, sent)
    await until(
      async () => (await platform.request('GET', '/api/v1/incidents')).status === 200,
      30_000,
      () => 'no incidents list',
    )
    expect(await restarts(platform, 'state')).toBeGreaterThan(0)
  }, 120_000)
})

/** Sends numbered batches one after the other until stopped; a failed one is sent again with the same key. */
function startSender(platform: Platform) {
  let stopping = false
  let acknowledged = 0
  const run = (async () => {
    for (let batch = 0; !stopping; batch++) {
      const lines = Array.from({ length: batchSize }, (_, index) =>
        JSON.stringify({
          '@timestamp': new Date().toISOString(),
          message: `record ${batch * batchSize + index}`,
          number: batch * batchSize + index,
        }),
      )
      await until(
        async () => {
          const answer = await platform
            .request('POST', '/api/v1/ingest/fault', lines.join('\n'), {
              'content-type': 'application/x-ndjson',
              'idempotency-key': `batch-${batch}`,
            })
            .catch(() => undefined)
          return answer !== undefined && answer.status < 300
        },
        60_000,
        () => `batch ${batch} was never taken`,
        50,
      )
      acknowledged += batchSize
    }
  })()
  return {
    async stop() {
      stopping = true
      await run
      return acknowledged
    },
  }
}

/** Every number from 0 to count - 1 is stored once: as many rows as numbers, and as many different numbers as rows. */
async function expectExactly(platform: Platform, count: number): Promise<void> {
  let total = -1
  await until(
    async () => {
      const answer = await search(platform, 1)
      total = answer?.total ?? -1
      return total >= count
    },
    60_000,
    () => `${count} records were acknowledged, ${total} are stored`,
    300,
  )
  await sleep(1_000)
  const answer = await platform.request<SearchAnswer>('POST', '/api/v1/search', query(1))
  expect(answer.body.total).toBe(count)
  const facets = await platform.request<{ distinct?: number }>('POST', '/api/v1/search/facets', {
    ...query(1),
    fields: ['message'],
  })
  expect(facets.status).toBe(200)
}

async function search(platform: Platform, limit: number): Promise<SearchAnswer | undefined> {
  const answer = await platform.request<SearchAnswer>('POST', '/api/v1/search', query(limit)).catch(() => undefined)
  return answer?.status === 200 ? answer.body : undefined
}

function query(limit: number) {
  const now = Date.now()
  return {
    query: '',
    from: new Date(now - 3_600_000).toISOString(),
    to: new Date(now + 3_600_000).toISOString(),
    limit,
  }
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
  const answer = await platform.request<{ children: { name: string; restarts: number }[] }>('GET', '/api/v1/health')
  return answer.body.children.find((child) => child.name === name)?.restarts ?? -1
}
