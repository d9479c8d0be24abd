import { asc, eq } from 'drizzle-orm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { auditRows } from '../../seams/store/schema/audit.ts'
import { openTestStore, person, type TestStore } from '../store-for-tests.ts'
import { ensureRootUnit } from '../units/ensure-root.ts'
import { createRule } from './create.ts'
import { loadRuleTexts, type RuleTexts } from './load-texts.ts'
import { promoteRule } from './promote.ts'
import { removeRule } from './remove.ts'
import { saveRuleVersion } from './save-version.ts'
import { getRuleVersion, listRulePromotions, listRuleVersions } from './versions.ts'

let store: TestStore
beforeAll(async () => {
  store = await openTestStore()
  await ensureRootUnit(store.database, store.clock)
}, 60_000)
afterAll(() => store.close())

const good = { problems: [] }
const wrong = {
  problems: [{ severity: 'error' as const, code: 'yaml', message: 'm', hint: 'h', line: 3, column: 1 }],
}
const parts = (yaml: string, check: typeof good | typeof wrong = good) => ({
  yaml,
  samples: { fires: [{ parser: 'json', lines: ['{}'] }], silent: [] },
  check,
  sampleResult: { passed: 1, failed: 0 },
})
async function changedAfter(revision: number): Promise<RuleTexts[]> {
  const found: RuleTexts[] = []
  for await (const texts of loadRuleTexts(store.database, revision)) found.push(...texts)
  return found
}

test('a rule goes from draft to trial to force and back, every step kept', async () => {
  const operator = store.as(person('security_operator', '/1/'))
  const manager = store.as(person('security_manager', '/1/'))
  const draft = await createRule(operator, { id: 'r1', origin: 'own', ...parts('one') })
  expect(draft).toMatchObject({ headVersion: 1, testVersion: null, liveVersion: null })
  expect(await changedAfter(0)).toMatchObject([{ live: null, trial: null, head: 'one' }])
  const step = (stage: 'test' | 'live', version: number | null, expectedRevision: number) =>
    promoteRule(manager, { id: 'r1', stage, version, expectedRevision, evidence: { samplesPass: true } })
  await expect(
    promoteRule(operator, { id: 'r1', stage: 'live', version: 1, expectedRevision: draft.revision }),
  ).rejects.toMatchObject({ code: 'FORBIDDEN' })
  const tried = await step('test', 1, draft.revision)
  expect(await changedAfter(draft.revision)).toMatchObject([{ live: null, trial: { version: 1, text: 'one' } }])
  const running = await step('live', 1, tried.revision)
  expect(running).toMatchObject({ testVersion: null, liveVersion: 1 })
  const second = await saveRuleVersion(operator, { id: 'r1', expectedRevision: running.revision, ...parts('two') })
  expect(second).toMatchObject({ headVersion: 2, liveVersion: 1 })
  const same = await saveRuleVersion(operator, { id: 'r1', expectedRevision: second.revision, ...parts('two') })
  expect(same).toEqual(second)
  const promoted = await step('live', 2, second.revision)
  const back = await step('live', 1, promoted.revision)
  expect(await changedAfter(promoted.revision)).toMatchObject([{ live: 'one', head: 'two' }])
  expect((await step('live', 1, back.revision)).revision).toBe(back.revision)
  await step('live', null, back.revision)
  expect((await listRuleVersions(manager, { ruleId: 'r1' })).items.map(({ version }) => version)).toEqual([2, 1])
  expect((await getRuleVersion(manager, 'r1', 1)).yaml).toBe('one')
  expect(
    (await listRulePromotions(manager, 'r1')).map(({ stage, version, before }) => [stage, version, before]),
  ).toEqual([
    ['live', null, 1],
    ['live', 1, 2],
    ['live', 2, 1],
    ['live', 1, null],
    ['test', 1, null],
  ])
  const audited = await store.database
    .select({ action: auditRows.action })
    .from(auditRows)
    .where(eq(auditRows.target, 'rule:r1'))
    .orderBy(asc(auditRows.sequence))
  expect(audited.map(({ action }) => action)).toEqual([
    'rule.create', 'rule.promote', 'rule.promote', 'rule.save', 'rule.promote', 'rule.promote', 'rule.withdraw',
  ]) // biome-ignore format: a list
})

