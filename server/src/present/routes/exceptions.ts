import { z } from 'zod'
import type { App } from '../app.ts'
import { pending } from '../pending.ts'
import { flag, listOf, noContent, numericIdParams, pageQuery } from '../schemas/common.ts'
import { exception, exceptionInput } from '../schemas/work.ts'

export function exceptionRoutes(app: App): void {
  const tags = ['exceptions']
  app.get(
    '/exceptions',
    {
      config: { access: 'detection:read' },
      schema: {
        tags,
        operationId: 'listExceptions',
        summary: 'What is silenced, by whom, until when',
        querystring: pageQuery.extend({ rule: z.string().max(256).optional(), active: flag.optional() }),
        response: { 200: listOf(exception) },
      },
    },
    pending,
  )
  app.post(
    '/exceptions',
    {
      config: { access: 'exception:write' },
      schema: {
        tags,
        operationId: 'createException',
        summary: 'Silence detections that match',
        body: exceptionInput,
        response: { 201: exception },
      },
    },
    pending,
  )
  app.get(
    '/exceptions/:id',
    {
      config: { access: 'detection:read' },
      schema: {
        tags,
        operationId: 'getException',
        summary: 'One exception',
        params: numericIdParams,
        response: { 200: exception },
      },
    },
    pending,
  )
  app.patch(
    '/exceptions/:id',
    {
      config: { access: 'exception:write' },
      schema: {
        tags,
        operationId: 'changeException',
        summary: 'Change an exception',
        params: numericIdParams,
        body: exceptionInput.partial(),
        response: { 200: exception },
      },
    },
    pending,
  )
  app.delete(
    '/exceptions/:id',
    {
      config: { access: 'exception:write' },
      schema: {
        tags,
        operationId: 'removeException',
        summary: 'Remove an exception',
        params: numericIdParams,
        response: { 204: noContent },
      },
    },
    pending,
  )
}
