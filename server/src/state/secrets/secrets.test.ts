import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../seams/clock/clock.ts'
import { auditRows } from '../../seams/store/schema/audit.ts'
import { secrets } from '../../seams/store/schema/settings.ts'
import { openTestStore, person, type TestStore } from '../store-for-tests.ts'
import { listSecrets } from './list.ts'
import { type MasterKeys, openMasterKeys } from './master-keys.ts'
import { putSecret } from './put.ts'
import { removeSecret } from './remove.ts'
import { rotateMasterKey } from './rotate.ts'
import { useSecret } from './use.ts'

let store: TestStore
let keys: MasterKeys
const fails = (code: string) => expect.objectContaining({ code })
const manager = (unitPath: string) => store.as(person('security_manager', unitPath))
const name = 'notification:mail'
const use = (of = name, by = keys) => useSecret(store.database, by, of)

beforeAll(async () => {
  store = await openTestStore()
  keys = openMasterKeys(store.dataDir, store.clock)
}, 60_000)
afterAll(() => store.close())

test('a secret can be used and replaced; it lies nowhere in the clear', async () => {
  await putSecret(manager('/1/'), keys, { name, value: '密码 one' })
  expect(await use()).toBe('密码 one')
  await putSecret(manager('/1/'), keys, { name, value: 'correct horse' })
  expect(await use()).toBe('correct horse')
  const everything = JSON.stringify([
    await store.database.select().from(secrets),
    await store.database.select().from(auditRows),
  ])
  expect(everything).not.toContain('correct horse')
  const [row] = await store.database.select().from(secrets)
  expect(Buffer.concat([row!.box, row!.wrappedKey]).includes('correct')).toBe(false)
  const listed = await listSecrets(manager('/1/'), { purpose: 'notification' })
  expect(Object.keys(listed.items[0]!).sort()).toEqual(['name', 'unitPath', 'updatedAt', 'updatedBy'])
})

test('the key file is private, and a wider mode is narrowed', () => {
  const path = join(store.dataDir, 'keys', 'master')
  expect(statSync(path).mode & 0o777).toBe(0o600)
  chmodSync(path, 0o644)
  openMasterKeys(store.dataDir, store.clock)
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test('purpose decides who may put; another unit does not see it', async () => {
  const administrator = store.as(person('system_administrator', '/1/'))
  await expect(putSecret(administrator, keys, { name, value: 'x' })).rejects.toEqual(fails('FORBIDDEN'))
  await expect(listSecrets(administrator, { purpose: 'notification' })).rejects.toEqual(fails('FORBIDDEN'))
  await putSecret(administrator, keys, { name: 'setting:proxy', value: 'x' })
  await expect(putSecret(manager('/1/2/'), keys, { name, value: 'stolen' })).rejects.toEqual(fails('NOT_FOUND'))
  await expect(removeSecret(manager('/1/2/'), { name })).rejects.toEqual(fails('NOT_FOUND'))
  expect((await listSecrets(manager('/1/2/'), { purpose: 'notification' })).total).toBe(0)
  for (const bad of ['totp:1', 'x', 'notification:', 'notification:A b', "notification:'"]) {
    await expect(putSecret(administrator, keys, { name: bad, value: 'x' })).rejects.toEqual(fails('BAD_REQUEST'))
  }
  expect(await use()).toBe('correct horse')
})

test('what was altered or exchanged does not open', async () => {
  const other = 'notification:other'
  await putSecret(manager('/1/'), keys, { name: other, value: 'other' })
  const [row] = await store.database.select().from(secrets).where(eq(secrets.name, name))
  const { keyId, wrappedKey, box } = row!
  await store.database.update(secrets).set({ keyId, wrappedKey, box }).where(eq(secrets.name, other))
  await expect(use(other)).rejects.toEqual(fails('SECRET_UNREADABLE'))
  const flipped = Buffer.from(box)
  flipped[flipped.length - 1]! ^= 1
  await store.database.update(secrets).set({ box: flipped }).where(eq(secrets.name, name))
  await expect(use()).rejects.toEqual(fails('SECRET_UNREADABLE'))
  await store.database
    .update(secrets)
    .set({ box: box.subarray(0, 20) })
    .where(eq(secrets.name, name))
  await expect(use()).rejects.toEqual(fails('SECRET_UNREADABLE'))
  await store.database.update(secrets).set({ box }).where(eq(secrets.name, name))
  await removeSecret(manager('/1/'), { name: other })
  await expect(use(other)).rejects.toEqual(fails('NOT_FOUND'))
})

test('rotation wraps every key anew while others write, and drops the old master key', async () => {
  const path = join(store.dataDir, 'keys', 'master')
  const before = JSON.parse(readFileSync(path, 'utf8')).current as string
  const elsewhere = openMasterKeys(store.dataDir, store.clock)
  const writers = Array.from({ length: 12 }, (_, index) =>
    putSecret(manager('/1/'), elsewhere, { name: `notification:w${index}`, value: `value ${index}` }),
  )
  const root = store.as(person('system_administrator', '/1/'))
  await Promise.all([...writers, rotateMasterKey(root, keys), rotateMasterKey(root, elsewhere)])
  const file = JSON.parse(readFileSync(path, 'utf8'))
  expect(Object.keys(file.keys)).not.toContain(before)
  for (let index = 0; index < 12; index++) {
    expect(await use(`notification:w${index}`)).toBe(`value ${index}`)
    expect(await use(`notification:w${index}`, elsewhere)).toBe(`value ${index}`)
  }
  expect(await use()).toBe('correct horse')
  await rotateMasterKey(root, keys)
  expect(Object.keys(JSON.parse(readFileSync(path, 'utf8')).keys)).toHaveLength(1)
  expect(await use(name, elsewhere)).toBe('correct horse')
  await expect(rotateMasterKey(store.as(person('system_administrator', '/1/2/')), keys)).rejects.toEqual(
    fails('NOT_FOUND'),
  )
  await expect(rotateMasterKey(manager('/1/'), keys)).rejects.toEqual(fails('FORBIDDEN'))
})

test('a damaged key file is refused and left as it is; without its key a secret does not open', async () => {
  const folder = mkdtempSync(join(store.dataDir, 'other-'))
  openMasterKeys(folder, systemClock)
  await expect(use(name, openMasterKeys(folder, systemClock))).rejects.toEqual(fails('SECRET_UNREADABLE'))
  const path = join(folder, 'keys', 'master')
  for (const damaged of ['', '{', '{"current":"a","keys":{}}', '{"current":"a","keys":{"a":"c2hvcnQ="}}']) {
    writeFileSync(path, damaged)
    expect(() => openMasterKeys(folder, systemClock)).toThrow(expect.objectContaining({ code: 'KEY_FILE_INVALID' }))
    expect(readFileSync(path, 'utf8')).toBe(damaged)
  }
  rmSync(folder, { recursive: true })
})
