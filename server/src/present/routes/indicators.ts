import { z } from 'zod'
import { createIndicator } from '../../state/indicators/create.ts'
import { getIndicator } from '../../state/indicators/get.ts'
import { importIndicators } from '../../state/indicators/import.ts'
import { listIndicators } from '../../state/indicators/list.ts'
import { removeIndicator } from '../../state/indicators/remove.ts'
import type { App } from '../app.ts'
import { contextOf, tell } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { flag, listOf, noContent, numericIdParams, pageQuery } from '../schemas/common.ts'
import { paged } from '../schemas/paged.ts'
import { importResult, indicator, indicatorInput } from '../schemas/platform.ts'

export function indicatorRoutes(app: App, dependencies: Dependencies): void {
  const tags = ['indicators']
  const read = { access: 'rule:read' } as const
  const change = { access: 'rule:write' } as const
  app.get(
    '/indicators',
    {
      config: read,
      schema: {
        tags,
        operationId: 'listIndicators',
        summary: 'Indicators of compromise',
        querystring: pageQuery.extend({
          text: z.string().max(200).optional(),
          type: indicator.shape.type.optional(),
          active: flag.optional(),
        }),
        response: { 200: listOf(indicator) },
      },
    },
    async (request) => listIndicators(contextOf(request, dependencies), paged(request.query)),
  )
  app.post(
    '/indicators',
    {
      config: change,
      schema: {
        tags,
        operationId: 'createIndicator',
        summary: 'Add an indicator',
        body: indicatorInput,
        response: { 201: indicator },
      },
    },
    async (request, reply) => {
      const { expiresAt, ...facts } = request.body
      const created = await createIndicator(contextOf(request, dependencies), { ...facts, expiresAt })
      tell(dependencies, { noun: 'indicator', id: String(created.id), action: 'created', unitPath: created.unitPath })
      return reply.status(201).send(created)
    },
  )
  app.post(
    '/indicators/import',
    {
      config: change,
      schema: {
        tags,
        operationId: 'importIndicators',
        summary: 'Add many indicators; those known already stay',
        body: z.object({ items: z.array(z.record(z.string(), z.unknown())).min(1).max(10_000) }),
        response: { 200: importResult },
      },
    },
    async (request) => {
      const lines = request.body.items.map((item, index) => ({ line: index + 1, item }))
      const result = await importIndicators(contextOf(request, dependencies), lines)
      tell(dependencies, { noun: 'indicator', id: '', action: 'imported', unitPath: request.actor.unitPath })
      return result
    },
  )
  app.get(
    '/indicators/:id',
    {
      config: read,
      schema: {
        tags,
        operationId: 'getIndicator',
        summary: 'One indicator',
        params: numericIdParams,
        response: { 200: indicator },
      },
    },
    async (request) => getIndicator(contextOf(request, dependencies), request.params.id),
  )
  app.delete(
    '/indicators/:id',
    {
      config: change,
      schema: {
        tags,
        operationId: 'removeIndicator',
        summary: 'Remove an indicator',
        params: numericIdParams,
        response: { 204: noContent },
      },
    },
    async (request, reply) => {
      const { unitPath } = await getIndicator(contextOf(request, dependencies), request.params.id)
      await removeIndicator(contextOf(request, dependencies), request.params)
      tell(dependencies, { noun: 'indicator', id: String(request.params.id), action: 'removed', unitPath })
      return reply.status(204).send(null)
    },
  )
}
