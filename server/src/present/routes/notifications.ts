import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { createChannel, type createChannelInput } from '../../state/notifications/create.ts'
import { getChannel } from '../../state/notifications/get.ts'
import { listChannels } from '../../state/notifications/list.ts'
import { listDeliveries } from '../../state/notifications/list-deliveries.ts'
import { removeChannel } from '../../state/notifications/remove.ts'
import { retryDelivery } from '../../state/notifications/retry-delivery.ts'
import { testChannel } from '../../state/notifications/test.ts'
import { updateChannel } from '../../state/notifications/update.ts'
import type { App } from '../app.ts'
import { contextOf } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { listOf, manyOf, noContent, numericIdParams, pageQuery } from '../schemas/common.ts'
import { paged } from '../schemas/paged.ts'
import { channel, channelChange, channelInput, delivery } from '../schemas/work.ts'

export function notificationRoutes(app: App, dependencies: Dependencies): void {
  const tags = ['notifications']
  const read = { access: 'notification:read' } as const
  const change = { access: 'notification:write' } as const
  app.get(
    '/notifications/channels',
    {
      config: read,
      schema: {
        tags,
        operationId: 'listChannels',
        summary: 'Where incidents are sent',
        querystring: pageQuery,
        response: { 200: listOf(channel) },
      },
    },
    async (request) => listChannels(contextOf(request, dependencies), paged(request.query)),
  )
  app.post(
    '/notifications/channels',
    {
      config: change,
      schema: {
        tags,
        operationId: 'createChannel',
        summary: 'Add a channel',
        body: channelInput,
        response: { 201: channel },
      },
    },
    async (request, reply) => {
      const input = request.body as z.input<typeof createChannelInput>
      return reply.status(201).send(await createChannel(contextOf(request, dependencies), dependencies.keys, input))
    },
  )
  app.get(
    '/notifications/channels/:id',
    {
      config: read,
      schema: {
        tags,
        operationId: 'getChannel',
        summary: 'One channel',
        params: numericIdParams,
        response: { 200: channel },
      },
    },
    async (request) => getChannel(contextOf(request, dependencies), request.params),
  )
  app.patch(
    '/notifications/channels/:id',
    {
      config: { ...change, conditional: true },
      schema: {
        tags,
        operationId: 'changeChannel',
        summary: 'Change a channel; secrets left out stay as they are',
        params: numericIdParams,
        body: channelChange,
        response: { 200: channel },
      },
    },
    async (request) =>
      updateChannel(contextOf(request, dependencies), dependencies.keys, { ...request.params, ...request.body }),
  )
  app.delete(
    '/notifications/channels/:id',
    {
      config: { ...change, conditional: true },
      schema: {
        tags,
        operationId: 'removeChannel',
        summary: 'Remove a channel',
        params: numericIdParams,
        response: { 204: noContent },
      },
    },
    async (request, reply) => {
      await removeChannel(contextOf(request, dependencies), request.params)
      return reply.status(204).send(null)
    },
  )
  app.post(
    '/notifications/channels/:id/test',
    {
      config: change,
      schema: {
        tags,
        operationId: 'testChannel',
        summary: 'Send a test message the way every other goes; look at the delivery for how it went',
        params: numericIdParams,
        response: { 200: z.object({ deliveryId: z.number().int() }) },
      },
    },
    async (request) => ({ deliveryId: await testChannel(contextOf(request, dependencies), request.params) }),
  )
  app.get(
    '/notifications/deliveries',
    {
      config: read,
      schema: {
        tags,
        operationId: 'listDeliveries',
        summary: 'What was sent, and what failed',
        querystring: pageQuery.extend({
          state: manyOf(delivery.shape.state),
          channel: z.coerce.number().int().min(1).optional(),
          incident: z.coerce.number().int().min(1).optional(),
        }),
        response: { 200: listOf(delivery) },
      },
    },
    async (request) => {
      const { channel: channelId, incident: incidentId, ...query } = request.query
      return listDeliveries(contextOf(request, dependencies), { ...paged(query), channelId, incidentId })
    },
  )
  app.post(
    '/notifications/deliveries/:id/retry',
    {
      config: change,
      schema: {
        tags,
        operationId: 'retryDelivery',
        summary: 'Send again now',
        params: numericIdParams,
        response: { 200: delivery },
      },
    },
    async (request) => {
      const context = contextOf(request, dependencies)
      await retryDelivery(context, request.params)
      const [found] = (await listDeliveries(context, { ...request.params, limit: 1 })).items
      if (!found) throw new CodedError('NOT_FOUND', `delivery:${request.params.id} was not found`)
      return found
    },
  )
}
