import { z } from 'zod'
import type { RuleSet } from '../../detect/sigma/ruleset.ts'
import { acknowledgeDetections } from '../../state/detections/acknowledge.ts'
import type { Detection } from '../../state/detections/detection.ts'
import { exportDetections } from '../../state/detections/export.ts'
import { getDetection } from '../../state/detections/get.ts'
import { listDetections } from '../../state/detections/list.ts'
import { getEvents } from '../../state/events/get.ts'
import { asEvent } from '../../state/events/whole-as-event.ts'
import type { Context } from '../../state/write.ts'
import type { App } from '../app.ts'
import { contextOf, eventsContextOf } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { sendDownload } from '../download.ts'
import type { OpenRuleBook } from '../rule-book.ts'
import { listOf, textIdParams, time } from '../schemas/common.ts'
import { paged } from '../schemas/paged.ts'
import { detection, detectionQuery } from '../schemas/work.ts'
import { correlationWhy } from '../schemas/workbench.ts'
import { correlationsWhy, setOfCorrelation } from '../workbench/correlation-why.ts'

/** Of each inner correlation, so many of its last detections are looked at for the events behind them. */
const innerMax = 20

/** Events of the correlations that a correlation is made of: its own evidence names these by their firing alone. */
async function innerEvidence(
  context: Context,
  { correlations }: RuleSet,
  { ruleId, firstSeenAt, lastSeenAt }: Detection,
): Promise<string[]> {
  const timespanMs = Math.max(...correlations.map((one) => one.timespanMs))
  const span = { from: new Date(firstSeenAt.getTime() - timespanMs), to: lastSeenAt }
  const inner = correlations.filter(({ id }) => id !== ruleId)
  const found = await Promise.all(
    inner.map(({ id }) => listDetections(context, { rule: id, ...span, limit: innerMax })),
  )
  return found.flatMap(({ items }) => items.flatMap(({ eventIds }) => eventIds))
}

/** Columns of a CSV file; NDJSON holds everything. */
const detectionColumns = [
  'id',
  'ruleId',
  'ruleTitle',
  'ruleTitleZh',
  'ruleAttribution',
  'detector',
  'severity',
  'summary',
  'summaryZh',
  'unitPath',
  'sourceKey',
  'techniques',
  'matchCount',
  'firstSeenAt',
  'lastSeenAt',
  'incidentId',
]

export function detectionRoutes(app: App, dependencies: Dependencies, book: OpenRuleBook): void {
  const tags = ['detections']
  app.get(
    '/detections',
    {
      config: { access: 'detection:read' },
      schema: {
        tags,
        operationId: 'listDetections',
        summary: 'Detections of my units, newest first',
        querystring: detectionQuery,
        response: { 200: listOf(detection) },
      },
    },
    async (request) => {
      const { incident, from, to, ...query } = request.query
      const filter = { ...paged(query), incidentId: incident, from: time(from), to: time(to) }
      return listDetections(contextOf(request, dependencies), filter)
    },
  )
  app.get(
    '/detections/export',
    {
      config: { access: 'event:export' },
      schema: {
        tags,
        operationId: 'exportDetections',
        summary: 'The listed detections as NDJSON or CSV',
        querystring: detectionQuery
          .omit({ limit: true, after: true })
          .extend({ format: z.enum(['ndjson', 'csv']).default('ndjson') }),
        produces: ['application/x-ndjson', 'text/csv'],
      },
    },
    async (request, reply) => {
      const { format, incident, from, to, ...query } = request.query
      const batches = exportDetections(contextOf(request, dependencies), {
        ...query,
        incidentId: incident,
        from: time(from),
        to: time(to),
      })
      return sendDownload(reply, { name: 'detections', format, columns: detectionColumns }, batches)
    },
  )
  app.get(
    '/detections/:id',
    {
      config: { access: 'detection:read' },
      schema: {
        tags,
        operationId: 'getDetection',
        summary: 'One detection',
        params: textIdParams,
        response: { 200: detection },
      },
    },
    async (request) => getDetection(contextOf(request, dependencies), request.params),
  )
  app.get(
    '/detections/:id/explanation',
    {
      config: { access: 'event:read' },
      schema: {
        tags,
        operationId: 'explainDetection',
        summary: 'Of a correlation: which part of its condition what is kept as evidence fulfils',
        params: textIdParams,
        response: {
          200: z.object({
            correlation: correlationWhy.nullable().describe('Null for what is no correlation that is in force now.'),
            eventCount: z.number().int().describe('Events of the evidence that are still stored.'),
          }),
        },
      },
    },
    async (request, reply) => {
      const found = await getDetection(contextOf(request, dependencies), request.params)
      const opened = await book()
      const set = found.detector === 'correlation' ? setOfCorrelation(opened, found.ruleId) : undefined
      if (!set) return { correlation: null, eventCount: 0 }
      const inner = await innerEvidence(contextOf(request, dependencies), set, found)
      const ids = [...new Set([...found.eventIds, ...inner])]
      const stored = await getEvents(eventsContextOf(request, reply, dependencies), ids)
      const [why] = correlationsWhy(set, (id) => id === found.ruleId, opened, stored.map(asEvent))
      return { correlation: why ?? null, eventCount: stored.length }
    },
  )
  app.post(
    '/detections/acknowledge',
    {
      config: { access: 'incident:write' },
      schema: {
        tags,
        operationId: 'acknowledgeDetections',
        summary: 'Mark as looked at',
        body: z.object({ ids: z.array(z.string().min(1).max(64)).min(1).max(500) }),
        response: { 200: z.object({ acknowledged: z.number().int() }) },
      },
    },
    async (request) => ({ acknowledged: await acknowledgeDetections(contextOf(request, dependencies), request.body) }),
  )
}
