import type { App } from '../app.ts'
import { pending } from '../pending.ts'
import { listOf, noContent, numericIdParams } from '../schemas/common.ts'
import { unit, unitInput } from '../schemas/identity.ts'

export function unitRoutes(app: App): void {
  const tags = ['units']
  app.get(
    '/units',
    {
      config: { access: 'unit:read' },
      schema: {
        tags,
        operationId: 'listUnits',
        summary: 'My unit and all below, in path order',
        response: { 200: listOf(unit) },
      },
    },
    pending,
  )
  app.post(
    '/units',
    {
      config: { access: 'unit:write' },
      schema: { tags, operationId: 'createUnit', summary: 'Create a unit', body: unitInput, response: { 201: unit } },
    },
    pending,
  )
  app.get(
    '/units/:id',
    {
      config: { access: 'unit:read' },
      schema: { tags, operationId: 'getUnit', summary: 'One unit', params: numericIdParams, response: { 200: unit } },
    },
    pending,
  )
  app.patch(
    '/units/:id',
    {
      config: { access: 'unit:write' },
      schema: {
        tags,
        operationId: 'renameUnit',
        summary: 'Rename a unit',
        params: numericIdParams,
        body: unitInput.pick({ name: true }),
        response: { 200: unit },
      },
    },
    pending,
  )
  app.delete(
    '/units/:id',
    {
      config: { access: 'unit:write' },
      schema: {
        tags,
        operationId: 'removeUnit',
        summary: 'Remove a unit that holds nothing any more',
        params: numericIdParams,
        response: { 204: noContent },
      },
    },
    pending,
  )
}