test('two people at one rule: the second is told, whatever both do', async () => {
  const manager = store.as(person('security_manager', '/1/'))
  const { revision } = await createRule(manager, { id: 'r2', origin: 'own', ...parts('one') })
  const results = await Promise.allSettled(
    ['a', 'b', 'c'].map((yaml) => saveRuleVersion(manager, { id: 'r2', expectedRevision: revision, ...parts(yaml) })),
  )
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  for (const result of results)
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'CHANGED_MEANWHILE' })
  await expect(
    promoteRule(manager, { id: 'r2', stage: 'live', version: 1, expectedRevision: revision }),
  ).rejects.toMatchObject({ code: 'CHANGED_MEANWHILE' })
  await expect(removeRule(manager, { id: 'r2', expectedRevision: revision })).rejects.toMatchObject({
    code: 'CHANGED_MEANWHILE',
  })
  await expect(createRule(manager, { id: 'r2', origin: 'own', ...parts('x') })).rejects.toMatchObject({
    code: 'CONFLICT',
  })
})

test('a text that is wrong is kept as a draft and goes no further', async () => {
  const manager = store.as(person('security_manager', '/1/'))
  const { revision } = await createRule(manager, { id: 'r3', origin: 'own', ...parts('bad', wrong) })
  for (const stage of ['test', 'live'] as const)
    await expect(
      promoteRule(manager, { id: 'r3', stage, version: 1, expectedRevision: revision }),
    ).rejects.toMatchObject({ code: 'RULE_INVALID', detail: { line: 3 } })
  await expect(
    promoteRule(manager, { id: 'r3', stage: 'live', version: 7, expectedRevision: revision }),
  ).rejects.toMatchObject({ code: 'NOT_FOUND' })
})

test('a removed rule runs no more, keeps its versions, and comes back with them', async () => {
  const manager = store.as(person('security_manager', '/1/'))
  const made = await createRule(manager, { id: 'r4', origin: 'override', ...parts('one') })
  const live = await promoteRule(manager, { id: 'r4', stage: 'live', version: 1, expectedRevision: made.revision })
  await removeRule(manager, { id: 'r4', expectedRevision: live.revision })
  expect(await changedAfter(live.revision)).toMatchObject([{ isRemoved: true, live: null, trial: null }])
  const again = await createRule(manager, { id: 'r4', origin: 'override', ...parts('two') })
  expect(again.headVersion).toBe(2)
  expect((await listRuleVersions(manager, { ruleId: 'r4' })).total).toBe(2)
})

test('nobody outside the root unit writes rules, and administrators do not at all', async () => {
  const made = await createRule(store.as(person('security_manager', '/1/')), {
    id: 'r5',
    origin: 'own',
    ...parts('one'),
  })
  const cases = [
    ['security_manager', '/1/2/', 'NOT_FOUND'],
    ['system_administrator', '/1/', 'FORBIDDEN'],
    ['auditor', '/1/', 'FORBIDDEN'],
  ] as const
  for (const [role, path, code] of cases) {
    const context = store.as(person(role, path))
    const expectedRevision = made.revision
    await expect(createRule(context, { id: 'r6', origin: 'own', ...parts('x') })).rejects.toMatchObject({ code })
    await expect(saveRuleVersion(context, { id: 'r5', expectedRevision, ...parts('x') })).rejects.toMatchObject({
      code,
    })
    await expect(promoteRule(context, { id: 'r5', stage: 'live', version: 1, expectedRevision })).rejects.toMatchObject(
      { code },
    )
    await expect(removeRule(context, { id: 'r5', expectedRevision })).rejects.toMatchObject({ code })
  }
})
