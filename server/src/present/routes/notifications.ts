import { z } from 'zod'
import type { App } from '../app.ts'
import { pending } from '../pending.ts'
import { listOf, manyOf, noContent, numericIdParams, pageQuery } from '../schemas/common.ts'
import { channel, channelInput, delivery } from '../schemas/work.ts'

export function notificationRoutes(app: App): void {
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
    pending,
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
    pending,
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
    pending,
  )
  app.patch(
    '/notifications/channels/:id',
    {
      config: change,
      schema: {
        tags,
        operationId: 'changeChannel',
        summary: 'Change a channel; secrets left out stay as they are',
        params: numericIdParams,
        body: channelInput.omit({ kind: true }).partial(),
        response: { 200: channel },
      },
    },
    pending,
  )
  app.delete(
    '/notifications/channels/:id',
    {
      config: change,
      schema: {
        tags,
        operationId: 'removeChannel',
        summary: 'Remove a channel',
        params: numericIdParams,
        response: { 204: noContent },
      },
    },
    pending,
  )
  app.post(
    '/notifications/channels/:id/test',
    {
      config: change,
      schema: {
        tags,
        operationId: 'testChannel',
        summary: 'Send a test message now and say how it went',
        params: numericIdParams,
        response: { 200: z.object({ delivered: z.boolean(), message: z.string() }) },
      },
    },
    pending,
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
    pending,
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
    pending,
  )
}
