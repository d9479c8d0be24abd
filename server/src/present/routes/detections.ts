import { z } from 'zod'
import { acknowledgeDetections } from '../../state/detections/acknowledge.ts'
import { exportDetections } from '../../state/detections/export.ts'
import { getDetection } from '../../state/detections/get.ts'
import { listDetections } from '../../state/detections/list.ts'
import { getEvents } from '../../state/events/get.ts'
import { asEvent } from '../../state/events/whole-as-event.ts'
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
      const stored = await getEvents(eventsContextOf(request, reply, dependencies), found.eventIds)
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
