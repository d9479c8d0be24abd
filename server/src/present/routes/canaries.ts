import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { getCanary } from '../../state/canaries/get.ts'
import { listCanaries } from '../../state/canaries/list.ts'
import { testRule, testSource } from '../../state/canaries/request.ts'
import type { App } from '../app.ts'
import { contextOf, tell } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import type { OpenRuleBook } from '../rule-book.ts'
import { listOf, manyOf, pageQuery, textIdParams } from '../schemas/common.ts'
import { paged } from '../schemas/paged.ts'
import { canary } from '../schemas/proof.ts'

/** Records the platform sends itself to prove that a way is open. */
export function canaryRoutes(app: App, dependencies: Dependencies, book: OpenRuleBook): void {
  const tags = ['canaries']
  const told = (made: { id: string; unitPath: string }) =>
    tell(dependencies, { noun: 'canary', id: made.id, action: 'requested', unitPath: made.unitPath })
  app.get(
    '/canaries',
    {
      config: { access: 'source:read' },
      schema: {
        tags,
        operationId: 'listCanaries',
        summary: 'Canaries of my units, the latest first',
        querystring: pageQuery.extend({
          source: z.string().max(64).optional(),
          rule: z.string().max(256).optional(),
          state: manyOf(z.enum(['waiting', 'running', 'arrived', 'lost', 'interrupted', 'impossible'])),
        }),
        response: { 200: listOf(canary) },
      },
    },
    async (request) => {
      const { source, rule, ...query } = request.query
      return listCanaries(contextOf(request, dependencies), { ...paged(query), sourceId: source, ruleId: rule })
    },
  )
  app.get(
    '/canaries/:id',
    {
      config: { access: 'source:read' },
      schema: {
        tags,
        operationId: 'getCanary',
        summary: 'One canary, with the time of each hop',
        params: textIdParams,
        response: { 200: canary },
      },
    },
    async (request) => getCanary(contextOf(request, dependencies), request.params.id),
  )
  app.post(
    '/sources/:id/test',
    {
      config: { access: 'source:write' },
      schema: {
        tags,
        operationId: 'testSource',
        summary: 'Send a canary through the way of this source now',
        params: textIdParams,
        response: { 202: canary },
      },
    },
    async (request, reply) => {
      const made = await testSource(contextOf(request, dependencies), request.params.id)
      told(made)
      return reply.status(202).send(made)
    },
  )
  app.post(
    '/rules/:id/test',
    {
      config: { access: 'rule:write' },
      schema: {
        tags,
        operationId: 'testRule',
        summary: 'Send the firing sample of this rule through the platform now',
        params: textIdParams,
        response: { 202: canary },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      if (!(await book()).rules.has(id))
        throw new CodedError('NOT_FOUND', `rule:${id} was not found`, { target: `rule:${id}` })
      const made = await testRule(contextOf(request, dependencies), id)
      told(made)
      return reply.status(202).send(made)
    },
  )
}
