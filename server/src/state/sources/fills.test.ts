import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type FieldSample, foldSample } from './fills.ts'

const sample = (samples: number, counts: Record<string, number>): FieldSample => ({
  ...{ sourceKey: 's', kind: 'k', routing: {}, samples, counts },
})
const at = '2026-11-01T00:00:00.000Z'

describe('field drift', () => {
  it('is told when a field that was always there is missed, and lifted when it returns', () => {
    let state = foldSample(undefined, sample(100, { command: 100, user: 100 }), at)
    expect(state).toMatchObject({ baseSamples: 100, drifted: [] })
    state = foldSample(state, sample(19, { user: 19 }), at)
    expect(state.drifted).toEqual([])
    state = foldSample(state, sample(1, { user: 1 }), at)
    expect(state.drifted).toEqual([{ field: 'command', was: 1, since: at }])
    // However long it is missed, what it was is not forgotten.
    for (let round = 0; round < 30; round++) state = foldSample(state, sample(400, { user: 400 }), 'later')
    expect(state.drifted).toEqual([{ field: 'command', was: 1, since: at }])
    state = foldSample(state, sample(1, { command: 1, user: 1 }), 'later')
    expect(state.drifted).toEqual([])
  })

  it('is not told of a rare field before so many events that it should have come', () => {
    let state = foldSample(undefined, sample(1_000, { rare: 50, user: 1_000 }), at)
    state = foldSample(state, sample(300, { user: 300 }), at)
    expect(state.drifted).toEqual([])
    state = foldSample(state, sample(100, { user: 100 }), at)
    expect(state.drifted.map(({ field }) => field)).toEqual(['rare'])
  })

  it('never tells of a field that comes in every sample, in whatever portions they arrive', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 40 }), (portions) => {
        let state = foldSample(undefined, sample(1, { user: 1 }), at)
        for (const count of portions) state = foldSample(state, sample(count, { user: count }), at)
        expect(state.drifted).toEqual([])
        expect(state.recentSamples).toBeLessThan(1_200)
        expect(state.baseSamples).toBeLessThanOrEqual(6_300)
      }),
    )
  })
})
