import { z } from 'zod'
import { createUser } from '../../state/users/create.ts'
import { getUser } from '../../state/users/get.ts'
import { listUsers } from '../../state/users/list.ts'
import { removeTotp } from '../../state/users/remove-totp.ts'
import { resetPassword } from '../../state/users/reset-password.ts'
import { updateUser } from '../../state/users/update.ts'
import type { App } from '../app.ts'
import { contextOf } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { listOf, noContent, numericId, numericIdParams, pageQuery } from '../schemas/common.ts'
import { oneTimePassword, role, user, userChange, userInput } from '../schemas/identity.ts'
import { paged } from '../schemas/paged.ts'

export function userRoutes(app: App, dependencies: Dependencies): void {
  const tags = ['users']
  app.get(
    '/users',
    {
      config: { access: 'user:read' },
      schema: {
        tags,
        operationId: 'listUsers',
        summary: 'Users of my units',
        querystring: pageQuery.extend({
          text: z.string().max(200).optional(),
          unitId: numericId.optional(),
          role: role.optional(),
          disabled: z.enum(['true', 'false']).optional(),
        }),
        response: { 200: listOf(user) },
      },
    },
    async (request) => listUsers(contextOf(request, dependencies), paged(request.query)),
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
    async (request, reply) => {
      const { user, oneTimePassword } = await createUser(contextOf(request, dependencies), request.body)
      return reply.status(201).send({ user, oneTimePassword })
    },
  )
  app.get(
    '/users/:id',
    {
      config: { access: 'user:read' },
      schema: { tags, operationId: 'getUser', summary: 'One user', params: numericIdParams, response: { 200: user } },
    },
    async (request) => getUser(contextOf(request, dependencies), request.params.id),
  )
  app.patch(
    '/users/:id',
    {
      config: { access: 'user:write', conditional: true },
      schema: {
        tags,
        operationId: 'changeUser',
        summary: 'Change name, role, unit or activity',
        params: numericIdParams,
        body: userChange,
        response: { 200: user },
      },
    },
    async (request) => updateUser(contextOf(request, dependencies), { id: request.params.id, ...request.body }),
  )
  app.delete(
    '/users/:id',
    {
      config: { access: 'user:write', conditional: true },
      schema: {
        tags,
        operationId: 'removeUser',
        summary: 'Disable a user and end all sessions; nobody is deleted, the audit names them',
        params: numericIdParams,
        response: { 204: noContent },
      },
    },
    async (request, reply) => {
      await updateUser(contextOf(request, dependencies), { id: request.params.id, disabled: true })
      return reply.status(204).send(null)
    },
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
    async (request) => {
      const context = contextOf(request, dependencies)
      const { oneTimePassword } = await resetPassword(context, request.params)
      return { user: await getUser(context, request.params.id), oneTimePassword }
    },
  )
  app.post(
    '/users/:id/remove-totp',
    {
      config: { access: 'user:write' },
      schema: {
        tags,
        operationId: 'removeTotpOf',
        summary: 'Take away the second factor of someone who lost the device; all sessions end',
        params: numericIdParams,
        response: { 204: noContent },
      },
    },
    async (request, reply) => {
      await removeTotp(contextOf(request, dependencies), { userId: request.params.id })
      return reply.status(204).send(null)
    },
  )
}
