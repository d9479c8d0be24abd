import { z } from 'zod'
import type { App } from '../app.ts'
import { pending } from '../pending.ts'
import { listOf, noContent, numericIdParams, pageQuery } from '../schemas/common.ts'
import { oneTimePassword, user, userChange, userInput } from '../schemas/identity.ts'

export function userRoutes(app: App): void {
  const tags = ['users']
  app.get(
    '/users',
    {
      config: { access: 'user:read' },
      schema: {
        tags,
        operationId: 'listUsers',
        summary: 'Users of my units',
        querystring: pageQuery.extend({ text: z.string().max(200).optional() }),
        response: { 200: listOf(user) },
      },
    },
    pending,
  )
  app.post(
    '/users',
    {
      config: { access: 'user:write' },
      schema: {
        tags,
        operationId: 'createUser',
        summary: 'Create a user with a one-time password',
        body: userInput,
        response: { 201: oneTimePassword },
      },
    },
    pending,
  )
  app.get(
    '/users/:id',
    {
      config: { access: 'user:read' },
      schema: { tags, operationId: 'getUser', summary: 'One user', params: numericIdParams, response: { 200: user } },
    },
    pending,
  )
  app.patch(
    '/users/:id',
    {
      config: { access: 'user:write' },
      schema: {
        tags,
        operationId: 'changeUser',
        summary: 'Change name, role, unit or activity',
        params: numericIdParams,
        body: userChange,
        response: { 200: user },
      },
    },
    pending,
  )
  app.delete(
    '/users/:id',
    {
      config: { access: 'user:write' },
      schema: {
        tags,
        operationId: 'removeUser',
        summary: 'Deactivate a user and end all sessions; the name stays in the audit trail',
        params: numericIdParams,
        response: { 204: noContent },
      },
    },
    pending,
  )
  app.post(
    '/users/:id/reset-password',
    {
      config: { access: 'user:write' },
      schema: {
        tags,
        operationId: 'resetPassword',
        summary: 'Set a new one-time password, end all sessions, lift a lockout',
        params: numericIdParams,
        response: { 200: oneTimePassword },
      },
    },
    pending,
  )
}
