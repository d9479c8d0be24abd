import type { App } from '../app.ts'
import type { Authenticator } from '../authenticate.ts'
import type { LiveHub } from '../live-hub.ts'

export function liveRoutes(app: App, hub: LiveHub, authenticator: Authenticator): void {
  app.get(
    '/live',
    {
      config: { access: 'signed-in' },
      schema: {
        tags: ['live'],
        operationId: 'live',
        summary: 'Server-sent events: what changed in my units; resumes after Last-Event-ID',
        description:
          'Events: `ready` (the stream begins here), `change` with `{ noun, id, action, at }`, `resync` (too much was missed: load all again). A comment comes every 15 seconds.',
        produces: ['text/event-stream'],
      },
    },
    async (request, reply) => {
      const lastEventId = request.headers['last-event-id']
      hub.attach(request.actor, reply.raw, typeof lastEventId === 'string' ? lastEventId : undefined, () =>
        authenticator.stillKnown(request),
      )
      reply.hijack()
    },
  )
}
