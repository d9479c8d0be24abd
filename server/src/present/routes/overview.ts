import type { App } from '../app.ts'
import { pending } from '../pending.ts'
import { health, overview } from '../schemas/platform.ts'

export function overviewRoutes(app: App): void {
  app.get(
    '/overview',
    {
      config: { access: 'signed-in' },
      schema: {
        tags: ['overview'],
        operationId: 'getOverview',
        summary: 'What needs me now, trends, health of sources',
        response: { 200: overview },
      },
    },
    pending,
  )
  app.get(
    '/health',
    {
      config: { access: 'health:read' },
      schema: {
        tags: ['health'],
        operationId: 'getHealth',
        summary: 'State of every part, losses, versions, settings',
        response: { 200: health },
      },
    },
    pending,
  )
}
