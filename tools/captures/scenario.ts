import { Wire } from './wire.ts'

/** Writes what happens into a capture. */
export type Script = (wire: Wire) => void

/** The captures of one rule: what it fires on, what it stays silent on. */
export interface Captures {
  fires: Script
  silent: Script
}

/** One of many alike acts: who acts on whom, and which of the different things it is. */
export interface Act {
  from: string
  to: string
  value: number
}
export type Doing = (wire: Wire, act: Act) => void

const attacker = '10.20.9.66'
const otherAttacker = '10.20.9.67'
const victim = '10.20.3.15'
const otherVictim = '10.20.3.16'

export interface Counted {
  /** How many acts the rule counts to. */
  count: number
  timespanMs: number
  /** Ways to do it, each of which has to count. */
  acts: Doing[]
  /** What only looks like it, as often as one likes. */
  harmless?: Doing[]
  /** What the rule groups by, beside the time. */
  groups: ('source' | 'destination')[]
  /** Whether different values are counted, so that the same one again is nothing. */
  isOfValues?: boolean
  /** Further traffic on which it fires. */
  moreFires?: Script
  /** Further ordinary traffic. */
  more?: Script
}

/**
 * Captures for a rule that counts: just enough in just the time fires; one too few, a little too slow, by two, against two, or the
 * same thing again does not.
 */
export function counted({
  count,
  timespanMs,
  acts,
  harmless = [],
  groups,
  isOfValues,
  moreFires,
  more,
}: Counted): Captures {
  const repeat = (wire: Wire, spanMs: number, times: number, doing: Doing, who: (index: number) => Act) => {
    const startMs = wire.nowMs
    for (let index = 0; index < times; index++) {
      wire.until(startMs + (spanMs * index) / Math.max(1, times - 1))
      doing(wire, who(index))
    }
    wire.scenario()
  }
  const alone = (index: number): Act => ({ from: attacker, to: victim, value: index })
  return {
    fires(wire) {
      for (const doing of acts) repeat(wire, 0.95 * timespanMs, count, doing, alone)
      moreFires?.(wire)
    },
    silent(wire) {
      const doing = acts[0]!
      repeat(wire, 0.5 * timespanMs, count - 1, doing, alone)
      repeat(wire, 1.05 * timespanMs, count, doing, alone)
      if (groups.includes('source')) {
        const byTwo = (index: number) => ({ ...alone(index), from: index % 2 ? attacker : otherAttacker })
        repeat(wire, 0.5 * timespanMs, count, doing, byTwo)
      }
      if (groups.includes('destination')) {
        const ofTwo = (index: number) => ({ ...alone(index), to: index % 2 ? victim : otherVictim })
        repeat(wire, 0.5 * timespanMs, count, doing, ofTwo)
      }
      if (isOfValues) repeat(wire, 0.5 * timespanMs, 2 * count, doing, () => alone(0))
      for (const other of harmless) repeat(wire, 0.5 * timespanMs, 2 * count, other, alone)
      more?.(wire)
    },
  }
}

/** Captures for a rule on single events: every conversation of the first fires, none of the second. */
export function single(fires: Script, silent: Script): Captures {
  return { fires, silent }
}

export function captureOf(script: Script): Buffer {
  const wire = new Wire()
  script(wire)
  return wire.bytes()
}
