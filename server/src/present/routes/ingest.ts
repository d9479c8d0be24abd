import { z } from 'zod'
import type { App } from '../app.ts'
import { pending } from '../pending.ts'
import { ingestResult } from '../schemas/platform.ts'

export function ingestRoutes(app: App): void {
  app.post(
    '/ingest/:source',
    {
      config: { access: 'ingest' },
      schema: {
        tags: ['ingest'],
        operationId: 'ingest',
        summary: 'Send records, one a line; answered once they are durable',
        params: z.object({ source: z.string().min(1).max(128) }),
        consumes: ['application/x-ndjson', 'text/plain', 'application/json'],
        response: { 200: ingestResult },
      },
    },
    pending,
  )
  app.post(
    '/import',
    {
      config: { access: 'import:write' },
      schema: {
        tags: ['ingest'],
        operationId: 'importFile',
        summary: 'Upload a log file, one record a line',
        querystring: z.object({
          name: z.string().min(1).max(255).describe('File name.'),
          source: z.string().min(1).max(128).optional(),
        }),
        consumes: ['application/octet-stream', 'text/plain', 'application/x-ndjson'],
        response: { 200: ingestResult },
      },
    },
    pending,
  )
}
