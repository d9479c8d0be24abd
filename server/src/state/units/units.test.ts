import { eq, sql } from 'drizzle-orm'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { assets } from '../../seams/store/schema/assets.ts'
import { auditRows } from '../../seams/store/schema/audit.ts'
import { units } from '../../seams/store/schema/identity.ts'
import { secrets } from '../../seams/store/schema/settings.ts'
import { createAsset } from '../assets/create.ts'
import { openMasterKeys } from '../secrets/master-keys.ts'
import { putSecret } from '../secrets/put.ts'
import { openTestStore, person, type TestStore } from '../store-for-tests.ts'
import { createUser } from '../users/create.ts'
import { createUnit } from './create.ts'
import { ensureRootUnit } from './ensure-root.ts'
import { getUnit } from './get.ts'
import { listUnits } from './list.ts'
import { moveUnit } from './move.ts'
import { removeUnit } from './remove.ts'
import { renameUnit } from './rename.ts'
import type { Unit } from './unit.ts'

let store: TestStore
beforeAll(async () => {
  store = await openTestStore()
  await ensureRootUnit(store.database, store.clock)
  await ensureRootUnit(store.database, store.clock, '另一个')
}, 60_000)
afterAll(() => store.close())

let city: Unit
let otherCity: Unit
let bureau: Unit
let number = 0
beforeEach(async () => {
  number++
  city = await createUnit(store.system, { parentId: 1, kind: 'city', name: `甲市${number}` })
  otherCity = await createUnit(store.system, { parentId: 1, kind: 'city', name: `乙市${number}` })
  bureau = await createUnit(store.system, { parentId: city.id, kind: 'unit', name: '大数据局', code: `b-${number}` })
})

const administrator = (unit: Unit) => store.as(person('system_administrator', unit.path))
const fails = (code: string) => expect.objectContaining({ code })

test('the root is made once, and its making is audited once', async () => {
  const [root] = await store.database.select().from(units).where(eq(units.id, 1))
  expect(root).toMatchObject({ path: '/1/', name: '本单位' })
  const made = await store.database.select().from(auditRows).where(eq(auditRows.target, 'unit:1'))
  expect(made).toHaveLength(1)
})

test('paths follow the tree, and a unit sees itself and what is below', async () => {
  expect(bureau.path).toBe(`${city.path}${bureau.id}/`)
  const seen = await listUnits(administrator(city))
  expect(seen.items.map((unit) => unit.id)).toEqual([city.id, bureau.id])
  expect(seen).toMatchObject({ total: 2, next: null })
  expect(seen.items[0]).toMatchObject({ childCount: 1, userCount: 0 })
  await expect(getUnit(administrator(city), otherCity.id)).rejects.toEqual(fails('NOT_FOUND'))
  await expect(getUnit(administrator(city), 1)).rejects.toEqual(fails('NOT_FOUND'))
})

test('a number that begins with another is not below it', async () => {
  const path = (id: number) => `/1/${id}/`
  const at = store.as(person('auditor', path(city.id)))
  await store.database.insert(units).values({
    id: Number(`${city.id}9999`),
    parentId: 1,
    kind: 'city',
    name: `像${number}`,
    path: path(Number(`${city.id}9999`)),
    createdAt: new Date(0),
  })
  expect((await listUnits(at)).total).toBe(2)
})

test('names and codes are unique where they must be, and what cannot be a name is refused', async () => {
  const create = (input: object) => createUnit(store.system, { parentId: city.id, kind: 'unit', name: '局', ...input })
  await expect(create({ name: '大数据局' })).rejects.toEqual(fails('CONFLICT'))
  await expect(create({ code: `b-${number}` })).rejects.toEqual(fails('CONFLICT'))
  await expect(create({ kind: 'province' })).rejects.toEqual(fails('CONFLICT'))
  for (const name of ['', '  ', 'a\u0000b', 'a\nb', '\u202egpj', 'x'.repeat(101), '\ud800']) {
    await expect(create({ name })).rejects.toEqual(fails('BAD_REQUEST'))
  }
  const odd = await create({ name: "  Ω'; DROP TABLE units; -- 龘🔥 " })
  expect((await getUnit(store.system, odd.id)).name).toBe("Ω'; DROP TABLE units; -- 龘🔥")
})

