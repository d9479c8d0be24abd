import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { resolveRange } from '../../state/events/range.ts'
import { listRuleStates } from '../../state/rules/list-state.ts'
import { getRun } from '../../state/runs/get.ts'
import { listRuns } from '../../state/runs/list.ts'
import { listWindows } from '../../state/runs/list-windows.ts'
import { requestWindow } from '../../state/runs/request-window.ts'
import { openWindows } from '../../state/runs/windows.ts'
import type { App } from '../app.ts'
import { contextOf, tell } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import type { OpenRuleBook } from '../rule-book.ts'
import {
  listOf,
  manyOf,
  noContent,
  numericId,
  numericIdParams,
  pageQuery,
  textIdParams,
  timeInput,
} from '../schemas/common.ts'
import { paged } from '../schemas/paged.ts'
import { analytic, run } from '../schemas/proof.ts'

const listQuery = pageQuery.extend({
  kind: manyOf(z.enum(['analytic', 'backtest'])),
  state: manyOf(z.enum(['running', 'succeeded', 'failed', 'cancelled', 'lost'])),
  cause: manyOf(z.enum(['scheduled', 'catch_up', 'late', 'manual'])),
  subject: z.string().max(256).optional().describe('Id of the analytic or the rule.'),
  text: z.string().max(200).optional(),
  unitId: numericId.optional(),
  from: timeInput.optional().describe('Windows that reach into this time.'),
  to: timeInput.optional(),
})

/** The ledger of runs over history, and the windows that analytics have to answer for. */
export function runRoutes(app: App, dependencies: Dependencies, book: OpenRuleBook): void {
  const tags = ['runs']
  const { clock } = dependencies

  app.get(
    '/runs',
    {
      config: { access: 'rule:read' },
      schema: {
        tags,
        operationId: 'listRuns',
        summary: 'Every run over stored events, the latest first',
        querystring: listQuery,
        response: { 200: listOf(run) },
      },
    },
    async (request) => {
      const { subject, from, to, ...query } = request.query
      const range = resolveRange(from ?? 0, to ?? 'now', clock)
      const bounds = {
        from: from === undefined ? undefined : new Date(range.fromMs),
        to: to === undefined ? undefined : new Date(range.toMs),
      }
      return listRuns(contextOf(request, dependencies), { ...paged(query), ...bounds, subjectId: subject })
    },
  )
  app.get(
    '/runs/:id',
    {
      config: { access: 'rule:read' },
      schema: { tags, operationId: 'getRun', summary: 'One run', params: numericIdParams, response: { 200: run } },
    },
    async (request) => getRun(contextOf(request, dependencies), request.params.id),
  )
  app.get(
    '/analytics',
    {
      config: { access: 'rule:read' },
      schema: {
        tags,
        operationId: 'listAnalytics',
        summary: 'Scheduled detections over history, and which windows they have answered',
        querystring: z.object({ from: timeInput.default('now-7d'), to: timeInput.default('now') }),
        response: { 200: listOf(analytic) },
      },
    },
    async (request) => {
      const context = contextOf(request, dependencies)
      const { analytics } = await book()
      const { fromMs, toMs } = resolveRange(request.query.from, request.query.to, clock)
      const range = { from: new Date(fromMs), to: new Date(toMs) }
      const [states, open, windows] = await Promise.all([
        listRuleStates(context, { ruleIds: analytics.map(({ id }) => id), limit: 500 }),
        openWindows(dependencies.database),
        listWindows(context, { analyticIds: analytics.map(({ id }) => id), ...range }),
      ])
      const switched = new Map(states.items.map(({ ruleId, enabled }) => [ruleId, enabled]))
      const items = analytics.map((one) => ({
        ...one,
        enabled: switched.get(one.id) ?? true,
        open: open.get(one.id)?.due ?? 0,
        givenUp: open.get(one.id)?.givenUp ?? 0,
        openSince: open.get(one.id)?.since ?? null,
        windows: windows
          .filter(({ analyticId }) => analyticId === one.id)
          .map(({ windowFrom, windowTo, ...window }) => ({ ...window, from: windowFrom, to: windowTo })),
      }))
      return { items, total: items.length, next: null }
    },
  )
  app.post(
    '/analytics/:id/run',
    {
      config: { access: 'rule:write' },
      schema: {
        tags,
        operationId: 'runAnalytic',
        summary: 'Run a window again',
        params: textIdParams,
        body: z.object({ from: z.iso.datetime().describe('Where the window begins.') }),
        response: { 204: noContent },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      if (!(await book()).analytics.some((one) => one.id === id))
        throw new CodedError('NOT_FOUND', `analytic:${id} was not found`, { target: `analytic:${id}` })
      await requestWindow(contextOf(request, dependencies), { analyticId: id, windowFrom: new Date(request.body.from) })
      tell(dependencies, { noun: 'run', id, action: 'requested' })
      return reply.status(204).send(null)
    },
  )
}
