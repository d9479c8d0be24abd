import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTestStore, person, type TestStore } from '../store-for-tests.ts'
import { ensureRootUnit } from '../units/ensure-root.ts'
import { listRuleHistory } from './history.ts'
import { listRuleStates } from './list-state.ts'
import { loadRuleStates } from './load-states.ts'
import { setRuleEnabled } from './set-enabled.ts'

let store: TestStore
beforeAll(async () => {
  store = await openTestStore()
  await ensureRootUnit(store.database, store.clock)
}, 60_000)
afterAll(() => store.close())

test('a rule is switched for the whole platform, by the root unit’s manager, with its history', async () => {
  const manager = store.as(person('security_manager', '/1/'))
  const ruleId = '3f2504e0-4f89-11d3-9a0c-0305e82c3301'
  const set = (enabled: boolean, note = '', context = manager) => setRuleEnabled(context, { ruleId, enabled, note })
  await set(false, '误报太多')
  await set(false, '误报太多')
  await set(true)
  const states = await loadRuleStates(store.database)
  expect(states.get(ruleId)).toMatchObject({ enabled: true, changedBy: manager.actor.name })
  const history = await listRuleHistory(manager, { ruleId })
  expect(history.items.map(({ enabled, note }) => [enabled, note])).toEqual([
    [true, ''],
    [false, '误报太多'],
  ])
  expect((await listRuleStates(manager, { enabled: true })).total).toBe(1)
  for (const [role, unitPath, code] of [
    ['security_operator', '/1/', 'FORBIDDEN'],
    ['system_administrator', '/1/', 'FORBIDDEN'],
    ['security_manager', '/1/2/', 'NOT_FOUND'],
  ] as const) {
    await expect(set(false, '', store.as(person(role, unitPath)))).rejects.toMatchObject({ code })
  }
  await expect(setRuleEnabled(manager, { ruleId: "x' --", enabled: true })).rejects.toMatchObject({
    code: 'BAD_REQUEST',
  })
})
