import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { decodeMatch } from '../../correlate/decode.ts'
import { rulesDroppedRule } from '../../detect/health/rules.ts'
import type { Detection } from '../../event/event.ts'
import { ruleReadiness } from '../../seams/store/schema/proof.ts'
import { recordReadiness } from '../../state/readiness/record.ts'
import { openTestStore, type TestStore } from '../../state/store-for-tests.ts'
import { tellRuleDrop } from './rule-drop.ts'

const minuteMs = 60_000
let store: TestStore
beforeAll(async () => {
  store = await openTestStore()
}, 60_000)
afterAll(() => store?.close())
beforeEach(() => store.database.delete(ruleReadiness))

/** Measures every five minutes; gives back what was told at each. */
async function measured(counts: readonly (readonly [enabled: number, canFire: number])[]): Promise<Detection[][]> {
  const told: Detection[][] = []
  for (const [enabled, canFire] of counts) {
    store.clock.advance(5 * minuteMs)
    const reasons: Record<string, number> = canFire < enabled ? { source_silent: enabled - canFire } : {}
    await recordReadiness(store.database, store.clock, { enabled, canFire, reasons })
    const now: Detection[] = []
    // Looked at more often than measured, and by a thread that was started again.
    for (let look = 0; look < 3; look++)
      await tellRuleDrop(store.database, store.clock, async (one) => void now.push(one))
    told.push(now)
  }
  return told
}
const numbers = (told: Detection[][]) =>
  told.map((list) => list.map(({ fields }) => [fields['watchfire.rules_before'], fields['watchfire.rules_now']]))

it('a source that falls silent takes its rules with it: told once, as a detection that incidents are made of', async () => {
  const told = await measured([
    [100, 90],
    [100, 90],
    [100, 70],
    [100, 70],
    [100, 70],
  ])
  expect(numbers(told)).toEqual([[], [], [[90, 70]], [], []])
  const [detection] = told[2]!
  expect(decodeMatch(Buffer.from(JSON.stringify(detection)))).toMatchObject({
    ruleId: rulesDroppedRule.id,
    severity: rulesDroppedRule.severity,
    unitPath: '/1/',
    fields: { 'watchfire.reasons': 'source_silent 30', 'watchfire.rules_enabled': 100 },
  })
})

it('a further drop is told, and after the return of the source the next silence is', async () => {
  expect(
    numbers(
      await measured([
        [100, 90],
        [100, 70],
        [100, 40],
      ]),
    ),
  ).toEqual([[], [[90, 70]], [[70, 40]]])
  expect(
    numbers(
      await measured([
        [100, 90],
        [100, 90],
        [100, 70],
      ]),
    ),
  ).toEqual([[], [], [[90, 70]]])
})

it('a drop bit by bit within the hour is told when it is marked', async () => {
  expect(
    numbers(
      await measured([
        [100, 90],
        [100, 89],
        [100, 88],
      ]),
    ),
  ).toEqual([[], [], [[90, 88]]])
})

it.each([
  [
    'rules that people switched off',
    [
      [100, 90],
      [70, 65],
      [70, 65],
    ],
  ],
  [
    'rules that were added without a source',
    [
      [100, 90],
      [300, 90],
    ],
  ],
  [
    'a single rule',
    [
      [100, 90],
      [100, 89],
    ],
  ],
  [
    'less than two in a hundred',
    [
      [1000, 900],
      [1000, 890],
    ],
  ],
  [
    'more rules than before',
    [
      [100, 90],
      [120, 95],
    ],
  ],
  ['the first measurement of all', [[100, 10]]],
] as [string, [number, number][]][])('of %s nothing is told', async (_, counts) => {
  expect(numbers(await measured(counts)).flat()).toEqual([])
})
