import { z } from 'zod'
import { coreFields } from '../../event/catalogue.ts'
import { auditEventExport } from '../../state/events/audit-export.ts'
import { exportEvents } from '../../state/events/export.ts'
import { eventFacets } from '../../state/events/facets.ts'
import { eventHistogram } from '../../state/events/histogram.ts'
import { searchEvents } from '../../state/events/search.ts'
import { validateQuery } from '../../state/events/validate.ts'
import type { App } from '../app.ts'
import { contextOf, eventsContextOf } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { sendDownload } from '../download.ts'
import {
  exportQuery,
  facetsInput,
  facetsResult,
  histogramInput,
  histogramResult,
  queryTextLimit,
  searchInput,
  searchResult,
  validateResult,
} from '../schemas/events.ts'

const envelope = new Set(['@timestamp', 'event.id'])

/** Columns of a CSV file when none are named: NDJSON holds everything. */
const csvColumns = ['@timestamp', 'event.id', ...coreFields.map((field) => field.name)]

export function searchRoutes(app: App, dependencies: Dependencies): void {
  const tags = ['search']
  const read = { access: 'event:read' } as const
  app.post(
    '/search',
    {
      config: read,
      schema: {
        tags,
        operationId: 'search',
        summary: 'Events that match, newest first',
        body: searchInput,
        response: { 200: searchResult },
      },
    },
    async (request, reply) => searchEvents(eventsContextOf(request, reply, dependencies), request.body),
  )
  app.post(
    '/search/histogram',
    {
      config: read,
      schema: {
        tags,
        operationId: 'searchHistogram',
        summary: 'How many matched, over time',
        body: histogramInput,
        response: { 200: histogramResult },
      },
    },
    async (request, reply) => eventHistogram(eventsContextOf(request, reply, dependencies), request.body),
  )
  app.post(
    '/search/facets',
    {
      config: read,
      schema: {
        tags,
        operationId: 'searchFacets',
        summary: 'Most frequent values of fields',
        body: facetsInput,
        response: { 200: facetsResult },
      },
    },
    async (request, reply) => eventFacets(eventsContextOf(request, reply, dependencies), request.body),
  )
  app.post(
    '/search/validate',
    {
      config: read,
      schema: {
        tags,
        operationId: 'validateQuery',
        summary: 'Check a query without running it',
        body: z.object({ query: z.string().max(queryTextLimit) }),
        response: { 200: validateResult },
      },
    },
    async (request) => validateQuery(request.body.query),
  )
  app.get(
    '/search/export',
    {
      config: { access: 'event:export' },
      schema: {
        tags,
        operationId: 'exportEvents',
        summary: 'Events that match as NDJSON or CSV, streamed',
        querystring: exportQuery,
        produces: ['application/x-ndjson', 'text/csv'],
      },
    },
    async (request, reply) => {
      const { format, columns: text, ...scope } = request.query
      const columns = text?.split(',').filter((column) => column !== '')
      await auditEventExport(contextOf(request, dependencies), { ...scope, format, columns })
      const batches = exportEvents(eventsContextOf(request, reply, dependencies), { ...scope, columns })
      const header = columns && ['@timestamp', 'event.id', ...columns.filter((name) => !envelope.has(name))]
      return sendDownload(reply, { name: 'events', format, columns: header ?? csvColumns }, batches)
    },
  )
}
