import { CodedError } from '../../event/errors.ts'
import { type Severity, severityRank } from '../../event/event.ts'
import { countByRule } from '../detections/count-by-rule.ts'
import { eventHistogram } from '../events/histogram.ts'
import type { EventsContext } from '../events/run.ts'
import { type Health, type HealthParts, readHealth } from '../health/read.ts'
import { countIncidents, type IncidentCounts } from '../incidents/count.ts'
import { listDeliveries } from '../notifications/list-deliveries.ts'
import { listSources } from '../sources/list.ts'
import type { Context } from '../write.ts'

const dayMs = 86_400_000
const hourMs = 3_600_000
const shownMax = 5
/** A source of which less is understood than this wants looking at. */
const parseRateLow = 0.9
const sourcesMax = 500

export interface Attention {
  kind:
    | 'incidents_unassigned'
    | 'incidents_mine'
    | 'sources_silent'
    | 'sources_unparsed'
    | 'deliveries_failed'
    | 'health_problem'
  severity: Severity
  count: number
  /** Path in the web client that shows them. */
  link: string
}

/**
 * The first page of the day: what needs this person now, trends, health of the sources. A part the person may not see, or
 * that cannot be read now, is null and named in `missing`; the rest is true.
 */
export async function readOverview(context: Context, events: EventsContext, parts: HealthParts) {
  const missing: string[] = []
  const attempt = async <Result>(name: string, work: () => Promise<Result>): Promise<Result | null> => {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof CodedError)) throw error
      missing.push(name)
      return null
    }
  }
  const [incidents, detections, stored, sources, failedDeliveries, health] = await Promise.all([
    attempt('incidents', () => countIncidents(context)),
    attempt('detections', () => detectionTrend(context)),
    attempt('events', () => eventTrend(events)),
    attempt('sources', () => sourcesInBrief(context)),
    attempt('deliveries', async () => (await listDeliveries(context, { state: ['failed'], limit: 1 })).total),
    attempt('health', () => readHealth(context, parts)),
  ])
  return {
    generatedAt: new Date(context.clock.now()),
    attention: attention({ incidents, sources, failedDeliveries, health }),
    incidents,
    detections,
    events: stored && { ...stored, perSecond: sources?.perSecond ?? 0 },
    sources: sources?.brief ?? null,
    missing: missing.sort(),
  }
}

async function detectionTrend(context: Context) {
  const toMs = Math.floor(context.clock.now() / hourMs) * hourMs + hourMs
  const fromMs = toMs - dayMs
  const rules = await countByRule(context, { from: new Date(fromMs), to: new Date(toMs), stepMs: hourMs })
  const trend = Array.from({ length: 24 }, (_, index) => ({
    at: new Date(fromMs + index * hourMs),
    count: 0,
    by: {} as Record<string, number>,
  }))
  for (const { severity, steps } of rules) {
    for (const { at, detectionCount } of steps) {
      const bucket = trend[Math.floor((at.getTime() - fromMs) / hourMs)]
      if (!bucket) continue
      bucket.count += detectionCount
      bucket.by[severity] = (bucket.by[severity] ?? 0) + detectionCount
    }
  }
  return {
    lastDay: trend.reduce((sum, { count }) => sum + count, 0),
    trend,
    // Countings come by firings; shown, and so ordered, are detections.
    topRules: rules
      .toSorted((one, other) => other.detectionCount - one.detectionCount)
      .slice(0, shownMax)
      .map(({ ruleId, title, titleZh, severity, detectionCount: count }) => ({
        ruleId,
        title,
        titleZh,
        severity,
        count,
      })),
  }
}

async function eventTrend(context: EventsContext) {
  const { total, buckets } = await eventHistogram(context, { query: '', from: 'now-24h', to: 'now', buckets: 50 })
  return { lastDay: total, trend: buckets.map(({ at, count }) => ({ at, count })) }
}

async function sourcesInBrief(context: Context) {
  const { items, total } = await listSources(context, { limit: sourcesMax, sort: 'parseRate', direction: 'asc' })
  const records = items.reduce((sum, { recordCount }) => sum + recordCount, 0)
  const unparsed = items.reduce((sum, { unparsedCount }) => sum + unparsedCount, 0)
  const worst = [...items].sort(
    (one, other) => Number(other.silent) - Number(one.silent) || one.parseRate - other.parseRate,
  )
  return {
    perSecond: items.reduce((sum, { recordsPerSecond }) => sum + recordsPerSecond, 0),
    badlyParsed: items.filter(({ parseRate }) => parseRate < parseRateLow).length,
    brief: {
      total,
      silent: items.filter(({ silent }) => silent).length,
      parseRate: records === 0 ? 1 : 1 - unparsed / records,
      worst: worst
        .slice(0, shownMax)
        .map(({ id, name, silent, parseRate, lastSeenAt }) => ({ id, name, silent, parseRate, lastSeenAt })),
    },
  }
}

interface Findings {
  incidents: IncidentCounts | null
  sources: Awaited<ReturnType<typeof sourcesInBrief>> | null
  failedDeliveries: number | null
  health: Health | null
}

/** What wants somebody, most pressing first. */
function attention({ incidents, sources, failedDeliveries, health }: Findings): Attention[] {
  const worst = incidents?.top[0]?.severity ?? 'medium'
  const problems = health?.problems ?? []
  const gravest = problems.reduce<Severity>(
    (one, { severity }) => (severityRank[severity] > severityRank[one] ? severity : one),
    'low',
  )
  const found: Attention[] = [
    {
      kind: 'incidents_unassigned',
      severity: worst,
      count: incidents?.unassigned ?? 0,
      link: '/incidents?assignee=none',
    },
    { kind: 'incidents_mine', severity: 'medium', count: incidents?.mine ?? 0, link: '/incidents?assignee=me' },
    { kind: 'health_problem', severity: gravest, count: problems.length, link: '/health' },
    { kind: 'sources_silent', severity: 'high', count: sources?.brief.silent ?? 0, link: '/sources?silent=true' },
    { kind: 'sources_unparsed', severity: 'low', count: sources?.badlyParsed ?? 0, link: '/sources?unparsed=true' },
    {
      kind: 'deliveries_failed',
      severity: 'medium',
      count: failedDeliveries ?? 0,
      link: '/notifications?state=failed',
    },
  ]
  return found
    .filter(({ count }) => count > 0)
    .sort((one, other) => severityRank[other.severity] - severityRank[one.severity])
}
