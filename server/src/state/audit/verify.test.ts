import { appendFileSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { asc, eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { auditHead, auditRows } from '../../seams/store/schema/audit.ts'
import { systemActor } from '../actor.ts'
import { openTestStore, person, type TestStore } from '../store-for-tests.ts'
import { type AuditEntry, appendAuditAll } from './append.ts'
import { chainHash } from './chain.ts'
import { exportAudit } from './export.ts'
import { headFilePath, signedHead } from './head-file.ts'
import { listAudit } from './list.ts'
import { type HeadSigner, openHeadSigner } from './sign-head.ts'
import { openSigningKey } from './signing-key.ts'
import { verifyAudit } from './verify.ts'

let store: TestStore
let signer: HeadSigner
let heads: string
let saved: { rows: (typeof auditRows.$inferSelect)[]; head: typeof auditHead.$inferInsert; heads: string }

const append = (count: number, more: Partial<AuditEntry> = {}) =>
  store.database.transaction((transaction) =>
    appendAuditAll(
      transaction,
      store.clock,
      Array.from({ length: count }, (_, index) => ({
        actor: { ...systemActor('test'), name: `行为者${index}` },
        action: 'unit.rename',
        target: `unit:${index}`,
        unitPath: '/1/',
        detail: { index },
        ...more,
      })),
    ),
  )
const rowsOf = () => store.database.select().from(auditRows).orderBy(asc(auditRows.sequence))
const verify = () => verifyAudit(store.database, store.dataDir)

beforeAll(async () => {
  store = await openTestStore()
  heads = headFilePath(store.dataDir)
  // Row 1 names the key and is signed; heads follow at rows 11, 21 and 31, and rows 32 to 36 are not signed.
  signer = await openHeadSigner(store.database, store.clock, store.dataDir)
  for (let round = 0; round < 3; round++) {
    await append(10)
    await signer.sign()
  }
  await append(5)
  const [head] = await store.database.select().from(auditHead)
  saved = { rows: await rowsOf(), head: head!, heads: readFileSync(heads, 'utf8') }
}, 60_000)
afterAll(() => store.close())

beforeEach(async () => {
  await store.database.delete(auditRows)
  await store.database.insert(auditRows).values(saved.rows)
  await store.database.update(auditHead).set(saved.head)
  writeFileSync(heads, saved.heads)
})

/** What somebody with the database, but not the key, would do to hide a change: every hash after it computed anew. */
async function recomputeFrom(first: number): Promise<void> {
  const rows = await rowsOf()
  let previousHash = rows[first - 2]?.hash ?? '0'.repeat(64)
  for (const row of rows.slice(first - 1)) {
    const hash = chainHash({ ...row, previousHash, timeMs: row.time.getTime() })
    await store.database.update(auditRows).set({ previousHash, hash }).where(eq(auditRows.sequence, row.sequence))
    previousHash = hash
  }
  await store.database.update(auditHead).set({ hash: previousHash })
}

test('an untouched chain is intact, while others append to it', async () => {
  expect(await verify()).toMatchObject({ intact: true, rows: 36, heads: 4, problem: null })
  const appending = Promise.all(Array.from({ length: 10 }, () => append(3)))
  const signing = signer.sign()
  const results = await Promise.all([verify(), verify(), verify()])
  expect(results.map((result) => result.problem)).toEqual([null, null, null])
  await Promise.all([appending, signing])
  expect(await verify()).toMatchObject({ intact: true, rows: 66 })
})

describe('is named, with its row:', () => {
  test.each([
    ['detail', sql`UPDATE audit_rows SET detail = '{"index":9}' WHERE sequence = 7`],
    ['actor', sql`UPDATE audit_rows SET actor_name = 'x' WHERE sequence = 7`],
    ['time', sql`UPDATE audit_rows SET time = time + interval '1 ms' WHERE sequence = 7`],
    ['address', sql`UPDATE audit_rows SET actor_address = '' WHERE sequence = 7`],
    ['path', sql`UPDATE audit_rows SET unit_path = '/1/2/' WHERE sequence = 7`],
    ['hash', sql`UPDATE audit_rows SET hash = repeat('0', 64) WHERE sequence = 7`],
    ['algorithm', sql`UPDATE audit_rows SET algorithm = 'sha256' WHERE sequence = 7`],
  ])('an altered %s', async (_, change) => {
    await store.database.execute(change)
    expect(await verify()).toMatchObject({ intact: false, problem: { kind: 'altered', sequence: 7 } })
  })

  test('a row altered with its own hash computed anew', async () => {
    const row = saved.rows[6]!
    const altered = { ...row, detail: { index: 1_000 } }
    const hash = chainHash({ ...altered, timeMs: row.time.getTime() })
    await store.database.update(auditRows).set({ detail: altered.detail, hash }).where(eq(auditRows.sequence, 7))
    expect(await verify()).toMatchObject({ problem: { kind: 'unbound', sequence: 8 } })
  })

  test('a row deleted from the middle, the first row, several', async () => {
    await store.database.execute(sql`DELETE FROM audit_rows WHERE sequence = 20`)
    expect(await verify()).toMatchObject({ problem: { kind: 'missing', sequence: 20, message: 'Row 20 is missing' } })
    await store.database.execute(sql`DELETE FROM audit_rows WHERE sequence < 4`)
    expect(await verify()).toMatchObject({
      problem: { kind: 'missing', sequence: 1, message: 'Rows 1 to 3 are missing' },
    })
  })

  test('a deleted row whose followers were renumbered and computed anew', async () => {
    await store.database.execute(sql`DELETE FROM audit_rows WHERE sequence = 15`)
    for (let sequence = 16; sequence <= 36; sequence++) {
      await store.database
        .update(auditRows)
        .set({ sequence: sequence - 1 })
        .where(eq(auditRows.sequence, sequence))
    }
    await store.database.update(auditHead).set({ sequence: 35 })
    await recomputeFrom(15)
    expect(await verify()).toMatchObject({ problem: { kind: 'recomputed', sequence: 12 } })
  })

  test('a tail cut, with and without the head moved back', async () => {
    await store.database.execute(sql`DELETE FROM audit_rows WHERE sequence > 33`)
    expect(await verify()).toMatchObject({ problem: { kind: 'cut', sequence: 34 } })
    await store.database.execute(sql`DELETE FROM audit_rows WHERE sequence > 25`)
    await store.database.update(auditHead).set({ sequence: 25, hash: saved.rows[24]!.hash })
    const { problem } = await verify()
    expect(problem).toMatchObject({ kind: 'cut', sequence: 26 })
    expect(problem?.message).toContain('rows 26 to 31')
    // Growing again over the cut does not hide it.
    await append(20)
    expect(await verify()).toMatchObject({ problem: { kind: 'recomputed', sequence: 22 } })
  })

  test('everything deleted', async () => {
    await store.database.delete(auditRows)
    await store.database.delete(auditHead)
    expect(await verify()).toMatchObject({ problem: { kind: 'cut', sequence: 1 } })
    await store.database.insert(auditHead).values(saved.head)
  })

  test('the whole chain computed anew after an alteration', async () => {
    await store.database.execute(sql`UPDATE audit_rows SET actor_name = 'somebody else' WHERE sequence = 7`)
    await recomputeFrom(7)
    const { problem } = await verify()
    expect(problem).toMatchObject({ kind: 'recomputed', sequence: 2 })
    expect(problem?.message).toContain('from 2 to 11')
  })

  test('heads that are forged, damaged, taken out, or gone', async () => {
    const lines = saved.heads.trimEnd().split('\n')
    const write = (edited: string[]) => writeFileSync(heads, `${edited.join('\n')}\n`)
    write([lines[0]!, lines[2]!, lines[3]!])
    expect(await verify()).toMatchObject({ problem: { kind: 'head' } })
    write([lines[0]!, lines[1]!.replace('"sequence":11', '"sequence":12'), ...lines.slice(2)])
    expect(await verify()).toMatchObject({ problem: { kind: 'head' } })
    write([lines[0]!, 'nonsense', ...lines.slice(2)])
    expect(await verify()).toMatchObject({ problem: { kind: 'head' } })
    rmSync(heads)
    expect(await verify()).toMatchObject({ problem: { kind: 'head' } })
  })

  test('a new chain and new heads under a key of one’s own', async () => {
    const keyFile = join(store.dataDir, 'keys', 'audit-ed25519.pem')
    renameSync(keyFile, `${keyFile}.kept`)
    try {
      const forged = openSigningKey(store.dataDir, store.clock)
      const { sequence, hash } = { sequence: 36, hash: saved.rows[35]!.hash }
      writeFileSync(
        heads,
        `${JSON.stringify(signedHead(forged, { sequence, hash, at: 'now', previous: '0'.repeat(64) }))}\n`,
      )
      expect(await verify()).toMatchObject({ problem: { kind: 'key' } })
    } finally {
      renameSync(`${keyFile}.kept`, keyFile)
    }
    expect(await verify()).toMatchObject({ problem: { kind: 'head' } })
  })
})

test('a half-written line of a crash is cut off at the next signature, and is no alarm', async () => {
  appendFileSync(heads, '{"sequence":36,"ha')
  expect(await verify()).toMatchObject({ intact: true, heads: 4 })
  expect(await signer.sign()).toMatchObject({ sequence: 36 })
  expect(await signer.sign()).toBeUndefined()
  expect(await verify()).toMatchObject({ intact: true, heads: 5 })
  truncateSync(heads, readFileSync(heads).length - 10)
  expect(await signer.sign()).toMatchObject({ sequence: 36 })
  expect(await verify()).toMatchObject({ intact: true, heads: 5 })
})

test('a new key after the old one was lost is named in the chain, and old heads stay good', async () => {
  const keyFile = join(store.dataDir, 'keys', 'audit-ed25519.pem')
  renameSync(keyFile, `${keyFile}.lost`)
  const next = await openHeadSigner(store.database, store.clock, store.dataDir)
  await append(2)
  await next.sign()
  expect(await verify()).toMatchObject({ intact: true, rows: 39, heads: 6 })
  renameSync(`${keyFile}.lost`, keyFile)
  writeFileSync(keyFile, 'not a key')
  await expect(verify()).rejects.toMatchObject({ code: 'KEY_FILE_INVALID' })
  await expect(openHeadSigner(store.database, store.clock, store.dataDir)).rejects.toMatchObject({
    code: 'KEY_FILE_INVALID',
  })
})

describe('reading', () => {
  const auditor = (unitPath: string) => store.as(person('auditor', unitPath))

  beforeEach(async () => {
    await append(3, { unitPath: '/1/7/', action: 'user.create', target: 'user:5' })
    await append(2, { unitPath: '/1/7/71/', action: 'user.update', target: 'user:55' })
    await append(2, { unitPath: '/1/77/', action: 'source.update', target: 'source:user:5' })
  })

  test('sees the own unit and what is below, and what was written before it moved', async () => {
    expect((await listAudit(auditor('/1/'))).total).toBe(43)
    expect((await listAudit(auditor('/1/7/'))).items.map((row) => row.unitPath)).toEqual([
      '/1/7/71/',
      '/1/7/71/',
      '/1/7/',
      '/1/7/',
      '/1/7/',
    ])
    expect((await listAudit(auditor('/1/9/71/'))).total).toBe(2)
    expect((await listAudit(auditor('/1/1/'))).total).toBe(43)
    await expect(listAudit(store.as(person('system_administrator', '/1/')))).rejects.toMatchObject({
      code: 'FORBIDDEN',
    })
    await expect(listAudit(store.as(person('security_manager', '/1/')))).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })

  test('filters by actor, action, target and time, and pages backwards', async () => {
    const list = (query: Parameters<typeof listAudit>[1]) => listAudit(auditor('/1/'), query)
    expect((await list({ action: 'user' })).total).toBe(5)
    expect((await list({ action: 'user.update' })).total).toBe(2)
    expect((await list({ action: 'use' })).total).toBe(0)
    expect((await list({ target: 'user:5' })).total).toBe(3)
    expect((await list({ target: 'user' })).total).toBe(5)
    expect((await list({ actor: '行为者9' })).total).toBe(3)
    expect((await list({ actor: "'; DELETE FROM audit_rows; --" })).total).toBe(0)
    const middle = saved.rows[20]!.time
    expect((await list({ to: middle })).items.every((row) => row.at < middle)).toBe(true)
    await expect(list({ from: 'yesterday' as never })).rejects.toMatchObject({ code: 'BAD_REQUEST' })
    const seen: number[] = []
    let cursor: string | undefined
    do {
      const page = await list({ limit: 10, cursor })
      seen.push(...page.items.map((row) => row.sequence))
      cursor = page.next ?? undefined
      if (seen.length === 20) await append(4)
    } while (cursor)
    expect(seen).toEqual(Array.from({ length: 43 }, (_, index) => 43 - index))
  })

  test('an export is whole, is itself audited, and its rows can be checked elsewhere', async () => {
    const lines: string[] = []
    for await (const chunk of exportAudit(auditor('/1/'), { action: 'user' }))
      lines.push(...chunk.trimEnd().split('\n'))
    expect(lines).toHaveLength(5)
    const row = JSON.parse(lines[0]!)
    expect(chainHash({ ...row, timeMs: Date.parse(row.time) })).toBe(row.hash)
    const [newest] = (await listAudit(auditor('/1/'))).items
    expect(newest).toMatchObject({ action: 'audit.export', detail: { action: 'user' } })
    const refused = exportAudit(store.as(person('security_operator', '/1/')))
    await expect(refused.next()).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })
})
