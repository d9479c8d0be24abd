import { rareValues } from '../../state/traffic/rare.ts'
import { trafficSummary } from '../../state/traffic/summary.ts'
import type { App } from '../app.ts'
import { eventsContextOf } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { rareInput, rareResult, trafficSummaryInput, trafficSummaryResult } from '../schemas/traffic-questions.ts'

/** Questions over records of traffic; the records themselves are events. */
export function trafficRoutes(app: App, dependencies: Dependencies): void {
  const tags = ['traffic']
  const config = { access: 'event:read' } as const
  app.post(
    '/traffic/summary',
    {
      config,
      schema: {
        tags,
        operationId: 'trafficSummary',
        summary: 'Who talks to whom, how much and in which protocols',
        body: trafficSummaryInput,
        response: { 200: trafficSummaryResult },
      },
    },
    async (request, reply) => trafficSummary(eventsContextOf(request, reply, dependencies), request.body),
  )
  app.post(
    '/traffic/rare',
    {
      config,
      schema: {
        tags,
        operationId: 'trafficRare',
        summary: 'Fingerprints, names, certificates, ports and servers that are new or that few addresses have',
        body: rareInput,
        response: { 200: rareResult },
      },
    },
    async (request, reply) => rareValues(eventsContextOf(request, reply, dependencies), request.body),
  )
}
