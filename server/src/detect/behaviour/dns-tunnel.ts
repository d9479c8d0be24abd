import { entropyOf, ramp, type Score, scoreOf } from './score.ts'

/** What a host asked below one domain within the window. */
export interface Lookups {
  queries: number
  /** Different names below the domain. */
  uniqueNames: number
  /** Letters of all names below the domain, dots left out. */
  letters: number
  /** How often each letter occurs in them. */
  letterCounts: ArrayLike<number>
  /** Queries for NULL, TXT, CNAME, MX, SRV, KEY and private types, whose answers carry data. */
  carryingTypes: number
  /** Answers that are an address of 127.0.0.0/8: a list that answers yes or no (RFC 5782), as mail and virus filters ask. */
  listAnswers: number
  answers: number
  spanMs: number
}

/** Fewer queries tell nothing. */
export const fewestQueries = 30
export const tunnelLimit = 0.6

/** How much the queries below a domain look like data that travels in names rather than like names that are looked up. */
export function scoreDnsTunnel(lookups: Lookups): Score {
  const { queries, uniqueNames, letters, letterCounts, carryingTypes, listAnswers, answers, spanMs } = lookups
  const length = letters / Math.max(1, queries)
  const entropy = entropyOf(letterCounts)
  const share = uniqueNames / Math.max(1, queries)
  const bytesPerMinute = letters / Math.max(1, spanMs / 60_000)
  const listShare = listAnswers / Math.max(1, answers)
  return scoreOf([
    {
      name: 'unique_names',
      value: ramp(uniqueNames, 20, 100) * ramp(share, 0.3, 0.8) * (1 - ramp(listShare, 0.2, 0.6)),
      weight: 0.3,
      text: `${uniqueNames} different names in ${queries} queries${listAnswers > 0 ? `, ${listAnswers} answered like a block list` : ''}`,
    },
    {
      name: 'length',
      value: ramp(length, 12, 40),
      weight: 0.25,
      text: `${Math.round(length)} letters a name below the domain`,
    },
    {
      name: 'entropy',
      value: ramp(entropy, 3.2, 4.4),
      weight: 0.15,
      text: `${entropy.toFixed(1)} bits a letter`,
    },
    {
      name: 'types',
      value: ramp(carryingTypes / Math.max(1, queries), 0.1, 0.7),
      weight: 0.15,
      text: `${carryingTypes} of ${queries} queries ask for types that carry data`,
    },
    {
      name: 'volume',
      value: ramp(Math.log10(1 + bytesPerMinute), 2, 4),
      weight: 0.15,
      text: `${Math.round(bytesPerMinute)} letters a minute`,
    },
  ])
}

/**
 * The domain under which names are counted, and what stands below it: two labels, three where the second is one of those under
 * which countries register. A name that ends in no possible top level domain (tunnels straight to their server do) is counted under
 * its first label.
 */
export function splitName(name: string): { domain: string; below: string } | undefined {
  const labels = name.toLowerCase().replace(/\.$/, '').split('.')
  const top = labels.at(-1)!
  if (!/^(?:[a-z]{2,18}|xn--[a-z0-9-]+)$/.test(top)) {
    return labels.length < 2 ? undefined : { domain: labels[0]!, below: labels.slice(1).join('.') }
  }
  const isCountry =
    labels.length > 2 && top.length === 2 && /^(com|net|org|gov|edu|ac|co|mil|ne|or|go)$/.test(labels.at(-2)!)
  const count = isCountry ? 3 : 2
  if (labels.length <= count) return undefined
  return { domain: labels.slice(-count).join('.'), below: labels.slice(0, -count).join('.') }
}

/** Types whose answers carry more than an address (IANA, "Domain Name System Parameters"). */
const carrying = new Set(['NULL', 'TXT', 'CNAME', 'MX', 'SRV', 'KEY', 'DNSKEY', 'PRIVATE', 'TYPE65399', 'TYPE65535'])

export function carriesData(type: string): boolean {
  return carrying.has(type.toUpperCase()) || /^TYPE6553\d$/i.test(type)
}
