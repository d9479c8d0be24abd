import { eq } from 'drizzle-orm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { auditRows } from '../../seams/store/schema/audit.ts'
import { loadIndicators } from '../indicators/all.ts'
import { createIndicator } from '../indicators/create.ts'
import { importIndicators } from '../indicators/import.ts'
import { canonicalValue } from '../indicators/indicator.ts'
import { listIndicators } from '../indicators/list.ts'
import { removeIndicator } from '../indicators/remove.ts'
import { openTestStore, person, type TestStore } from '../store-for-tests.ts'
import { createUnit } from '../units/create.ts'
import { ensureRootUnit } from '../units/ensure-root.ts'
import type { Unit } from '../units/unit.ts'
import type { Context } from '../write.ts'
import { loadAssets } from './all.ts'
import { createAsset } from './create.ts'
import { getAsset } from './get.ts'
import { importAssets } from './import.ts'
import { listAssets } from './list.ts'
import { parseAssetsCsv } from './parse-csv.ts'
import { removeAsset } from './remove.ts'
import { updateAsset } from './update.ts'

let store: TestStore
let city: Unit
let bureau: Unit
let otherCity: Unit
let root: Context
let ofCity: Context
let ofOther: Context
const fails = (code: string) => expect.objectContaining({ code })

beforeAll(async () => {
  store = await openTestStore()
  await ensureRootUnit(store.database, store.clock)
  city = await createUnit(store.system, { parentId: 1, kind: 'city', name: '甲市' })
  bureau = await createUnit(store.system, { parentId: city.id, kind: 'unit', name: '大数据局' })
  otherCity = await createUnit(store.system, { parentId: 1, kind: 'city', name: '乙市' })
  root = store.as(person('system_administrator', '/1/'))
  ofCity = store.as(person('system_administrator', city.path))
  ofOther = store.as(person('system_administrator', otherCity.path))
  await createAsset(root, {
    name: '甲市网段',
    unitId: city.id,
    addresses: ['10.1.5.9/16', '2001:DB8:1::/48'],
    hostNames: ['.a.gov.cn'],
  })
  await createAsset(root, {
    name: '乙市网段',
    unitId: otherCity.id,
    addresses: ['10.2.0.0/16'],
    hostNames: ['.b.gov.cn'],
  })
}, 60_000)
afterAll(() => store.close())

