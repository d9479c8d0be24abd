import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { selects } from '../../detect/sigma/logsource.ts'
import { CodedError } from '../../event/errors.ts'
import { covers } from '../../state/actor.ts'
import { getEvents } from '../../state/events/get.ts'
import { asEvent } from '../../state/events/whole-as-event.ts'
import { createRule } from '../../state/rules/create.ts'
import { promoteRule } from '../../state/rules/promote.ts'
import { removeRule } from '../../state/rules/remove.ts'
import type { StoredRule } from '../../state/rules/rule.ts'
import { saveRuleVersion } from '../../state/rules/save-version.ts'
import { getRuleVersion, listRulePromotions, listRuleVersions } from '../../state/rules/versions.ts'
import { rootUnitPath } from '../../state/units/unit.ts'
import type { App } from '../app.ts'
import { contextOf, eventsContextOf, tell } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import type { OpenRuleBook } from '../rule-book.ts'
import type { RuleStatuses } from '../rule-status.ts'
import { noContent, pageQuery, textIdParams } from '../schemas/common.ts'
import { paged } from '../schemas/paged.ts'
import { storedRule } from '../schemas/platform.ts'
import {
  ruleChecked,
  ruleHistory,
  ruleRun,
  ruleRunInput,
  ruleStageInput,
  ruleTextInput,
  ruleVersionInput,
  ruleVersionText,
} from '../schemas/workbench.ts'
import { checkText, describeText, neededFor } from '../workbench/check.ts'
import { correlationsWhy } from '../workbench/correlation-why.ts'
import { explainEvent, firedBy, runSamples } from '../workbench/samples.ts'

const tags = ['rules']

