import { clamp, ramp, type Score, scoreOf, spreadOf } from './score.ts'

/** What a host did towards one destination within the window. */
export interface Calls {
  /** When conversations began, milliseconds, in any order. */
  timesMs: readonly number[]
  /** Octets the host sent in each, in the order of the times. */
  sentBytes: readonly number[]
  /** When watching began, or the window. */
  fromMs: number
  toMs: number
  /** Hosts that spoke to the destination, and hosts that spoke to anyone outside. */
  callers: number
  hosts: number
}

export interface BeaconScore extends Score {
  /** Median of the pauses. */
  intervalMs: number
  /** Calls by equal parts of the time from the first to the last, for a chart. */
  histogram: number[]
}

/** Fewer calls tell nothing of a rhythm. */
export const fewestCalls = 12
/** From here on a finding is told. */
export const beaconLimit = 0.75
const hostsToCompare = 10
const bucketsMax = 24

/**
 * How much the calls of a host look like those of a program that reports to its master: even pauses, even sizes, all the
 * time, to a place few others know. The parts are those of Active Countermeasures' RITA (activecm/rita, "Beacons"), the
 * formulas are ours: 1 is what a machine does, 0 what people do.
 */
export function scoreBeacon({ timesMs, sentBytes, fromMs, toMs, callers, hosts }: Calls): BeaconScore {
  const times = [...timesMs].sort((one, other) => one - other)
  const pauses = times.slice(1).map((time, index) => time - times[index]!)
  const pause = spreadOf(pauses)
  const size = spreadOf(sentBytes)
  // Half the calls of a Poisson process lie within 0.48 of its mean; jitter of a fifth, as tools use it, gives 0.1.
  const evenness = ({ median, deviation, skewness }: typeof pause) =>
    0.75 * clamp(1 - (2 * deviation) / Math.max(1, median)) + 0.25 * (1 - Math.abs(skewness))
  const first = times[0]!
  const last = times.at(-1)!
  const coverage = (last - first) / Math.max(1, toMs - fromMs)
  const histogram = histogramOf(times, Math.max(4, Math.min(bucketsMax, Math.floor(times.length / 4))))
  const variation = coefficientOfVariation(histogram)
  const share = hosts > 0 ? callers / hosts : 1
  const isKnownHouse = hosts >= hostsToCompare
  const score = scoreOf([
    {
      name: 'timing',
      value: pause.median < 1_000 ? 0 : evenness(pause),
      weight: 0.4,
      text: `every ${seconds(pause.median)}, half of the pauses within ${seconds(pause.deviation)} of it`,
    },
    {
      name: 'size',
      value: evenness(size),
      weight: 0.2,
      text: `${Math.round(size.median)} bytes each, half within ${Math.round(size.deviation)}`,
    },
    {
      name: 'duration',
      value: ramp(coverage, 0.1, 0.7),
      weight: 0.1,
      text: `${times.length} calls over ${Math.round(100 * clamp(coverage))} % of the time that was watched`,
    },
    {
      name: 'histogram',
      value: clamp(1 - variation),
      weight: 0.2,
      text: `calls by part of the time vary by ${Math.round(100 * variation)} %`,
    },
    {
      name: 'prevalence',
      value: isKnownHouse ? 1 - ramp(share, 0.02, 0.5) : 0.5,
      weight: 0.1,
      text: isKnownHouse ? `${callers} of ${hosts} hosts call it` : `only ${hosts} hosts were seen, too few to compare`,
    },
  ])
  return { ...score, intervalMs: Math.round(pause.median), histogram }
}

function histogramOf(times: readonly number[], buckets: number): number[] {
  const first = times[0]!
  const width = Math.max(1, (times.at(-1)! - first) / buckets)
  const counts = new Array<number>(buckets).fill(0)
  for (const time of times) counts[Math.min(buckets - 1, Math.floor((time - first) / width))]!++
  return counts
}

function coefficientOfVariation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length
  return mean === 0 ? 1 : Math.sqrt(variance) / mean
}

function seconds(milliseconds: number): string {
  return `${Math.round(milliseconds / 100) / 10} s`
}
