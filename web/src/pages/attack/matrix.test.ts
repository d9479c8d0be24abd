import { expect, test } from 'vitest'
import { cellsOf } from './matrix.ts'

const technique = (id: string, coverage: 'can' | 'cannot' | 'none', ruleIds: string[], detections = 0) => ({
  ...{ id, en: id, zh: id, tactics: ['execution'], coverage, ruleIds, detections },
})
const rule = (id: string, canFire: boolean, enabled = true) => ({
  ...{ id, title: id, titleZh: null, severity: 'low' as const, enabled, canFire, cannotFire: [] },
})

test('what a sub-technique has counts for its technique, each rule once', () => {
  const cells = cellsOf({
    tactics: [],
    techniques: [
      technique('T1110.001', 'can', ['a', 'b'], 3),
      technique('T1110', 'cannot', ['b'], 1),
      technique('T1059', 'none', ['off']),
    ],
    rules: [rule('a', true), rule('b', false), rule('off', false, false)],
  })
  expect(cells.get('T1110')).toMatchObject({ coverage: 'can', enabled: 2, canFire: 1, detections: 4 })
  expect(cells.get('T1110')!.subs.map(({ id }) => id)).toEqual(['T1110.001'])
  expect(cells.get('T1059')).toMatchObject({ coverage: 'none', enabled: 0 })
})