/** Writing, checking and running rule texts, and their way to the stream. */
export function ruleWorkbenchRoutes(
  app: App,
  dependencies: Dependencies,
  book: OpenRuleBook,
  statuses: RuleStatuses,
): void {
  checkRoutes(app, dependencies, book, statuses)
  versionRoutes(app, dependencies, book)
  const { clock, config } = dependencies

  /** What a version is kept with: how checking and its samples fared. */
  async function judged(ruleId: string | undefined, input: z.output<typeof ruleTextInput>) {
    const opened = await book()
    const checked = checkText(opened, ruleId, input.yaml)
    const hasSamples = input.samples.fires.length + input.samples.silent.length > 0
    const isSound = checked.problems.every(({ severity }) => severity !== 'error')
    const surroundings = { zone: config.timeZone, nowMs: clock.now() }
    const ran = hasSamples && isSound ? runSamples(opened, checked, input.samples, surroundings) : undefined
    const sampleResult = ran ? { passed: ran.passed, failed: ran.failed } : null
    return { opened, checked, parts: { ...input, check: { problems: checked.problems }, sampleResult } }
  }

  const changed = (rule: StoredRule, action: string): StoredRule => {
    tell(dependencies, { noun: 'rule', id: rule.id, action })
    return rule
  }

  app.post(
    '/rules',
    {
      config: { access: 'rule:draft' },
      schema: {
        tags,
        operationId: 'createRule',
        summary: 'Keep a new rule as a draft, or an edited copy of a shipped one; its id is in the text',
        body: ruleTextInput,
        response: { 201: storedRule },
      },
    },
    async (request, reply) => {
      const { opened, checked, parts } = await judged(undefined, request.body)
      const id = checked.ruleId
      if (id === undefined)
        throw new CodedError('RULE_INVALID', checked.problems[0]?.message ?? 'The text holds no rule', {
          problems: checked.problems,
        })
      const holder = opened.rules.get(id)
      if (holder && holder.textId !== id)
        throw new CodedError('CONFLICT', `The id is taken by a rule inside another text (${holder.textId})`, { id })
      const origin = opened.shippedTexts.has(id) ? 'override' : 'own'
      const rule = await createRule(contextOf(request, dependencies), { id, origin, ...parts })
      return reply.status(201).send(changed(rule, 'created'))
    },
  )
  app.put(
    '/rules/:id/draft',
    {
      config: { access: 'rule:draft' },
      schema: {
        tags,
        operationId: 'saveRuleDraft',
        summary: 'Add a version; what runs goes on running',
        params: textIdParams,
        body: ruleVersionInput,
        response: { 200: storedRule },
      },
    },
    async (request) => {
      const { id } = request.params
      const { expectedRevision, ...input } = request.body
      const { parts } = await judged(id, input)
      return changed(
        await saveRuleVersion(contextOf(request, dependencies), { id, expectedRevision, ...parts }),
        'changed',
      )
    },
  )
  app.post(
    '/rules/:id/stage',
    {
      config: { access: 'rule:write' },
      schema: {
        tags,
        operationId: 'promoteRule',
        summary: 'Put a version on trial or in force, roll back to an older one, or take it out',
        params: textIdParams,
        body: ruleStageInput,
        response: { 200: storedRule },
      },
    },
    async (request) => {
      const context = contextOf(request, dependencies)
      return changed(await promoteRule(context, { id: request.params.id, ...request.body }), request.body.stage)
    },
  )
  app.delete(
    '/rules/:id',
    {
      config: { access: 'rule:write' },
      schema: {
        tags,
        operationId: 'removeRule',
        summary: 'Take a stored rule out; of an edited copy the shipped rule comes back',
        params: textIdParams,
        querystring: z.object({ expectedRevision: z.coerce.number().int() }),
        response: { 204: noContent },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      await removeRule(contextOf(request, dependencies), { id, ...request.query })
      tell(dependencies, { noun: 'rule', id, action: 'removed' })
      return reply.status(204).send(null)
    },
  )
}

function checkRoutes(app: App, dependencies: Dependencies, book: OpenRuleBook, statuses: RuleStatuses): void {
  const { clock, config } = dependencies
  app.post(
    '/rules/validate',
    {
      config: { access: 'rule:read' },
      schema: {
        tags,
        operationId: 'validateRule',
        summary: 'Check a rule text among the rules that run, without keeping it',
        body: z.object({ yaml: ruleTextInput.shape.yaml, ruleId: z.string().max(128).optional() }),
        response: { 200: ruleChecked },
      },
    },
    async (request) => {
      const opened = await book()
      const checked = checkText(opened, request.body.ruleId, request.body.yaml)
      const seen = await statuses.seen(request)
      const { ruleId, problems } = checked
      return {
        valid: problems.every(({ severity }) => severity !== 'error'),
        problems,
        rules: describeText(checked, opened, (wanted) => seen.some((entry) => selects(wanted, entry))),
        shippedId: ruleId !== undefined && opened.shippedTexts.has(ruleId) ? ruleId : null,
        storedId: ruleId !== undefined && opened.stored.has(ruleId) ? ruleId : null,
      }
    },
  )
  app.post(
    '/rules/samples/run',
    {
      config: { access: 'rule:read' },
      schema: {
        tags,
        operationId: 'runRuleSamples',
        summary: 'Run a rule text on given records and on stored events, and say which parts matched',
        body: ruleRunInput,
        response: { 200: ruleRun },
      },
    },
    async (request, reply) => {
      const opened = await book()
      const { yaml, samples, eventIds } = request.body
      const checked = checkText(opened, undefined, yaml)
      const wrong = checked.tried.refused[0]
      if (wrong) throw new CodedError('RULE_INVALID', wrong.message, { problems: checked.problems })
      const surroundings = { zone: config.timeZone, nowMs: clock.now() }
      const ran = runSamples(opened, checked, samples, surroundings)
      const stored = eventIds.length > 0 ? await storedEvents(request, reply, eventIds) : []
      const set = neededFor(checked.tried)
      const own = new Set(checked.tried.file.documents.map(({ id }) => id))
      const events = stored.map((event) => ({
        ...explainEvent(set.rules, event, opened),
        fired: firedBy(set, own, opened, [event], surroundings.nowMs),
      }))
      const correlations = correlationsWhy(set, (id) => own.has(id), opened, stored)
      return { ...ran, events, correlations }
    },
  )
  async function storedEvents(request: FastifyRequest, reply: FastifyReply, ids: string[]) {
    return (await getEvents(eventsContextOf(request, reply, dependencies), ids)).map(asEvent)
  }
}

function versionRoutes(app: App, dependencies: Dependencies, book: OpenRuleBook): void {
  app.get(
    '/rules/:id/versions',
    {
      config: { access: 'rule:read' },
      schema: {
        tags,
        operationId: 'listRuleVersions',
        summary: 'Versions of a stored rule, newest first, and what was promoted when and by whom',
        params: textIdParams,
        querystring: pageQuery,
        response: { 200: ruleHistory },
      },
    },
    async (request) => {
      const context = contextOf(request, dependencies)
      const { id: ruleId } = request.params
      const [page, promotions] = await Promise.all([
        listRuleVersions(context, { ...paged(request.query), ruleId }),
        listRulePromotions(context, ruleId),
      ])
      return { versions: page.items, next: page.next, promotions }
    },
  )
  app.get(
    '/rules/:id/versions/:version',
    {
      config: { access: 'rule:read' },
      schema: {
        tags,
        operationId: 'getRuleVersion',
        summary: 'One version with its text and samples; version 0 is the shipped text',
        params: textIdParams.extend({ version: z.coerce.number().int().min(0) }),
        response: { 200: ruleVersionText },
      },
    },
    async (request) => {
      const { id, version } = request.params
      const shipped = version === 0 ? (await book()).shippedTexts.get(id) : undefined
      if (shipped) {
        const facts = { ruleId: id, version: 0, note: '', check: { problems: [] }, sampleResult: null }
        return { ...facts, ...shipped, createdAt: new Date(0), createdBy: 'Watchfire', samplesWithheld: false }
      }
      const found = await getRuleVersion(contextOf(request, dependencies), id, version)
      // Samples may be records of any unit.
      const samplesWithheld = !covers(request.actor, rootUnitPath)
      return { ...found, samples: samplesWithheld ? { fires: [], silent: [] } : found.samples, samplesWithheld }
    },
  )
}
