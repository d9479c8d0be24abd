import { columnOf } from '../../seams/events/columns.ts'
import { eventsTable } from '../../seams/events/schema.ts'
import { valueText } from '../events/facets.ts'
import { type EventsContext, runQuery } from '../events/run.ts'
import { compileScope, type SearchScope } from '../events/scope.ts'
import { flowRecords, narrowed } from './records.ts'

/** What conversations are counted by; an absent value is ''. */
const breakdowns = {
  directions: ['network.direction'],
  pairs: ['source.ip', 'destination.ip'],
  units: ['organization.name', 'network.direction'],
  protocols: ['network.transport', 'network.protocol'],
  services: ['destination.ip', 'destination.port', 'network.transport'],
  countriesTo: ['destination.geo.country_iso_code'],
  countriesFrom: ['source.geo.country_iso_code'],
} as const

export type BreakdownName = keyof typeof breakdowns

export interface BreakdownRow {
  /** One text for each field of the breakdown. */
  values: string[]
  flows: number
  bytes: number
}

export interface TrafficSummary {
  /** The query that all figures are of; one of a row adds its values. */
  query: string
  flows: number
  bytes: number
  packets: number
  /** Distinct addresses that began a conversation. */
  sources: number
  destinations: number
  breakdowns: { name: BreakdownName; fields: string[]; rows: BreakdownRow[] }[]
  /** Addresses by the bytes they sent and were sent, on whichever side. */
  talkers: { address: string; flows: number; sentBytes: number; receivedBytes: number }[]
  tookMs: number
}

/** Bytes of a conversation: exports of one direction know those of the source alone. */
const bytesSql = 'ifNull(network_bytes, ifNull(source_bytes, 0) + ifNull(destination_bytes, 0))'
const packetsSql = 'ifNull(network_packets, ifNull(source_packets, 0) + ifNull(destination_packets, 0))'
/** Beyond so many distinct values new ones are left out, and what is counted stays right. */
const bounded = "SETTINGS max_rows_to_group_by = 1000000, group_by_overflow_mode = 'any'"

/** Who talks to whom, how much and in which protocols, of the conversations that match. Throws like `searchEvents`. */
export async function trafficSummary(
  context: EventsContext,
  input: SearchScope & { limit: number },
): Promise<TrafficSummary> {
  const startedAtMs = context.clock.now()
  const scope = narrowed(input, flowRecords)
  const names = Object.keys(breakdowns) as BreakdownName[]
  const [[total], talkers, ...rows] = await Promise.all([
    totals(context, scope),
    topTalkers(context, scope, input.limit),
    ...names.map((name) => breakdown(context, scope, breakdowns[name], input.limit)),
  ])
  return {
    query: scope.query,
    flows: total?.flows ?? 0,
    bytes: total?.bytes ?? 0,
    packets: total?.packets ?? 0,
    sources: total?.sources ?? 0,
    destinations: total?.destinations ?? 0,
    breakdowns: names.map((name, index) => ({ name, fields: [...breakdowns[name]], rows: rows[index] ?? [] })),
    talkers,
    tookMs: context.clock.now() - startedAtMs,
  }
}

type Totals = Pick<TrafficSummary, 'flows' | 'bytes' | 'packets' | 'sources' | 'destinations'>

function totals(context: EventsContext, scope: SearchScope): Promise<Totals[]> {
  const { parameters, where } = compileScope(scope, context.clock)
  const sql = `SELECT count() AS flows, sum(${bytesSql}) AS bytes, sum(${packetsSql}) AS packets,
    uniq(source_ip) AS sources, uniq(destination_ip) AS destinations
    FROM ${eventsTable} WHERE ${where}`
  return runQuery<Totals>(context, sql, parameters)
}

function breakdown(
  context: EventsContext,
  scope: SearchScope,
  fields: readonly string[],
  limit: number,
): Promise<BreakdownRow[]> {
  const { parameters, where } = compileScope(scope, context.clock)
  // Columns are grouped as they are stored; only what is given out becomes text.
  const keys = fields.map((field, index) => `${columnOf(field) ?? valueText(field, parameters)} AS key${index}`)
  const names = fields.map((_, index) => `key${index}`)
  const texts = names.map((name, index) => (fields[index]?.endsWith('.ip') ? addressSql(name) : textSql(name)))
  const sql = `SELECT [${texts.join(', ')}] AS values, flows, bytes FROM (
      SELECT ${keys.join(', ')}, count() AS flows, sum(${bytesSql}) AS bytes
      FROM ${eventsTable} WHERE ${where}
      GROUP BY ${names.join(', ')}
      ORDER BY bytes DESC, flows DESC, ${names.join(', ')}
      LIMIT ${parameters.add('UInt32', limit)}
    ) ORDER BY bytes DESC, flows DESC, values ${bounded}`
  return runQuery<BreakdownRow>(context, sql, parameters)
}

function topTalkers(context: EventsContext, scope: SearchScope, limit: number): Promise<TrafficSummary['talkers']> {
  const { parameters, where } = compileScope(scope, context.clock)
  const sql = `SELECT ${addressSql('end')} AS address, flows, sentBytes, receivedBytes FROM (
      SELECT ends.1 AS end, count() AS flows, sum(ends.2) AS sentBytes, sum(ends.3) AS receivedBytes
      FROM (
        SELECT arrayJoin([
          (source_ip, ifNull(source_bytes, 0), ifNull(destination_bytes, 0)),
          (destination_ip, ifNull(destination_bytes, 0), ifNull(source_bytes, 0))
        ]) AS ends
        FROM ${eventsTable} WHERE ${where}
      )
      WHERE end != toIPv6('::')
      GROUP BY end
      ORDER BY sentBytes + receivedBytes DESC, end
      LIMIT ${parameters.add('UInt32', limit)}
    ) ORDER BY sentBytes + receivedBytes DESC, address ${bounded}`
  return runQuery(context, sql, parameters)
}

const textSql = (value: string) => `ifNull(toString(${value}), '')`
/** An address as people write it; '' for the one that says there is none. */
const addressSql = (value: string) => `replaceRegexpOne(toString(${value}), '^::(ffff:([0-9.]+))?$', '\\\\2')`
