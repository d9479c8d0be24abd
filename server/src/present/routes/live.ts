import type { App } from '../app.ts'
import { pending } from '../pending.ts'

export function liveRoutes(app: App): void {
  app.get(
    '/live',
    {
      config: { access: 'signed-in' },
      schema: {
        tags: ['live'],
        operationId: 'live',
        summary: 'Server-sent events: what changed in my units; resumes after Last-Event-ID',
        produces: ['text/event-stream'],
      },
    },
    pending,
  )
}
