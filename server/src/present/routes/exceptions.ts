import { z } from 'zod'
import { createException } from '../../state/exceptions/create.ts'
import { getException } from '../../state/exceptions/get.ts'
import { listExceptions } from '../../state/exceptions/list.ts'
import { previewException } from '../../state/exceptions/preview.ts'
import { removeException } from '../../state/exceptions/remove.ts'
import { updateException } from '../../state/exceptions/update.ts'
import type { App } from '../app.ts'
import { contextOf } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { flag, listOf, noContent, numericIdParams, pageQuery, time } from '../schemas/common.ts'
import { paged } from '../schemas/paged.ts'
import {
  exception,
  exceptionChange,
  exceptionDetail,
  exceptionInput,
  exceptionPreview,
  exceptionPreviewInput,
} from '../schemas/work.ts'

export function exceptionRoutes(app: App, dependencies: Dependencies): void {
  const tags = ['exceptions']
  app.get(
    '/exceptions',
    {
      config: { access: 'detection:read' },
      schema: {
        tags,
        operationId: 'listExceptions',
        summary: 'What is silenced, by whom, until when',
        querystring: pageQuery.extend({
          rule: z.string().max(256).optional(),
          text: z.string().max(200).optional(),
          active: flag.optional(),
        }),
        response: { 200: listOf(exception) },
      },
    },
    async (request) => listExceptions(contextOf(request, dependencies), paged(request.query)),
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
    async (request, reply) => {
      const input = { ...request.body, expiresAt: new Date(request.body.expiresAt) }
      return reply.status(201).send(await createException(contextOf(request, dependencies), input))
    },
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
        response: { 200: exceptionDetail },
      },
    },
    async (request) => getException(contextOf(request, dependencies), request.params),
  )
  app.patch(
    '/exceptions/:id',
    {
      config: { access: 'exception:write', conditional: true },
      schema: {
        tags,
        operationId: 'changeException',
        summary: 'Change an exception',
        params: numericIdParams,
        body: exceptionChange,
        response: { 200: exception },
      },
    },
    async (request) => {
      const { expiresAt, ...change } = request.body
      return updateException(contextOf(request, dependencies), {
        ...request.params,
        ...change,
        expiresAt: time(expiresAt),
      })
    },
  )
  app.delete(
    '/exceptions/:id',
    {
      config: { access: 'exception:write', conditional: true },
      schema: {
        tags,
        operationId: 'removeException',
        summary: 'Remove an exception',
        params: numericIdParams,
        response: { 204: noContent },
      },
    },
    async (request, reply) => {
      await removeException(contextOf(request, dependencies), request.params)
      return reply.status(204).send(null)
    },
  )
  app.post(
    '/exceptions/preview',
    {
      config: { access: 'detection:read' },
      schema: {
        tags,
        operationId: 'previewException',
        summary: 'What an exception would have hidden lately; changes nothing',
        body: exceptionPreviewInput,
        response: { 200: exceptionPreview },
      },
    },
    async (request) => previewException(contextOf(request, dependencies), request.body),
  )
}
