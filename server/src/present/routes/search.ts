import { z } from 'zod'
import type { App } from '../app.ts'
import { pending } from '../pending.ts'
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

export function searchRoutes(app: App): void {
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
    pending,
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
    pending,
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
    pending,
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
    pending,
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
    pending,
  )
}
