import { z } from 'zod'
import { createUnit } from '../../state/units/create.ts'
import { getUnit } from '../../state/units/get.ts'
import { listUnits } from '../../state/units/list.ts'
import { moveUnit } from '../../state/units/move.ts'
import { removeUnit } from '../../state/units/remove.ts'
import { renameUnit } from '../../state/units/rename.ts'
import type { App } from '../app.ts'
import { contextOf, tell } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { listOf, noContent, numericId, numericIdParams, pageQuery } from '../schemas/common.ts'
import { listedUnit, unit, unitInput, unitKind } from '../schemas/identity.ts'
import { paged } from '../schemas/paged.ts'

export function unitRoutes(app: App, dependencies: Dependencies): void {
  const tags = ['units']
  app.get(
    '/units',
    {
      config: { access: 'unit:read' },
      schema: {
        tags,
        operationId: 'listUnits',
        summary: 'My unit and all below; a parent stands before its children',
        querystring: pageQuery.extend({
          text: z.string().max(200).optional(),
          parentId: numericId.optional(),
          kind: unitKind.optional(),
        }),
        response: { 200: listOf(listedUnit) },
      },
    },
    async (request) => listUnits(contextOf(request, dependencies), paged(request.query)),
  )
  app.post(
    '/units',
    {
      config: { access: 'unit:write' },
      schema: { tags, operationId: 'createUnit', summary: 'Create a unit', body: unitInput, response: { 201: unit } },
    },
    async (request, reply) => {
      const created = await createUnit(contextOf(request, dependencies), request.body)
      tell(dependencies, { noun: 'unit', id: String(created.id), action: 'created', unitPath: created.path })
      return reply.status(201).send(created)
    },
  )
  app.get(
    '/units/:id',
    {
      config: { access: 'unit:read' },
      schema: { tags, operationId: 'getUnit', summary: 'One unit', params: numericIdParams, response: { 200: unit } },
    },
    async (request) => getUnit(contextOf(request, dependencies), request.params.id),
  )
  app.patch(
    '/units/:id',
    {
      config: { access: 'unit:write', conditional: true },
      schema: {
        tags,
        operationId: 'renameUnit',
        summary: 'Change the name or the code of a unit',
        params: numericIdParams,
        body: unitInput.pick({ name: true, code: true }).partial(),
        response: { 200: unit },
      },
    },
    async (request) => {
      const renamed = await renameUnit(contextOf(request, dependencies), { id: request.params.id, ...request.body })
      tell(dependencies, { noun: 'unit', id: String(renamed.id), action: 'changed', unitPath: renamed.path })
      return renamed
    },
  )
  app.delete(
    '/units/:id',
    {
      config: { access: 'unit:write', conditional: true },
      schema: {
        tags,
        operationId: 'removeUnit',
        summary: 'Remove a unit that holds nothing any more',
        params: numericIdParams,
        response: { 204: noContent },
      },
    },
    async (request, reply) => {
      await removeUnit(contextOf(request, dependencies), request.params)
      tell(dependencies, {
        noun: 'unit',
        id: String(request.params.id),
        action: 'removed',
        unitPath: request.actor.unitPath,
      })
      return reply.status(204).send(null)
    },
  )
  app.post(
    '/units/:id/move',
    {
      config: { access: 'unit:write', conditional: true },
      schema: {
        tags,
        operationId: 'moveUnit',
        summary: 'Put a unit, with all below it, under another',
        params: numericIdParams,
        body: unitInput.pick({ parentId: true }),
        response: { 200: z.object({ id: z.number().int(), from: z.string(), to: z.string() }) },
      },
    },
    async (request) => {
      const moved = await moveUnit(contextOf(request, dependencies), { id: request.params.id, ...request.body })
      tell(dependencies, { noun: 'unit', id: String(moved.id), action: 'moved', unitPath: moved.to })
      return moved
    },
  )
}