test('the tree has a deepest level', async () => {
  let parent = bureau
  for (let depth = 4; depth <= 16; depth++) {
    parent = await createUnit(store.system, { parentId: parent.id, kind: 'unit', name: `${depth}` })
  }
  await expect(createUnit(store.system, { parentId: parent.id, kind: 'unit', name: '17' })).rejects.toEqual(
    fails('CONFLICT'),
  )
  await expect(moveUnit(store.system, { id: city.id, parentId: otherCity.id })).rejects.toEqual(fails('CONFLICT'))
})

describe('moving', () => {
  test('takes everything below along, other tables too, and leaves the audit as it was', async () => {
    const desk = await createUnit(store.system, { parentId: bureau.id, kind: 'unit', name: '一科' })
    const keys = openMasterKeys(store.dataDir, store.clock)
    const manager = store.as(person('security_manager', desk.path))
    await putSecret(manager, keys, { name: `notification:mail-${number}`, value: 'x' })
    const audited = () =>
      store.database
        .select()
        .from(auditRows)
        .where(eq(auditRows.target, `secret:notification:mail-${number}`))
    const before = await audited()
    const move = await moveUnit(store.system, { id: bureau.id, parentId: otherCity.id })
    expect(move).toEqual({ id: bureau.id, from: bureau.path, to: `${otherCity.path}${bureau.id}/` })
    expect((await getUnit(store.system, desk.id)).path).toBe(`${otherCity.path}${bureau.id}/${desk.id}/`)
    const [secret] = await store.database
      .select()
      .from(secrets)
      .where(eq(secrets.name, `notification:mail-${number}`))
    expect(secret?.unitPath).toBe(`${otherCity.path}${bureau.id}/${desk.id}/`)
    expect(await audited()).toEqual(before)
    expect((await listUnits(administrator(city))).total).toBe(1)
  })

  test('is refused for the root, below itself, out of sight and for a level that does not fit', async () => {
    const move = (id: number, parentId: number, context = store.system) => moveUnit(context, { id, parentId })
    await expect(move(1, city.id)).rejects.toEqual(fails('CONFLICT'))
    await expect(move(city.id, bureau.id)).rejects.toEqual(fails('CONFLICT'))
    await expect(move(city.id, city.id)).rejects.toEqual(fails('CONFLICT'))
    await expect(move(otherCity.id, bureau.id)).rejects.toEqual(fails('CONFLICT'))
    await expect(move(bureau.id, otherCity.id, administrator(city))).rejects.toEqual(fails('NOT_FOUND'))
    await expect(move(otherCity.id, city.id, administrator(city))).rejects.toEqual(fails('NOT_FOUND'))
  })

  test('at the same time, crossing each other, ends in a tree whose paths are right', async () => {
    const spots = [city, otherCity, bureau]
    for (const name of ['甲', '乙', '丙']) {
      spots.push(await createUnit(store.system, { parentId: city.id, kind: 'city', name: `${name}${number}` }))
    }
    const moves = Array.from({ length: 40 }, (_, index) => {
      const pick = (factor: number) => spots[(index * factor + (index >> 2)) % spots.length]!.id
      return moveUnit(store.system, { id: pick(5), parentId: pick(7) })
    })
    const creations = Array.from({ length: 10 }, (_, index) =>
      createUnit(store.system, { parentId: spots[index % 3]!.id, kind: 'unit', name: `新${index}` }),
    )
    const results = await Promise.allSettled([...moves, ...creations])
    const refused = results.filter((result) => result.status === 'rejected').map((result) => result.reason.code)
    expect(refused.every((code) => code === 'CONFLICT')).toBe(true)
    const wrong = await store.database.execute(sql`
      SELECT c.id FROM ${units} c JOIN ${units} p ON p.id = c.parent_id WHERE c.path <> p.path || c.id || '/'`)
    expect(wrong.rows).toEqual([])
  })
})

