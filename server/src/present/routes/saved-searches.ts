import type { App } from '../app.ts'
import { pending } from '../pending.ts'
import { listOf, noContent, numericIdParams, pageQuery } from '../schemas/common.ts'
import { savedSearch, savedSearchInput } from '../schemas/events.ts'

export function savedSearchRoutes(app: App): void {
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
        querystring: pageQuery,
        response: { 200: listOf(savedSearch) },
      },
    },
    pending,
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
    pending,
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
    pending,
  )
  app.patch(
    '/saved-searches/:id',
    {
      config: access,
      schema: {
        tags,
        operationId: 'changeSavedSearch',
        summary: 'Change a saved search of mine',
        params: numericIdParams,
        body: savedSearchInput.partial(),
        response: { 200: savedSearch },
      },
    },
    pending,
  )
  app.delete(
    '/saved-searches/:id',
    {
      config: access,
      schema: {
        tags,
        operationId: 'removeSavedSearch',
        summary: 'Remove a saved search of mine',
        params: numericIdParams,
        response: { 204: noContent },
      },
    },
    pending,
  )
}