describe('assets', () => {
  test('are kept in one spelling', async () => {
    const asset = await createAsset(ofCity, {
      name: '  门户 ',
      addresses: ['10.1.0.7', '10.1.0.7/32', '2001:0db8:0001:0000::00ff', '10.1.3.77/24'],
      hostNames: ['WWW.A.gov.cn.', 'www.a.gov.cn', '_ldap.a.gov.cn'],
      unitId: bureau.id,
      criticality: 'critical',
      tags: ['三级', '三级'],
    })
    expect(asset).toMatchObject({ name: '门户', kind: 'server', unitPath: bureau.path, tags: ['三级'] })
    expect(asset.addresses).toEqual(['10.1.0.7', '10.1.3.0/24', '2001:db8:1::ff'])
    expect(asset.hostNames).toEqual(['_ldap.a.gov.cn', 'www.a.gov.cn'])
    expect((await listAssets(ofCity, { text: '10.1.3.200' })).items.map((one) => one.name)).toEqual(
      ['甲市网段', '门户'].sort(),
    )
    for (const address of ['10.1.0.256', '010.1.1.1', '10.0.0.0/33', 'x', '::1/129', "1.1.1.1'--", '10.1/16']) {
      await expect(createAsset(ofCity, { name: 'x', addresses: [address] })).rejects.toEqual(fails('BAD_REQUEST'))
    }
    for (const name of ['a b', '-x', 'a..', 'x/y', "a'b", '\u0000']) {
      await expect(createAsset(ofCity, { name: 'x', hostNames: [name] })).rejects.toEqual(fails('BAD_REQUEST'))
    }
  })

  test('one unit cannot claim what belongs to another, nor what nobody gave it', async () => {
    const claim = (context: Context, facts: object) => createAsset(context, { name: `c${store.clock.id()}`, ...facts })
    await expect(claim(ofOther, { addresses: ['10.1.0.7'] })).rejects.toEqual(fails('CONFLICT'))
    await expect(claim(ofOther, { addresses: ['10.1.9.9'] })).rejects.toEqual(fails('CONFLICT'))
    await expect(claim(ofOther, { addresses: ['0.0.0.0/0'] })).rejects.toEqual(fails('CONFLICT'))
    await expect(claim(ofOther, { addresses: ['203.0.113.5'] })).rejects.toEqual(fails('FORBIDDEN'))
    await expect(claim(ofOther, { hostNames: ['www.a.gov.cn'] })).rejects.toEqual(fails('CONFLICT'))
    await expect(claim(ofOther, { hostNames: ['new.a.gov.cn'] })).rejects.toEqual(fails('CONFLICT'))
    await expect(claim(ofOther, { hostNames: ['.gov.cn'] })).rejects.toEqual(fails('CONFLICT'))
    await expect(claim(ofOther, { hostNames: ['dc01'] })).rejects.toEqual(fails('FORBIDDEN'))
    await expect(claim(ofOther, { hostNames: ['xb.gov.cn'] })).rejects.toEqual(fails('FORBIDDEN'))
    await expect(claim(root, { addresses: ['10.1.0.0/17'], unitId: otherCity.id })).rejects.toEqual(fails('CONFLICT'))
    await expect(claim(ofOther, { unitId: city.id })).rejects.toEqual(fails('NOT_FOUND'))
    const mine = await claim(ofOther, { addresses: ['10.2.0.9'], hostNames: ['www.b.gov.cn', 'b.gov.cn'] })
    await expect(updateAsset(ofOther, { id: mine.id, addresses: ['10.1.0.9'] })).rejects.toEqual(fails('CONFLICT'))
    await expect(updateAsset(ofOther, { id: mine.id, hostNames: ['dc01'] })).rejects.toEqual(fails('FORBIDDEN'))
    await expect(updateAsset(ofCity, { id: mine.id, unitId: city.id })).rejects.toEqual(fails('NOT_FOUND'))
    await expect(removeAsset(ofCity, { id: mine.id })).rejects.toEqual(fails('NOT_FOUND'))
    await expect(getAsset(ofCity, mine.id)).rejects.toEqual(fails('NOT_FOUND'))
    await claim(root, { addresses: ['10.1.0.0/17'], unitId: bureau.id })
    // What was given stays one's own when only its name changes.
    const [given] = (await listAssets(ofOther, { text: '乙市网段' })).items
    await updateAsset(ofOther, { id: given!.id, name: '乙市的网段' })
  })

  test('of two that claim the same at once, one fails', async () => {
    await createAsset(root, { name: '共有', addresses: ['10.9.0.0/16'] })
    const both = await Promise.allSettled([
      createAsset(root, { name: 'x', unitId: city.id, addresses: ['10.9.1.0/24'] }),
      createAsset(root, { name: 'x', unitId: otherCity.id, addresses: ['10.9.1.128/25'] }),
    ])
    expect(both.filter((result) => result.status === 'rejected').map((result) => result.reason.code)).toEqual([
      'CONFLICT',
    ])
  })

  test('an import tells what it refused and takes the rest; a second time changes nothing', async () => {
    const csv = [
      '\ufeff名称,地址,主机名,重要性,责任人,备注',
      '"数据库 ""主库""",10.1.0.20;10.1.0.21,db.a.gov.cn,critical,"王, 小明",x',
      '坏地址,10.1.0.999,,,,',
      '别人的,10.2.0.1,,,,',
      ',10.1.0.30,,,,',
      '',
      '前置机,10.1.0.31,,,,',
      '"多行\n名",,,,,',
      '前置机,10.1.0.32,,low,,',
    ].join('\r\n')
    const result = await importAssets(ofCity, parseAssetsCsv(csv))
    expect(result.imported).toBe(3)
    // Told by kind and values, so that every language can say it.
    expect(result.rejected).toMatchObject([
      { line: 3, problems: [{ field: 'addresses.0', problem: 'address', parameters: { text: '10.1.0.999' } }] },
      { line: 4, code: 'CONFLICT', problems: [] },
      { line: 5, problems: [{ field: 'name', problem: 'required' }] },
      { line: 8, problems: [{ field: 'name', problem: 'characters' }] },
    ])
    const front = (await listAssets(ofCity, { text: '前置机' })).items
    expect(front).toMatchObject([{ addresses: ['10.1.0.32'], criticality: 'low' }])
    expect((await listAssets(ofCity, { text: '主库' })).items).toMatchObject([
      { owner: '王, 小明', hostNames: ['db.a.gov.cn'] },
    ])
    const again = await importAssets(ofCity, parseAssetsCsv('name,address\n前置机,10.1.0.32\n'))
    expect(again).toEqual({ imported: 0, unchanged: 1, rejected: [] })
    const rows = await store.database.select().from(auditRows).where(eq(auditRows.action, 'asset.import'))
    expect(rows.map((row) => row.detail)).toEqual([{ imported: 3, unchanged: 0, rejected: 4 }])
    await expect(importAssets(ofCity, new Array(5_001).fill({ line: 1, item: {} }))).rejects.toEqual(fails('TOO_LARGE'))
  })

  test('are all loaded for the enricher, with the unit each belongs to', async () => {
    const all = await loadAssets(store.database)
    expect(all.find((asset) => asset.name === '门户')).toMatchObject({
      unitPath: bureau.path,
      hostNames: ['_ldap.a.gov.cn', 'www.a.gov.cn'],
    })
    expect(all).toHaveLength((await listAssets(root, { limit: 500 })).total)
  })
})

