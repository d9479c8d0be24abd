import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { listUnparsed } from '../../state/events/unparsed.ts'
import { getSource } from '../../state/sources/get.ts'
import { listSources } from '../../state/sources/list.ts'
import { sourceSeries } from '../../state/sources/series.ts'
import { updateSource } from '../../state/sources/update.ts'
import type { App } from '../app.ts'
import { contextOf, eventsContextOf, tell } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { readable } from '../readable.ts'
import type { OpenRuleBook } from '../rule-book.ts'
import { flag, listOf, pageQuery, textIdParams } from '../schemas/common.ts'
import { paged } from '../schemas/paged.ts'
import { parser, source, sourceChange, sourceMinute, unparsedRecord } from '../schemas/platform.ts'

export function sourceRoutes(app: App, dependencies: Dependencies, book: OpenRuleBook): void {
  const tags = ['sources']
  app.get(
    '/sources',
    {
      config: { access: 'source:read' },
      schema: {
        tags,
        operationId: 'listSources',
        summary: 'Every sender, its parser, rate and silence',
        querystring: pageQuery.extend({
          text: z.string().max(200).optional(),
          silent: flag.optional(),
          unparsed: flag.optional(),
          enabled: flag.optional(),
          transport: z.string().max(50).optional(),
          parser: z.string().max(100).optional(),
          unitId: z.coerce.number().int().min(1).optional(),
          sort: z.enum(['name', 'lastSeenAt', 'firstSeenAt', 'recordCount', 'parseRate']).optional(),
          direction: z.enum(['asc', 'desc']).optional(),
        }),
        response: { 200: listOf(source) },
      },
    },
    async (request) => listSources(contextOf(request, dependencies), paged(request.query)),
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
    async (request) => getSource(contextOf(request, dependencies), request.params.id),
  )
  app.patch(
    '/sources/:id',
    {
      config: { access: 'source:write', conditional: true },
      schema: {
        tags,
        operationId: 'changeSource',
        summary: 'Name it, pin its parser, give it to a unit, set its silence alarm',
        params: textIdParams,
        body: sourceChange,
        response: { 200: source },
      },
    },
    async (request) => {
      const { parser } = request.body
      const known = (await book()).parsers.some(({ name }) => name === parser)
      if (parser && !known) throw new CodedError('BAD_REQUEST', `There is no parser ${parser}`, { parser })
      const source = await updateSource(contextOf(request, dependencies), { ...request.params, ...request.body })
      tell(dependencies, { noun: 'source', id: source.id, action: 'changed', unitPath: source.unitPath })
      return source
    },
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
    async (request, reply) => {
      const { key: sourceKey } = await getSource(contextOf(request, dependencies), request.params.id)
      const found = await listUnparsed(eventsContextOf(request, reply, dependencies), {
        sourceKey,
        limit: request.query.limit,
      })
      const items = found.items.map(({ raw, ...record }) => ({ ...record, ...readable(raw) }))
      return { items, total: found.total, next: null }
    },
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
    async () => {
      const { parsers } = await book()
      return { items: [...parsers], total: parsers.length, next: null }
    },
  )
  app.get(
    '/sources/:id/series',
    {
      config: { access: 'source:read' },
      schema: {
        tags,
        operationId: 'getSourceSeries',
        summary: 'Records per minute, oldest first; zero where nothing came',
        params: textIdParams,
        querystring: z.object({ minutes: z.coerce.number().int().min(1).max(10_080).default(60) }),
        response: { 200: z.object({ items: z.array(sourceMinute) }) },
      },
    },
    async (request) => {
      const { id } = await getSource(contextOf(request, dependencies), request.params.id)
      const series = await sourceSeries(contextOf(request, dependencies), { ids: [id], minutes: request.query.minutes })
      return { items: series.get(id) ?? [] }
    },
  )
}
