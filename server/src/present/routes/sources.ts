import { z } from 'zod'
import type { App } from '../app.ts'
import { pending } from '../pending.ts'
import { flag, listOf, pageQuery, textIdParams } from '../schemas/common.ts'
import { parser, source, sourceChange, unparsedRecord } from '../schemas/platform.ts'

export function sourceRoutes(app: App): void {
  const tags = ['sources']
  app.get(
    '/sources',
    {
      config: { access: 'source:read' },
      schema: {
        tags,
        operationId: 'listSources',
        summary: 'Every sender, its parser, rate and silence',
        querystring: pageQuery.extend({ text: z.string().max(200).optional(), silent: flag.optional() }),
        response: { 200: listOf(source) },
      },
    },
    pending,
  )
  app.get(
    '/sources/:id',
    {
      config: { access: 'source:read' },
      schema: {
        tags,
        operationId: 'getSource',
        summary: 'One source',
        params: textIdParams,
        response: { 200: source },
      },
    },
    pending,
  )
  app.patch(
    '/sources/:id',
    {
      config: { access: 'source:write' },
      schema: {
        tags,
        operationId: 'changeSource',
        summary: 'Name it, pin its parser, give it to a unit, set its silence alarm',
        params: textIdParams,
        body: sourceChange,
        response: { 200: source },
      },
    },
    pending,
  )
  app.get(
    '/sources/:id/unparsed',
    {
      config: { access: 'event:read' },
      schema: {
        tags,
        operationId: 'listUnparsed',
        summary: 'The newest records of this source that no parser understood',
        params: textIdParams,
        querystring: z.object({ limit: z.coerce.number().int().min(1).max(200).default(20) }),
        response: { 200: listOf(unparsedRecord) },
      },
    },
    pending,
  )
  app.get(
    '/parsers',
    {
      config: { access: 'source:read' },
      schema: {
        tags,
        operationId: 'listParsers',
        summary: 'Parsers that are loaded',
        response: { 200: listOf(parser) },
      },
    },
    pending,
  )
}
