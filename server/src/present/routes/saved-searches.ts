import { z } from 'zod'
import { createSavedSearch } from '../../state/searches/create.ts'
import { getSavedSearch } from '../../state/searches/get.ts'
import { listSavedSearches } from '../../state/searches/list.ts'
import { removeSavedSearch } from '../../state/searches/remove.ts'
import { updateSavedSearch } from '../../state/searches/update.ts'
import type { App } from '../app.ts'
import { contextOf } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { listOf, noContent, numericIdParams, pageQuery } from '../schemas/common.ts'
import { savedSearch, savedSearchChange, savedSearchInput } from '../schemas/events.ts'
import { paged } from '../schemas/paged.ts'

export function savedSearchRoutes(app: App, dependencies: Dependencies): void {
  const tags = ['saved-searches']
  const access = { access: 'event:read' } as const
  app.get(
    '/saved-searches',
    {
      config: access,
      schema: {
        tags,
        operationId: 'listSavedSearches',
        summary: 'Mine, and those shared in my units',
        querystring: pageQuery.extend({ text: z.string().max(200).optional() }),
        response: { 200: listOf(savedSearch) },
      },
    },
    async (request) => listSavedSearches(contextOf(request, dependencies), paged(request.query)),
  )
  app.post(
    '/saved-searches',
    {
      config: access,
      schema: {
        tags,
        operationId: 'createSavedSearch',
        summary: 'Keep a search',
        body: savedSearchInput,
        response: { 201: savedSearch },
      },
    },
    async (request, reply) =>
      reply.status(201).send(await createSavedSearch(contextOf(request, dependencies), request.body)),
  )
  app.get(
    '/saved-searches/:id',
    {
      config: access,
      schema: {
        tags,
        operationId: 'getSavedSearch',
        summary: 'One saved search',
        params: numericIdParams,
        response: { 200: savedSearch },
      },
    },
    async (request) => getSavedSearch(contextOf(request, dependencies), request.params.id),
  )
  app.patch(
    '/saved-searches/:id',
    {
      config: { ...access, conditional: true },
      schema: {
        tags,
        operationId: 'changeSavedSearch',
        summary: 'Change a saved search of mine',
        params: numericIdParams,
        body: savedSearchChange,
        response: { 200: savedSearch },
      },
    },
    async (request) => updateSavedSearch(contextOf(request, dependencies), { ...request.params, ...request.body }),
  )
  app.delete(
    '/saved-searches/:id',
    {
      config: { ...access, conditional: true },
      schema: {
        tags,
        operationId: 'removeSavedSearch',
        summary: 'Remove a saved search of mine',
        params: numericIdParams,
        response: { 204: noContent },
      },
    },
    async (request, reply) => {
      await removeSavedSearch(contextOf(request, dependencies), request.params)
      return reply.status(204).send(null)
    },
  )
}