describe('indicators', () => {
  test.each([
    ['ip', '2001:0DB8::0001', '2001:db8::1'],
    ['ip', '198[.]51[.]100[.]7', '198.51.100.7'],
    ['ip', '300.1.1.1', undefined],
    ['cidr', '198.51.100.77/24', '198.51.100.0/24'],
    ['domain', 'Bad[.]Example.COM.', 'bad.example.com'],
    ['domain', '恶意.中国', 'xn--5bu4m.xn--fiqs8s'],
    ['domain', '198.51.100.7', undefined],
    ['domain', 'localhost', undefined],
    ['url', 'hxxps://Bad.example/a b', 'https://bad.example/a%20b'],
    ['url', 'javascript:alert(1)', undefined],
    ['sha256', 'A'.repeat(64), 'a'.repeat(64)],
    ['sha256', 'a'.repeat(63), undefined],
    ['md5', 'g'.repeat(32), undefined],
    ['email', 'Bad@Example.com', 'bad@example.com'],
  ] as const)('%s %s is kept as %s', (type, text, value) => {
    expect(canonicalValue(type, text)).toBe(value)
  })

  test('belong to a unit, lapse, and are loaded while in force', async () => {
    const manager = store.as(person('security_manager', city.path))
    const stranger = store.as(person('security_manager', otherCity.path))
    const mine = await createIndicator(manager, {
      type: 'ip',
      value: '198.51.100.7',
      expiresAt: new Date(store.clock.now() + 60_000),
    })
    expect(mine).toMatchObject({ unitPath: city.path, active: true, severity: 'high' })
    await expect(createIndicator(manager, { type: 'ip', value: '198[.]51.100.7' })).rejects.toEqual(fails('CONFLICT'))
    await createIndicator(stranger, { type: 'ip', value: '198.51.100.7' })
    expect((await listIndicators(stranger)).items.map((one) => one.unitPath)).toEqual([otherCity.path])
    await expect(removeIndicator(stranger, { id: mine.id })).rejects.toEqual(fails('NOT_FOUND'))
    await expect(createIndicator(ofCity, { type: 'ip', value: '198.51.100.8' })).rejects.toEqual(fails('FORBIDDEN'))
    const loaded = async () => {
      const all: string[] = []
      for await (const batch of loadIndicators(store.database, store.clock))
        all.push(...batch.map((one) => one.unitPath))
      return all.sort()
    }
    expect(await loaded()).toEqual([city.path, otherCity.path].sort())
    store.clock.advance(61_000)
    expect(await loaded()).toEqual([otherCity.path])
    expect((await listIndicators(manager, { active: false })).items).toMatchObject([{ id: mine.id, active: false }])
  })

  test('a feed of 20,000 goes in at once, and again without a change', async () => {
    const manager = store.as(person('security_manager', '/1/'))
    const lines = Array.from({ length: 20_000 }, (_, index) => ({
      line: index + 1,
      item: { type: 'domain', value: `d${index % 19_000}.example.net`, origin: 'feed' },
    }))
    lines[7]!.item.value = 'not a domain'
    const first = await importIndicators(manager, lines)
    expect(first).toMatchObject({
      imported: 19_000 - 0,
      rejected: [{ line: 8, problems: [{ field: 'value', problem: 'indicator', parameters: { type: 'domain' } }] }],
    })
    expect(await importIndicators(manager, lines)).toMatchObject({ imported: 0 })
    expect((await listIndicators(manager, { text: 'd18999.' })).total).toBe(1)
    expect((await listIndicators(manager, { origin: 'feed' })).total).toBe(19_000)
  }, 60_000)
})
