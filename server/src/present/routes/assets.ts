import { z } from 'zod'
import type { App } from '../app.ts'
import { pending } from '../pending.ts'
import { listOf, noContent, numericIdParams, pageQuery } from '../schemas/common.ts'
import { asset, assetInput, importResult } from '../schemas/platform.ts'

export function assetRoutes(app: App): void {
  const tags = ['assets']
  const read = { access: 'source:read' } as const
  const change = { access: 'source:write' } as const
  app.get(
    '/assets',
    {
      config: read,
      schema: {
        tags,
        operationId: 'listAssets',
        summary: 'Assets of my units',
        querystring: pageQuery.extend({ text: z.string().max(200).optional() }),
        response: { 200: listOf(asset) },
      },
    },
    pending,
  )
  app.post(
    '/assets',
    {
      config: change,
      schema: { tags, operationId: 'createAsset', summary: 'Add an asset', body: assetInput, response: { 201: asset } },
    },
    pending,
  )
  app.post(
    '/assets/import',
    {
      config: change,
      schema: {
        tags,
        operationId: 'importAssets',
        summary: 'Add or change many assets; matched by name within the unit',
        body: z.object({ items: z.array(assetInput).min(1).max(5000) }),
        response: { 200: importResult },
      },
    },
    pending,
  )
  app.get(
    '/assets/:id',
    {
      config: read,
      schema: {
        tags,
        operationId: 'getAsset',
        summary: 'One asset',
        params: numericIdParams,
        response: { 200: asset },
      },
    },
    pending,
  )
  app.patch(
    '/assets/:id',
    {
      config: change,
      schema: {
        tags,
        operationId: 'changeAsset',
        summary: 'Change an asset',
        params: numericIdParams,
        body: assetInput.partial(),
        response: { 200: asset },
      },
    },
    pending,
  )
  app.delete(
    '/assets/:id',
    {
      config: change,
      schema: {
        tags,
        operationId: 'removeAsset',
        summary: 'Remove an asset',
        params: numericIdParams,
        response: { 204: noContent },
      },
    },
    pending,
  )
}
