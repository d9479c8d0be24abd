import { z } from 'zod'
import type { App } from '../app.ts'
import { pending } from '../pending.ts'
import { listOf, textIdParams } from '../schemas/common.ts'
import { detection, detectionQuery } from '../schemas/work.ts'

export function detectionRoutes(app: App): void {
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
    pending,
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
    pending,
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
    pending,
  )
}
