/** A seeded generator (Mulberry32, public domain), so that a failing run can be played again. */
export function createRandom(seed: number) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  return {
    /** From 0 to less than 1. */
    next,
    /** A whole number from 0 to less than `bound`. */
    below: (bound: number) => Math.floor(next() * bound),
    chance: (probability: number) => next() < probability,
  }
}

export type Random = ReturnType<typeof createRandom>
