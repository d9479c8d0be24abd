import { z } from 'zod'
import type { Fields } from '../../event/event.ts'
import { beaconLimit, fewestCalls, scoreBeacon } from './beacon.ts'
import { fewestQueries, scoreDnsTunnel, tunnelLimit } from './dns-tunnel.ts'
import { fewestEchoes, icmpLimit, scoreIcmpChannel } from './icmp-channel.ts'
import type { Score } from './score.ts'

/** 64-bit integers of the event store may come as texts. */
const number = z.coerce.number()
const calls = z.object({
  times: z.array(number),
  sizes: z.array(number),
  ...{ from_ms: number, to_ms: number, callers: number, hosts: number },
})
const names = z.object({
  ...{ queries: number, unique_names: number, letters: number, carrying_types: number, list_answers: number },
  ...{ answers: number, span_ms: number },
  /** Either of them: what the stream counted, or names the event store gives as a sample. */
  letter_counts: z.array(number).optional(),
  names_below: z.array(z.string()).optional(),
})
const echoes = z.object({
  ...{ requests: number, replies: number, unlike_replies: number, lengths: number, longest: number, entropy: number },
  change: number,
})

/** Weighs what was counted; `shown` are fields for charts. Nothing when it is too little or the score too low. Throws a ZodError. */
export function weigh(
  kind: 'beacon' | 'dns_tunnel' | 'icmp_channel',
  row: Record<string, unknown>,
): { weighed: Score | undefined; shown: Fields } {
  switch (kind) {
    case 'beacon': {
      const { times, sizes, from_ms, to_ms, ...house } = calls.parse(row)
      if (times.length < fewestCalls) return nothing
      const score = scoreBeacon({ timesMs: times, sentBytes: sizes, fromMs: from_ms, toMs: to_ms, ...house })
      const shown = {
        'watchfire.beacon.interval_ms': score.intervalMs,
        'watchfire.beacon.calls': times.length,
        'watchfire.beacon.histogram': score.histogram,
      }
      return { weighed: above(score, beaconLimit), shown }
    }
    case 'dns_tunnel': {
      const counted = names.parse(row)
      if (counted.queries < fewestQueries) return nothing
      const score = scoreDnsTunnel({
        ...{
          queries: counted.queries,
          uniqueNames: counted.unique_names,
          letters: counted.letters,
          answers: counted.answers,
        },
        ...{
          letterCounts: counted.letter_counts ?? lettersOf(counted.names_below ?? []),
          carryingTypes: counted.carrying_types,
          listAnswers: counted.list_answers,
        },
        spanMs: counted.span_ms,
      })
      return { weighed: above(score, tunnelLimit), shown: { 'watchfire.dns.queries': counted.queries } }
    }
    case 'icmp_channel': {
      const { unlike_replies, ...rest } = echoes.parse(row)
      if (rest.requests + rest.replies < fewestEchoes) return nothing
      const score = scoreIcmpChannel({ ...rest, unlikeReplies: unlike_replies })
      return { weighed: above(score, icmpLimit), shown: { 'watchfire.icmp.longest': rest.longest } }
    }
  }
}

const nothing = { weighed: undefined, shown: {} }

function above(score: Score, limit: number): Score | undefined {
  return score.total >= limit ? score : undefined
}

function lettersOf(names: readonly string[]): number[] {
  const counts = new Array<number>(128).fill(0)
  for (const name of names) {
    for (let at = 0; at < name.length; at++) if (name.charCodeAt(at) !== 46) counts[name.charCodeAt(at) & 127]!++
  }
  return counts
}
