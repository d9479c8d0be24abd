import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Platform, startPlatform, until } from '../harness/platform.ts'

const mountPoint = mkdtempSync(join(tmpdir(), 'watchfire-disk-'))
const problem = mountSmallDisk()

/** A small disk of its own needs the right to mount; without it the test is skipped, and says so. */
describe.skipIf(problem !== undefined && process.env.WATCHFIRE_REQUIRE !== 'all')(
  `full disk${problem ? ` (skipped: ${problem})` : ''}`,
  () => {
    let platform: Platform

    beforeAll(async () => {
      expect(problem).toBeUndefined()
      platform = await startPlatform({ dataDir: join(mountPoint, 'data') })
    }, 240_000)

    afterAll(async () => {
      await platform?.stop()
      execFileSync('umount', ['-l', mountPoint])
      rmSync(mountPoint, { recursive: true, force: true })
    }, 60_000)

    it('refuses with a code, says so, keeps what it took, and recovers by itself', async () => {
      let acknowledged = 0
      for (let batch = 0; batch < 5; batch++) acknowledged += await send(platform, `before-${batch}`)
      expect(acknowledged).toBe(500)

      const ballast = join(mountPoint, 'ballast')
      fill(ballast)
      const refused = await until503(platform)
      expect(['BUS_UNWRITABLE', 'BUS_FULL']).toContain(refused.code)
      expect(refused.retryAfter).not.toBeNull()
      expect((await fetch(`${platform.url}/healthz`)).status).toBe(200)

      rmSync(ballast)
      await until(
        async () => {
          const taken = await send(platform, 'after').catch(() => 0)
          acknowledged += taken
          return taken > 0
        },
        60_000,
        () => 'the platform did not take records again',
        500,
      )
      await until(
        async () => (await stored(platform)) >= acknowledged,
        60_000,
        () => 'what was acknowledged is not stored',
        500,
      )
      expect(await stored(platform)).toBe(acknowledged)
    }, 180_000)
  },
)

/** Sends 100 records of 1 KiB; answers how many were acknowledged, throws with the code when refused. */
async function send(platform: Platform, key: string): Promise<number> {
  const lines = Array.from({ length: 100 }, (_, index) =>
    JSON.stringify({ message: `${key} ${index} ${'x'.repeat(1000)}` }),
  )
  const answer = await platform.request<{ accepted?: number; error?: { code: string } }>(
    'POST',
    '/api/v1/ingest/disk',
    lines.join('\n'),
    {
      'content-type': 'application/x-ndjson',
      'idempotency-key': key,
    },
  )
  if (answer.status >= 300) throw Object.assign(new Error(answer.body.error?.code), { answer })
  return answer.body.accepted ?? 0
}

/** Sends until it is refused; answers the code and the header of the refusal. */
async function until503(platform: Platform): Promise<{ code: string; retryAfter: string | null }> {
  for (let batch = 0; batch < 400; batch++) {
    const lines = 'y'.repeat(60_000)
    const answer = await platform.request<{ error?: { code: string } }>('POST', '/api/v1/ingest/ballast', lines, {
      'content-type': 'text/plain',
    })
    if (answer.status === 503 || answer.status === 429) {
      return { code: answer.body.error?.code ?? '', retryAfter: answer.headers.get('retry-after') }
    }
  }
  throw new Error('a full disk was never refused')
}

async function stored(platform: Platform): Promise<number> {
  const now = Date.now()
  const answer = await platform.request<{ total: number }>('POST', '/api/v1/search', {
    query: 'event.dataset:json',
    from: new Date(now - 3_600_000).toISOString(),
    to: new Date(now + 3_600_000).toISOString(),
    limit: 1,
  })
  return answer.status === 200 ? answer.body.total : -1
}

function fill(path: string): void {
  const { bavail, bsize } = statfsSync(mountPoint)
  try {
    writeFileSync(path, Buffer.alloc(bavail * bsize))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  }
}

function mountSmallDisk(): string | undefined {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=420m,mode=0755', 'tmpfs', mountPoint], { stdio: 'pipe' })
    return undefined
  } catch (error) {
    return `no disk could be mounted: ${String((error as { stderr?: Buffer }).stderr ?? error).trim()}`
  }
}
