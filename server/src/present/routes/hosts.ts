import { z } from 'zod'
import { getHost } from '../../state/hosts/get.ts'
import type { Host } from '../../state/hosts/host.ts'
import { listHosts } from '../../state/hosts/list.ts'
import type { App } from '../app.ts'
import { contextOf } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { macVendor } from '../mac-vendor.ts'
import { listOf, numericIdParams, pageQuery } from '../schemas/common.ts'
import { paged } from '../schemas/paged.ts'
import { host } from '../schemas/traffic.ts'

/** Hosts as traffic shows them; what people say of what they own are assets. */
export function hostRoutes(app: App, dependencies: Dependencies): void {
  const tags = ['hosts']
  const config = { access: 'source:read' } as const
  app.get(
    '/hosts',
    {
      config,
      schema: {
        tags,
        operationId: 'listHosts',
        summary: 'Addresses seen in the traffic of my units, and what was observed of each',
        querystring: pageQuery.extend({
          text: z.string().max(200).optional().describe('Part of the address or of anything observed.'),
          kind: z.string().max(50).optional(),
          unitId: z.coerce.number().int().min(1).optional(),
          sort: z.enum(['address', 'firstSeenAt', 'lastSeenAt']).optional(),
          direction: z.enum(['asc', 'desc']).optional(),
        }),
        response: { 200: listOf(host) },
      },
    },
    async (request) => {
      const page = await listHosts(contextOf(request, dependencies), paged(request.query))
      return { ...page, items: page.items.map(withVendors) }
    },
  )
  app.get(
    '/hosts/:id',
    {
      config,
      schema: {
        tags,
        operationId: 'getHost',
        summary: 'A host with everything observed of it',
        params: numericIdParams,
        response: { 200: host },
      },
    },
    async (request) => withVendors(await getHost(contextOf(request, dependencies), request.params)),
  )
}

function withVendors(found: Host) {
  const facts = found.facts.map((fact) => ({
    ...fact,
    vendor: fact.kind === 'mac' ? (macVendor(fact.value) ?? null) : null,
  }))
  return { ...found, facts }
}
