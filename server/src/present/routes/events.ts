import { z } from 'zod'
import type { App } from '../app.ts'
import { pending } from '../pending.ts'
import { listOf, textIdParams } from '../schemas/common.ts'
import { eventDetail, fieldInfo } from '../schemas/events.ts'

export function eventRoutes(app: App): void {
  app.get(
    '/events/:id',
    {
      config: { access: 'event:read' },
      schema: {
        tags: ['events'],
        operationId: 'getEvent',
        summary: 'The whole event, its bytes as they came, and what fired on it',
        params: textIdParams,
        querystring: z.object({
          at: z.iso.datetime({ offset: true }).optional().describe('Event time, if known: faster.'),
        }),
        response: { 200: eventDetail },
      },
    },
    pending,
  )
  app.get(
    '/fields',
    {
      config: { access: 'signed-in' },
      schema: {
        tags: ['events'],
        operationId: 'listFields',
        summary: 'The field catalogue',
        querystring: z.object({ text: z.string().max(200).optional() }),
        response: { 200: listOf(fieldInfo) },
      },
    },
    pending,
  )
}
