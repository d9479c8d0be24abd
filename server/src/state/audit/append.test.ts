import { asc } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { auditHead, auditRows } from '../../seams/store/schema/audit.ts'
import { systemActor } from '../actor.ts'
import { openTestStore, type TestStore } from '../store-for-tests.ts'
import { write } from '../write.ts'
import { appendAudit } from './append.ts'
import { chainHash, genesisHash } from './chain.ts'

let store: TestStore
beforeAll(async () => {
  store = await openTestStore()
}, 60_000)
afterAll(() => store.close())

const rows = () => store.database.select().from(auditRows).orderBy(asc(auditRows.sequence))

test('concurrent writers and rolled-back ones leave a chain without gaps', async () => {
  const writers = Array.from({ length: 60 }, async (_, number) => {
    const work = write(store.system, { action: 'test.run', permission: 'health:read' }, async () => {
      if (number % 10 === 3) throw new RangeError('rolled back')
      return { result: number, target: `test:${number}`, unitPath: '/1/', detail: { number } }
    })
    await work.catch((error: unknown) => expect(error).toBeInstanceOf(RangeError))
  })
  await Promise.all(writers)
  const chain = await rows()
  expect(chain.map((row) => row.sequence)).toEqual(Array.from({ length: 54 }, (_, index) => index + 1))
  let previous = genesisHash
  for (const row of chain) {
    expect(row.previousHash).toBe(previous)
    expect(chainHash({ ...row, timeMs: row.time.getTime() })).toBe(row.hash)
    previous = row.hash
  }
})

test('what the database stores differently than it was given hashes the same when read back', async () => {
  const detail = {
    lone: '\ud800 and \u0000',
    '\u0000key': 1,
    number: [1e21, -0, 1e-9, 0.1 + 0.2, Number.NaN, 2 ** 53],
    date: new Date(0),
    absent: undefined,
    deep: { b: [undefined, null, { z: 1, a: '烽燧 🔥' }], a: 10n },
  }
  const actor = { ...systemActor('te\u0000st'), address: '::1' }
  await store.database.transaction((transaction) =>
    appendAudit(transaction, store.clock, {
      actor,
      action: 'test.odd',
      target: 'x'.repeat(5_000),
      unitPath: '/1/',
      detail,
    }),
  )
  await store.database.transaction((transaction) =>
    appendAudit(transaction, store.clock, {
      actor,
      action: 'test.huge',
      target: 't',
      unitPath: '/1/',
      detail: { text: '🔥'.repeat(100_000) },
    }),
  )
  const [odd, huge] = (await rows()).slice(-2)
  expect(chainHash({ ...odd!, timeMs: odd!.time.getTime() })).toBe(odd!.hash)
  expect(odd!.detail).toMatchObject({ lone: '\ufffd and \ufffd', date: '1970-01-01T00:00:00.000Z' })
  expect(chainHash({ ...huge!, timeMs: huge!.time.getTime() })).toBe(huge!.hash)
  expect(huge!.detail).toMatchObject({ truncated: true })
})

test('a chain whose head was taken away is not begun anew', async () => {
  await store.database.delete(auditHead)
  const work = write(store.system, { action: 'test.run', permission: 'health:read' }, async () => {
    return { result: 1, target: 'test:1', unitPath: '/1/' }
  })
  await expect(work).rejects.toMatchObject({ code: 'AUDIT_BROKEN' })
})
