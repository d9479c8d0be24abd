import { type HealthParts, readHealth } from '../../state/health/read.ts'
import { readOverview } from '../../state/overview/read.ts'
import type { App } from '../app.ts'
import { contextOf, eventsContextOf } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { health, overview } from '../schemas/platform.ts'

export function overviewRoutes(app: App, dependencies: Dependencies): void {
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
    async (request, reply) =>
      readOverview(
        contextOf(request, dependencies),
        eventsContextOf(request, reply, dependencies),
        healthParts(dependencies),
      ),
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
    async (request) => readHealth(contextOf(request, dependencies), healthParts(dependencies)),
  )
}

function healthParts({ config, version, health: probe, events }: Dependencies): HealthParts {
  return { config, version, probe, events }
}
