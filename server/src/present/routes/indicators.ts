import { z } from 'zod'
import type { App } from '../app.ts'
import { pending } from '../pending.ts'
import { listOf, noContent, numericIdParams, pageQuery } from '../schemas/common.ts'
import { importResult, indicator, indicatorInput } from '../schemas/platform.ts'

export function indicatorRoutes(app: App): void {
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
        querystring: pageQuery.extend({ text: z.string().max(200).optional(), type: indicator.shape.type.optional() }),
        response: { 200: listOf(indicator) },
      },
    },
    pending,
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
    pending,
  )
  app.post(
    '/indicators/import',
    {
      config: change,
      schema: {
        tags,
        operationId: 'importIndicators',
        summary: 'Add many indicators; those known already stay',
        body: z.object({ items: z.array(indicatorInput).min(1).max(10_000) }),
        response: { 200: importResult },
      },
    },
    pending,
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
    pending,
  )
  app.patch(
    '/indicators/:id',
    {
      config: change,
      schema: {
        tags,
        operationId: 'changeIndicator',
        summary: 'Change an indicator',
        params: numericIdParams,
        body: indicatorInput.pick({ severity: true, description: true, expiresAt: true }).partial(),
        response: { 200: indicator },
      },
    },
    pending,
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
    pending,
  )
}
