import type { App } from '../app.ts'
import { pending } from '../pending.ts'
import { listOf, noContent, pageQuery, textIdParams } from '../schemas/common.ts'
import { token, tokenCreated, tokenInput } from '../schemas/identity.ts'

export function tokenRoutes(app: App): void {
  const tags = ['tokens']
  app.get(
    '/tokens',
    {
      config: { access: 'token:write' },
      schema: {
        tags,
        operationId: 'listTokens',
        summary: 'API tokens',
        querystring: pageQuery,
        response: { 200: listOf(token) },
      },
    },
    pending,
  )
  app.post(
    '/tokens',
    {
      config: { access: 'token:write' },
      schema: {
        tags,
        operationId: 'createToken',
        summary: 'Create an API token',
        body: tokenInput,
        response: { 201: tokenCreated },
      },
    },
    pending,
  )
  app.get(
    '/tokens/:id',
    {
      config: { access: 'token:write' },
      schema: {
        tags,
        operationId: 'getToken',
        summary: 'One API token',
        params: textIdParams,
        response: { 200: token },
      },
    },
    pending,
  )
  app.delete(
    '/tokens/:id',
    {
      config: { access: 'token:write' },
      schema: {
        tags,
        operationId: 'revokeToken',
        summary: 'Revoke an API token at once',
        params: textIdParams,
        response: { 204: noContent },
      },
    },
    pending,
  )
}