test('what is put into a unit while it moves ends with the path the unit has then', async () => {
  const moves = Array.from({ length: 8 }, (_, index) =>
    moveUnit(store.system, { id: bureau.id, parentId: index % 2 === 0 ? otherCity.id : city.id }),
  )
  const puts = Array.from({ length: 24 }, (_, index) =>
    createAsset(store.system, { name: `a${index}`, unitId: bureau.id, addresses: [`10.${number}.0.${index}`] }),
  )
  await Promise.all([...moves, ...puts])
  const wrong = await store.database.execute(sql`
    SELECT a.name, a.unit_path, u.path FROM ${assets} a JOIN ${units} u ON u.id = a.unit_id WHERE a.unit_path <> u.path`)
  expect(wrong.rows).toEqual([])
  expect(await store.database.$count(assets, eq(assets.unitId, bureau.id))).toBe(24)
  await expect(removeUnit(store.system, { id: bureau.id })).rejects.toMatchObject({ detail: { holds: ['assets'] } })
})

test('removing is for empty units only', async () => {
  const remove = (id: number, context = store.system) => removeUnit(context, { id })
  await expect(remove(city.id)).rejects.toEqual(fails('CONFLICT'))
  await expect(remove(1)).rejects.toEqual(fails('CONFLICT'))
  await expect(remove(bureau.id, administrator(otherCity))).rejects.toEqual(fails('NOT_FOUND'))
  await createUser(store.system, { name: `u${number}`, unitId: otherCity.id, role: 'auditor' })
  await expect(remove(otherCity.id)).rejects.toMatchObject({ code: 'CONFLICT', detail: { holds: ['users'] } })
  await remove(bureau.id)
  await remove(city.id)
  await expect(getUnit(store.system, city.id)).rejects.toEqual(fails('NOT_FOUND'))
})

test('renaming asks for the permission, and tells before and after', async () => {
  await expect(renameUnit(store.as(person('auditor', '/1/')), { id: city.id, name: 'x' })).rejects.toEqual(
    fails('FORBIDDEN'),
  )
  await renameUnit(administrator(city), { id: bureau.id, name: '数据局', code: null })
  const [row] = await store.database.select().from(auditRows).where(eq(auditRows.action, 'unit.rename'))
  expect(row?.detail).toEqual({
    before: { name: '大数据局', code: `b-${number}` },
    after: { name: '数据局', code: null },
  })
})

test('pages neither repeat nor skip while units come and go, and a foreign cursor is refused', async () => {
  for (let index = 0; index < 7; index++)
    await createUnit(store.system, { parentId: city.id, kind: 'unit', name: `p${index}` })
  const seen: number[] = []
  let cursor: string | undefined
  do {
    const page = await listUnits(administrator(city), { limit: 2, cursor })
    expect(page.total).toBeGreaterThanOrEqual(9)
    seen.push(...page.items.map((unit) => unit.id))
    cursor = page.next ?? undefined
    if (seen.length === 4) await createUnit(store.system, { parentId: city.id, kind: 'unit', name: 'late' })
  } while (cursor)
  expect(seen).toHaveLength(10)
  expect(new Set(seen).size).toBe(10)
  for (const bad of [
    'x',
    Buffer.from('["name asc","a","b"]').toString('base64url'),
    Buffer.from('["path asc","a","b"]').toString('base64url'),
  ]) {
    await expect(listUnits(store.system, { cursor: bad })).rejects.toEqual(fails('BAD_REQUEST'))
  }
})
