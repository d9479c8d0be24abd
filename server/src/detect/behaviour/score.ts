/** One reason of a score: how far it holds, what it counts for, and why, in words with figures. */
export interface Reason {
  name: string
  /** 0 to 1. */
  value: number
  weight: number
  text: string
}

export interface Score {
  /** 0 to 1: the sum of `value * weight`; the weights add up to 1. */
  total: number
  reasons: Reason[]
}

export function scoreOf(reasons: Reason[]): Score {
  return { total: reasons.reduce((sum, { value, weight }) => sum + value * weight, 0), reasons }
}

export function clamp(value: number): number {
  return value > 0 ? Math.min(1, value) : 0
}

/** 0 at `from` and below, 1 at `to` and above, even in between. */
export function ramp(value: number, from: number, to: number): number {
  return clamp((value - from) / (to - from))
}

/** The value below which a share of a sorted list lies, interpolated. */
function quantile(sorted: readonly number[], share: number): number {
  const at = (sorted.length - 1) * share
  const low = Math.floor(at)
  const next = sorted[Math.min(sorted.length - 1, low + 1)]!
  return sorted[low]! + (next - sorted[low]!) * (at - low)
}

function sorted(values: readonly number[]): number[] {
  return [...values].sort((one, other) => one - other)
}

export interface Spread {
  median: number
  /** Median of the distances from the median. */
  deviation: number
  /** Bowley's skewness of the quartiles, -1 to 1; 0 where the quartiles are one. */
  skewness: number
}

/** Median, median absolute deviation and skewness of quartiles: none of them is moved by a few outliers. */
export function spreadOf(values: readonly number[]): Spread {
  const ordered = sorted(values)
  const median = quantile(ordered, 0.5)
  const low = quantile(ordered, 0.25)
  const high = quantile(ordered, 0.75)
  const deviation = quantile(sorted(ordered.map((value) => Math.abs(value - median))), 0.5)
  return { median, deviation, skewness: high === low ? 0 : (high + low - 2 * median) / (high - low) }
}

/** Bits a symbol of a histogram of symbols (C. E. Shannon, 1948). */
export function entropyOf(counts: ArrayLike<number>): number {
  let total = 0
  for (let index = 0; index < counts.length; index++) total += counts[index]!
  let bits = 0
  for (let index = 0; index < counts.length; index++) {
    const count = counts[index]!
    if (count > 0) bits -= (count / total) * Math.log2(count / total)
  }
  return bits
}
