import { z } from 'zod'
import { createToken } from '../../state/tokens/create.ts'
import { listTokens } from '../../state/tokens/list.ts'
import { revokeToken } from '../../state/tokens/revoke.ts'
import type { App } from '../app.ts'
import { contextOf } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { listOf, noContent, pageQuery, textIdParams } from '../schemas/common.ts'
import { token, tokenCreated, tokenInput } from '../schemas/identity.ts'
import { paged } from '../schemas/paged.ts'

export function tokenRoutes(app: App, dependencies: Dependencies): void {
  const tags = ['tokens']
  app.get(
    '/tokens',
    {
      config: { access: 'signed-in' },
      schema: {
        tags,
        operationId: 'listTokens',
        summary: 'API tokens: mine, and with token:write all of my units',
        querystring: pageQuery.extend({
          text: z.string().max(200).optional(),
          all: z.enum(['true', 'false']).optional(),
        }),
        response: { 200: listOf(token) },
      },
    },
    async (request) => listTokens(contextOf(request, dependencies), paged(request.query)),
  )
  app.post(
    '/tokens',
    {
      config: { access: 'signed-in' },
      schema: {
        tags,
        operationId: 'createToken',
        summary: 'Create an API token',
        body: tokenInput,
        response: { 201: tokenCreated },
      },
    },
    async (request, reply) => {
      const input = { ...request.body, expiresAt: new Date(request.body.expiresAt) }
      const { token: secret, record } = await createToken(contextOf(request, dependencies), input)
      return reply.status(201).send({ token: record, secret })
    },
  )
  app.delete(
    '/tokens/:id',
    {
      config: { access: 'signed-in' },
      schema: {
        tags,
        operationId: 'revokeToken',
        summary: 'Revoke an API token at once',
        params: textIdParams,
        response: { 204: noContent },
      },
    },
    async (request, reply) => {
      await revokeToken(contextOf(request, dependencies), request.params)
      return reply.status(204).send(null)
    },
  )
}
