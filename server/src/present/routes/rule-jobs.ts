import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { listExceptions } from '../../state/exceptions/list.ts'
import { cancelRuleJob } from '../../state/rule-jobs/cancel.ts'
import { getRuleJob, listRuleJobs } from '../../state/rule-jobs/list.ts'
import { listRuleFindings } from '../../state/rules/list-findings.ts'
import { requirePermission } from '../../state/write.ts'
import type { App } from '../app.ts'
import { contextOf } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import type { OpenRuleBook, RuleBook } from '../rule-book.ts'
import { listOf, numericIdParams, pageQuery, textIdParams } from '../schemas/common.ts'
import { paged } from '../schemas/paged.ts'
import { backTestInput, backTestJob, ruleFindings, ruleJob } from '../schemas/workbench.ts'
import { backTest, rangeOf } from '../workbench/back-test.ts'
import { checkText } from '../workbench/check.ts'
import type { RuleJobs } from '../workbench/jobs.ts'
import { recordedRun } from '../workbench/recorded.ts'

const tags = ['rules']
/** What the ledger holds of a title. */
const titleMax = 500

/** Back-tests and other long work on rules, and what rules on trial found. */
export function ruleJobRoutes(app: App, dependencies: Dependencies, book: OpenRuleBook, jobs: RuleJobs): void {
  app.post(
    '/rules/back-tests',
    {
      config: { access: 'event:read' },
      schema: {
        tags,
        operationId: 'startBackTest',
        summary: 'Run a rule text over the stored events of the last days; a job that goes on by itself',
        body: backTestInput,
        response: { 202: ruleJob },
      },
    },
    async (request, reply) => {
      const { yaml, ruleId, days } = request.body
      requirePermission(request.actor, 'rule:read')
      const opened = await book()
      const { tried, problems } = checkText(opened, ruleId, yaml)
      const wrong = tried.refused[0]
      if (wrong) throw new CodedError('RULE_INVALID', wrong.message, { problems })
      const context = contextOf(request, dependencies)
      const { items: exceptions } = await listExceptions(context, { active: true, limit: 500 })
      const running = ruleId === undefined ? undefined : runningText(opened, ruleId)
      const { events, clock } = dependencies
      const document = tried.file.documents[0]
      const facts = { kind: 'back_test' as const, ruleId: ruleId ?? null, input: { days, yaml } }
      const job = await jobs.start(context, facts, (tools) => {
        const eventsContext = { events, clock, actor: request.actor, signal: tools.signal }
        const range = rangeOf(days, clock.now())
        const input = { yaml, running, days, exceptions, ...range }
        return recordedRun(
          context,
          {
            subjectId: ruleId ?? document?.id ?? 'new',
            title: (document?.title ?? '').slice(0, titleMax),
            windowFrom: new Date(range.fromMs),
            windowTo: new Date(range.toMs),
          },
          tools.signal,
          () => backTest(eventsContext, opened, input, tools),
        )
      })
      return reply.status(202).send(job)
    },
  )
  app.get(
    '/rule-jobs',
    {
      config: { access: 'rule:read' },
      schema: {
        tags,
        operationId: 'listRuleJobs',
        summary: 'Back-tests and imports of your units, newest first',
        querystring: pageQuery.extend({ ruleId: z.string().max(128).optional(), kind: ruleJob.shape.kind.optional() }),
        response: { 200: listOf(ruleJob) },
      },
    },
    async (request) => listRuleJobs(contextOf(request, dependencies), paged(request.query)),
  )
  app.get(
    '/rule-jobs/:id',
    {
      config: { access: 'rule:read' },
      schema: {
        tags,
        operationId: 'getRuleJob',
        summary: 'How far a job is, and what it found',
        params: numericIdParams,
        response: { 200: ruleJob },
      },
    },
    async (request) => getRuleJob(contextOf(request, dependencies), request.params),
  )
  app.get(
    '/rules/back-tests/:id',
    {
      config: { access: 'event:read' },
      schema: {
        tags,
        operationId: 'getBackTest',
        summary: 'A back-test and what it found',
        params: numericIdParams,
        response: { 200: backTestJob },
      },
    },
    async (request) => {
      const job = await getRuleJob(contextOf(request, dependencies), request.params)
      const target = `back-test:${job.id}`
      if (job.kind !== 'back_test') throw new CodedError('NOT_FOUND', `${target} was not found`, { target })
      return job as z.input<typeof backTestJob>
    },
  )
  app.delete(
    '/rule-jobs/:id',
    {
      config: { access: 'rule:draft' },
      schema: {
        tags,
        operationId: 'cancelRuleJob',
        summary: 'Cancel a job that waits or runs',
        params: numericIdParams,
        response: { 200: ruleJob },
      },
    },
    async (request) => {
      const job = await cancelRuleJob(contextOf(request, dependencies), request.params)
      jobs.abort(job.id)
      return job
    },
  )
  app.get(
    '/rules/:id/findings',
    {
      config: { access: 'detection:read' },
      schema: {
        tags,
        operationId: 'listRuleFindings',
        summary: 'What a rule on trial found; it opened nothing and told nobody',
        params: textIdParams,
        querystring: pageQuery.extend({ days: z.coerce.number().int().min(1).max(90).default(7) }),
        response: { 200: ruleFindings },
      },
    },
    async (request) =>
      listRuleFindings(contextOf(request, dependencies), { ...paged(request.query), ruleId: request.params.id }),
  )
}

/** The text that runs under an id: the operator's, else the shipped one. */
function runningText({ stored, shippedTexts }: RuleBook, ruleId: string): string | undefined {
  return stored.get(ruleId)?.live ?? shippedTexts.get(ruleId)?.yaml
}
