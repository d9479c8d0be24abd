import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Bus } from '../../server/src/seams/bus/bus.ts'
import { openLocalBus } from '../../server/src/seams/bus/local.ts'
import { systemClock } from '../../server/src/seams/clock/clock.ts'

const record = Buffer.alloc(100_000, 'r')
const canMount = tryToMount()

function tryToMount(): boolean {
  const directory = mkdtempSync(join(tmpdir(), 'watchfire-mount-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory], { stdio: 'ignore' })
    execFileSync('umount', [directory])
    return true
  } catch {
    return false
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

describe.skipIf(!canMount)('the local bus on a real disk of 16 MiB', () => {
  let directory: string
  let bus: Bus

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'watchfire-full-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'tmpfs', directory])
  })

  afterEach(async () => {
    await bus.close()
    execFileSync('umount', [directory])
    rmSync(directory, { recursive: true })
  })

  async function open(reserveBytes: number): Promise<void> {
    bus = await openLocalBus({
      directory: join(directory, 'bus'),
      partitions: [0],
      limitBytes: 1 << 30,
      logger: pino({ level: 'silent' }),
      clock: systemClock,
      limits: { reserveBytes, segmentBytes: 1 << 20 },
    })
  }

  async function fill(): Promise<{ accepted: number; refusal: unknown }> {
    for (let accepted = 0; ; accepted++) {
      try {
        await bus.publish('raw', [record])
      } catch (refusal) {
        return { accepted, refusal }
      }
    }
  }

  async function drain(count: number): Promise<void> {
    let seen = 0
    await new Promise<void>((resolve, reject) => {
      bus
        .subscribe('raw', 'group', {
          batchSize: 20,
          async onBatch(batch) {
            for (const one of batch.records)
              if (Buffer.compare(one, record) !== 0) reject(new Error('a record is not what was published'))
            seen += batch.records.length
            await bus.commit('raw', 'group', batch.partition, batch.last)
            if (seen >= count) resolve()
          },
        })
        .catch(reject)
    })
    expect(seen).toBe(count)
  }

  it('refuses when it is full, delivers what it took, and takes records again by itself', async () => {
    await open(0)
    // The group is there before the disk is full, as it is in a running system.
    await bus.commit('raw', 'group', 0, -1)
    const { accepted, refusal } = await fill()
    expect(refusal).toMatchObject({ code: 'BUS_UNWRITABLE', retry: true, detail: { code: 'ENOSPC' } })
    expect(accepted).toBeGreaterThan(120)
    await expect(bus.publish('raw', [record, record])).rejects.toMatchObject({ code: 'BUS_UNWRITABLE' })
    await drain(accepted)
    expect((await bus.publish('raw', [record])).first).toBe(accepted)
  })

  it('leaves the reserve to the stores', async () => {
    await open(6 << 20)
    const { accepted, refusal } = await fill()
    expect(refusal).toMatchObject({ code: 'BUS_UNWRITABLE' })
    expect((refusal as Error).message).toContain('less free space')
    expect(accepted).toBeGreaterThan(80)
    expect(accepted).toBeLessThan(110)
  })

  it('refuses while the disk is read-only and goes on when it can be written again', async () => {
    await open(0)
    await bus.publish('raw', [record])
    await bus.close()
    await open(0)
    execFileSync('mount', ['-o', 'remount,ro', directory])
    await expect(bus.publish('raw', [record])).rejects.toMatchObject({ code: 'BUS_UNWRITABLE' })
    execFileSync('mount', ['-o', 'remount,rw', directory])
    expect((await bus.publish('raw', [record])).first).toBe(1)
  })
})
