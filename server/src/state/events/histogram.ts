import { isArrayField } from '../../event/catalogue.ts'
import { eventsTable } from '../../seams/events/schema.ts'
import { requireField, valueText } from './facets.ts'
import { type EventsContext, runQuery } from './run.ts'
import { compileScope, type SearchScope } from './scope.ts'

export interface HistogramInput extends SearchScope {
  /** About how many buckets. */
  buckets: number
  /** Splits each bucket by the most frequent values of this field. */
  by?: string
}

export interface Histogram {
  intervalMs: number
  from: Date
  to: Date
  total: number
  buckets: { at: Date; count: number; by?: Record<string, number> }[]
  sql: string
  tookMs: number
}

/** Widths people read well: 1, 2, 5, 10, 30 of a unit. */
const widthsMs = [
  ...[1, 10, 100, 500].map((count) => count),
  ...[1, 2, 5, 10, 30].map((count) => count * 1000),
  ...[1, 2, 5, 10, 30].map((count) => count * 60_000),
  ...[1, 3, 6, 12].map((count) => count * 3_600_000),
  ...[1, 7, 30, 90, 365, 3650].map((count) => count * 86_400_000),
]

const seriesMax = 6
const otherSeries = '*'

/** How many events matched in each stretch of time; empty stretches are there with 0. Throws like `searchEvents`. */
export async function eventHistogram(context: EventsContext, input: HistogramInput): Promise<Histogram> {
  const startedAtMs = context.clock.now()
  const { range, parameters, where } = compileScope(input, context.clock)
  const { by } = input
  if (by !== undefined) requireField(by)
  const spanMs = range.toMs - range.fromMs
  const intervalMs = widthsMs.find((widthMs) => spanMs / widthMs <= input.buckets) ?? Math.ceil(spanMs / input.buckets)
  const bucket = `intDiv(toUnixTimestamp64Milli(timestamp), ${parameters.add('Int64', String(intervalMs))})`
  const series = by === undefined ? "''" : seriesText(by, parameters)
  const sql = `SELECT ${bucket} AS bucket, ${series} AS series, count() AS count
    FROM ${eventsTable}
    WHERE ${where}
    GROUP BY bucket, series
    ORDER BY count DESC, bucket, series
    LIMIT 20000`
  const rows = await runQuery<{ bucket: number; series: string; count: number }>(context, sql, parameters)
  return {
    intervalMs,
    from: new Date(range.fromMs),
    to: new Date(range.toMs),
    total: rows.reduce((sum, row) => sum + row.count, 0),
    buckets: fill(rows, range, intervalMs, by !== undefined),
    sql: parameters.show(sql),
    tookMs: context.clock.now() - startedAtMs,
  }
}

/** One text a row: of several values the first. */
function seriesText(field: string, parameters: Parameters<typeof valueText>[1]): string {
  const text = valueText(field, parameters)
  return isArrayField(field) ? `(${text})[1]` : text
}

function fill(
  rows: { bucket: number; series: string; count: number }[],
  { fromMs, toMs }: { fromMs: number; toMs: number },
  intervalMs: number,
  split: boolean,
): Histogram['buckets'] {
  const totals = new Map<string, number>()
  for (const { series, count } of rows) totals.set(series, (totals.get(series) ?? 0) + count)
  const named = new Set(
    [...totals]
      .sort((one, other) => other[1] - one[1])
      .slice(0, seriesMax)
      .map(([series]) => series),
  )
  const buckets = new Map<number, Histogram['buckets'][number]>()
  for (let index = Math.floor(fromMs / intervalMs); index * intervalMs < toMs; index++) {
    buckets.set(index, { at: new Date(index * intervalMs), count: 0, ...(split ? { by: {} } : {}) })
  }
  for (const { bucket, series, count } of rows) {
    const target = buckets.get(bucket)
    if (!target) continue
    target.count += count
    if (!target.by) continue
    const name = named.has(series) ? series : otherSeries
    target.by[name] = (target.by[name] ?? 0) + count
  }
  return [...buckets.values()]
}
