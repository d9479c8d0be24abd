import { ramp, type Score, scoreOf } from './score.ts'

/** What an exchange of echo requests and replies carried. */
export interface Echoes {
  requests: number
  replies: number
  /** Replies that do not give back what the last request with their number said, as RFC 792 asks. */
  unlikeReplies: number
  /** Different lengths of payloads, counted up to a bound. */
  lengths: number
  /** Longest payload, octets. */
  longest: number
  /** Bits an octet over all payloads. */
  entropy: number
  /** Octets that differ from the payload before it at the same place, as a share of all. */
  change: number
}

export const fewestEchoes = 8
export const icmpLimit = 0.5

/** How much echoes look like a tunnel: a real ping sends the same octets again and again and gets them back. */
export function scoreIcmpChannel({
  requests,
  replies,
  unlikeReplies,
  lengths,
  longest,
  entropy,
  change,
}: Echoes): Score {
  const unlike = unlikeReplies / Math.max(1, replies)
  return scoreOf([
    {
      name: 'asymmetry',
      value: ramp(unlike, 0.02, 0.3),
      weight: 0.35,
      text: `${unlikeReplies} of ${replies} replies do not give back what was asked`,
    },
    {
      name: 'lengths',
      value: ramp(lengths, 2, 8),
      weight: 0.2,
      text: `${lengths} different lengths in ${requests + replies} echoes`,
    },
    {
      name: 'change',
      value: ramp(change, 0.25, 0.7),
      weight: 0.25,
      text: `${Math.round(100 * change)} % of the octets differ from one echo to the next`,
    },
    {
      name: 'size',
      value: ramp(longest, 128, 600),
      weight: 0.1,
      text: `up to ${longest} bytes`,
    },
    { name: 'entropy', value: ramp(entropy, 5, 7.2), weight: 0.1, text: `${entropy.toFixed(1)} bits an octet` },
  ])
}
