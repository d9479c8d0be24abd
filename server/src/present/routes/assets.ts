import { z } from 'zod'
import { createAsset } from '../../state/assets/create.ts'
import { getAsset } from '../../state/assets/get.ts'
import { importAssets } from '../../state/assets/import.ts'
import { listAssets } from '../../state/assets/list.ts'
import { parseAssetsCsv } from '../../state/assets/parse-csv.ts'
import { removeAsset } from '../../state/assets/remove.ts'
import { updateAsset } from '../../state/assets/update.ts'
import type { App } from '../app.ts'
import { contextOf, tell } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { listOf, noContent, numericIdParams, pageQuery } from '../schemas/common.ts'
import { paged } from '../schemas/paged.ts'
import { asset, assetChange, assetInput, importResult } from '../schemas/platform.ts'

export function assetRoutes(app: App, dependencies: Dependencies): void {
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
        querystring: pageQuery.extend({
          text: z.string().max(200).optional(),
          criticality: asset.shape.criticality.optional(),
          unitId: z.coerce.number().int().min(1).optional(),
        }),
        response: { 200: listOf(asset) },
      },
    },
    async (request) => listAssets(contextOf(request, dependencies), paged(request.query)),
  )
  app.post(
    '/assets',
    {
      config: change,
      schema: { tags, operationId: 'createAsset', summary: 'Add an asset', body: assetInput, response: { 201: asset } },
    },
    async (request, reply) => {
      const asset = await createAsset(contextOf(request, dependencies), request.body)
      tell(dependencies, { noun: 'asset', id: String(asset.id), action: 'created', unitPath: asset.unitPath })
      return reply.status(201).send(asset)
    },
  )
  app.post(
    '/assets/import',
    {
      config: change,
      schema: {
        tags,
        operationId: 'importAssets',
        summary: 'Add or change many assets; matched by name within the unit',
        body: z.union([
          z.object({ items: z.array(z.record(z.string(), z.unknown())).min(1).max(5000) }),
          z.object({
            csv: z.string().min(1).describe('With a header: 名称,地址,主机名,… or name,addresses,hostNames,…'),
          }),
        ]),
        response: { 200: importResult },
      },
    },
    async (request) => {
      const { body } = request
      const lines =
        'csv' in body ? parseAssetsCsv(body.csv) : body.items.map((item, index) => ({ line: index + 1, item }))
      const result = await importAssets(contextOf(request, dependencies), lines)
      tell(dependencies, { noun: 'asset', id: '', action: 'imported', unitPath: request.actor.unitPath })
      return result
    },
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
    async (request) => getAsset(contextOf(request, dependencies), request.params.id),
  )
  app.patch(
    '/assets/:id',
    {
      config: { ...change, conditional: true },
      schema: {
        tags,
        operationId: 'changeAsset',
        summary: 'Change an asset',
        params: numericIdParams,
        body: assetChange,
        response: { 200: asset },
      },
    },
    async (request) => {
      const asset = await updateAsset(contextOf(request, dependencies), { ...request.params, ...request.body })
      tell(dependencies, { noun: 'asset', id: String(asset.id), action: 'changed', unitPath: asset.unitPath })
      return asset
    },
  )
  app.delete(
    '/assets/:id',
    {
      config: { ...change, conditional: true },
      schema: {
        tags,
        operationId: 'removeAsset',
        summary: 'Remove an asset',
        params: numericIdParams,
        response: { 204: noContent },
      },
    },
    async (request, reply) => {
      const { unitPath } = await getAsset(contextOf(request, dependencies), request.params.id)
      await removeAsset(contextOf(request, dependencies), request.params)
      tell(dependencies, { noun: 'asset', id: String(request.params.id), action: 'removed', unitPath })
      return reply.status(204).send(null)
    },
  )
}
