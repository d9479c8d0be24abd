import { columnOf } from '../../seams/events/columns.ts'
import { eventsTable } from '../../seams/events/schema.ts'
import { valueText } from '../events/facets.ts'
import { type EventsContext, runQuery } from '../events/run.ts'
import { compileScope, type SearchScope, withinRange } from '../events/scope.ts'
import { dnsRecords, flowRecords, narrowed, tlsRecords } from './records.ts'

/** What is looked at, and the records it is looked for in. Ports count when somebody answered there. */
const lookedAt = {
  'tls.client.ja4': tlsRecords,
  'tls.client.ja3': tlsRecords,
  'tls.client.server_name': tlsRecords,
  'tls.server.hash.sha256': tlsRecords,
  'tls.server.subject': tlsRecords,
  'dns.question.name': dnsRecords,
  'destination.port': `${flowRecords} AND destination.bytes > 0`,
  'destination.ip': `${flowRecords} AND destination.bytes > 0`,
} as const

export const rareFields = Object.keys(lookedAt) as (keyof typeof lookedAt)[]

export interface RareInput extends SearchScope {
  field: (typeof rareFields)[number]
  /** A value is rare when at most so many addresses have it in the range. */
  hostsMax: number
  /** How far before the range a value must not have been seen to be new. */
  earlierDays: number
  limit: number
}

export interface RareValues {
  field: string
  /** The query the values are of; one of a value adds it. */
  query: string
  /** All new or rare values, also those not given out. */
  total: number
  items: {
    value: string
    /** Addresses that began a conversation with it, within the range. */
    hosts: number
    count: number
    firstSeenAt: Date
    isNew: boolean
  }[]
  tookMs: number
}

interface Row {
  value: string
  hosts: number
  count: number
  first: number
  before: number
  total: number
}

const dayMs = 86_400_000

/** Values few addresses have, or nobody had before the range: the new ones first, then by how few have them. Throws like `searchEvents`. */
export async function rareValues(context: EventsContext, input: RareInput): Promise<RareValues> {
  const startedAtMs = context.clock.now()
  const { field, earlierDays } = input
  const scope = narrowed(input, lookedAt[field])
  const { range } = compileScope(scope, context.clock)
  const longer = { ...scope, from: range.fromMs - earlierDays * dayMs, to: range.toMs }
  const { parameters, where } = compileScope(longer, context.clock)
  const within = withinRange(range, parameters)
  const column = columnOf(field)
  const key = column ?? valueText(field, parameters)
  const isAddress = field === 'destination.ip'
  const present = isAddress ? "key != toIPv6('::')" : "ifNull(toString(key), '') != ''"
  const text = isAddress ? "replaceOne(toString(key), '::ffff:', '')" : "ifNull(toString(key), '')"
  const sql = `SELECT ${text} AS value, hosts, count, first, before, count() OVER () AS total FROM (
      SELECT ${key} AS key, uniqIf(source_ip, ${within}) AS hosts, countIf(${within}) AS count,
        toUnixTimestamp64Milli(minIf(timestamp, ${within})) AS first, countIf(NOT (${within})) AS before
      FROM ${eventsTable} WHERE ${where} AND ${present}
      GROUP BY key
    )
    WHERE count > 0 AND (before = 0 OR hosts <= ${parameters.add('UInt32', input.hostsMax)})
    ORDER BY before = 0 DESC, hosts, count, value
    LIMIT ${parameters.add('UInt32', input.limit)}
    SETTINGS max_rows_to_group_by = 1000000, group_by_overflow_mode = 'any'`
  const rows = await runQuery<Row>(context, sql, parameters)
  return {
    field,
    query: scope.query,
    total: rows[0]?.total ?? 0,
    items: rows.map(({ value, hosts, count, first, before }) => ({
      ...{ value, hosts, count, firstSeenAt: new Date(first), isNew: before === 0 },
    })),
    tookMs: context.clock.now() - startedAtMs,
  }
}
