import { z } from 'zod'
import type { App } from '../app.ts'
import { pending } from '../pending.ts'
import { listOf, numericIdParams, pageQuery } from '../schemas/common.ts'
import { eventDocument } from '../schemas/events.ts'
import {
  bulkInput,
  bulkResult,
  closeInput,
  comment,
  graph,
  incident,
  incidentChange,
  incidentQuery,
  timelineEntry,
} from '../schemas/work.ts'

export function incidentRoutes(app: App): void {
  const tags = ['incidents']
  const read = { access: 'incident:read' } as const
  const change = { access: 'incident:write' } as const
  app.get(
    '/incidents',
    {
      config: read,
      schema: {
        tags,
        operationId: 'listIncidents',
        summary: 'Incidents of my units',
        querystring: incidentQuery,
        response: { 200: listOf(incident) },
      },
    },
    pending,
  )
  app.get(
    '/incidents/export',
    {
      config: { access: 'event:export' },
      schema: {
        tags,
        operationId: 'exportIncidents',
        summary: 'The listed incidents as NDJSON or CSV',
        querystring: incidentQuery
          .omit({ limit: true, after: true })
          .extend({ format: z.enum(['ndjson', 'csv']).default('ndjson') }),
        produces: ['application/x-ndjson', 'text/csv'],
      },
    },
    pending,
  )
  app.post(
    '/incidents/bulk',
    {
      config: change,
      schema: {
        tags,
        operationId: 'changeIncidents',
        summary: 'Change many incidents at once',
        body: bulkInput,
        response: { 200: bulkResult },
      },
    },
    pending,
  )
  app.post(
    '/incidents/bulk/undo',
    {
      config: change,
      schema: {
        tags,
        operationId: 'undoIncidentChanges',
        summary: 'Take a bulk change back',
        body: z.object({ undoId: z.string().min(1).max(64) }),
        response: { 200: bulkResult },
      },
    },
    pending,
  )
  app.get(
    '/incidents/:id',
    {
      config: read,
      schema: {
        tags,
        operationId: 'getIncident',
        summary: 'One incident',
        params: numericIdParams,
        response: { 200: incident },
      },
    },
    pending,
  )
  app.patch(
    '/incidents/:id',
    {
      config: change,
      schema: {
        tags,
        operationId: 'changeIncident',
        summary: 'Assign, change the status or the severity',
        params: numericIdParams,
        body: incidentChange,
        response: { 200: incident },
      },
    },
    pending,
  )
  app.post(
    '/incidents/:id/close',
    {
      config: change,
      schema: {
        tags,
        operationId: 'closeIncident',
        summary: 'Close with a reason',
        params: numericIdParams,
        body: closeInput,
        response: { 200: incident },
      },
    },
    pending,
  )
  app.post(
    '/incidents/:id/reopen',
    {
      config: change,
      schema: {
        tags,
        operationId: 'reopenIncident',
        summary: 'Open a closed incident again',
        params: numericIdParams,
        body: z.object({ comment: z.string().trim().max(4000).optional() }),
        response: { 200: incident },
      },
    },
    pending,
  )
  app.get(
    '/incidents/:id/timeline',
    {
      config: read,
      schema: {
        tags,
        operationId: 'getIncidentTimeline',
        summary: 'Detections, comments, changes and deliveries in time order',
        params: numericIdParams,
        querystring: pageQuery,
        response: { 200: listOf(timelineEntry) },
      },
    },
    pending,
  )
  app.get(
    '/incidents/:id/comments',
    {
      config: read,
      schema: {
        tags,
        operationId: 'listComments',
        summary: 'Comments, oldest first',
        params: numericIdParams,
        response: { 200: listOf(comment) },
      },
    },
    pending,
  )
  app.post(
    '/incidents/:id/comments',
    {
      config: change,
      schema: {
        tags,
        operationId: 'addComment',
        summary: 'Add a comment',
        params: numericIdParams,
        body: z.object({ text: z.string().trim().min(1).max(4000) }),
        response: { 201: comment },
      },
    },
    pending,
  )
  app.get(
    '/incidents/:id/events',
    {
      config: { access: 'event:read' },
      schema: {
        tags,
        operationId: 'listIncidentEvents',
        summary: 'The evidence: events of its detections, oldest first',
        params: numericIdParams,
        querystring: pageQuery,
        response: { 200: listOf(eventDocument) },
      },
    },
    pending,
  )
  app.get(
    '/incidents/:id/graph',
    {
      config: read,
      schema: {
        tags,
        operationId: 'getIncidentGraph',
        summary: 'Entities and what ties them',
        params: numericIdParams,
        response: { 200: graph },
      },
    },
    pending,
  )
}
