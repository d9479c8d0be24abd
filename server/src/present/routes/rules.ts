import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { type Actor, covers } from '../../state/actor.ts'
import { listRuleHistory } from '../../state/rules/history.ts'
import { promoteRules } from '../../state/rules/promote-many.ts'
import { setRuleEnabled } from '../../state/rules/set-enabled.ts'
import { rootUnitPath } from '../../state/units/unit.ts'
import type { App } from '../app.ts'
import { contextOf, tell } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { type CannotFire, cannotFireCodes, hasStopped } from '../readiness.ts'
import type { OpenRuleBook, RuleEntry } from '../rule-book.ts'
import type { RuleStatus, RuleStatuses } from '../rule-status.ts'
import { flag, listOf, manyOf, pageQuery, severity, textIdParams } from '../schemas/common.ts'
import { rule, ruleDetail } from '../schemas/platform.ts'
import { rulesBulkInput } from '../schemas/workbench.ts'

/** Each switching is an act of its own in the audit. */
const switchedMax = 1_000

type Filter = {
  text?: string
  severity?: string[]
  enabled?: boolean
  canFire?: boolean
  why?: CannotFire['code']
  stopped?: boolean
  technique?: string
  origin?: string[]
  stage?: string[]
  collection?: number
}

function matches(
  rule: RuleEntry & RuleStatus,
  { text, severity: severities, enabled, canFire, why, stopped, technique, origin, stage, collection }: Filter,
): boolean {
  const wanted = text?.toLowerCase()
  const words = [rule.id, rule.title, rule.titleZh, rule.description, rule.descriptionZh].join('\n').toLowerCase()
  return (
    (wanted === undefined || words.includes(wanted)) &&
    (severities === undefined || severities.includes(rule.severity)) &&
    (enabled === undefined || rule.enabled === enabled) &&
    (canFire === undefined || rule.canFire === canFire) &&
    (why === undefined || rule.cannotFire[0]?.code === why) &&
    (stopped === undefined || rule.cannotFire.some(hasStopped) === stopped) &&
    (origin === undefined || origin.includes(rule.origin)) &&
    (stage === undefined || stage.includes(rule.stage)) &&
    (collection === undefined || rule.collectionId === collection) &&
    (technique === undefined || rule.techniques.some((one) => one === technique || one.startsWith(`${technique}.`)))
  )
}

/** Samples of stored rules may be records of any unit: only who sees all of them sees these. */
function samplesFor(actor: Actor, { origin, samples }: RuleEntry): RuleEntry['samples'] {
  return origin === 'shipped' || covers(actor, rootUnitPath) ? samples : { fires: [], silent: [] }
}

function ruleNotFound(id: string): CodedError {
  return new CodedError('NOT_FOUND', `rule:${id} was not found`, { target: `rule:${id}` })
}

export function ruleRoutes(app: App, dependencies: Dependencies, book: OpenRuleBook, statuses: RuleStatuses): void {
  const tags = ['rules']

  async function detail(request: FastifyRequest, id: string) {
    const { rules, stored } = await book()
    const entry = rules.get(id)
    if (!entry) throw ruleNotFound(id)
    const statusOf = await statuses.of(request)
    const history = await listRuleHistory(contextOf(request, dependencies), { ruleId: id })
    return {
      ...entry,
      ...statusOf(entry),
      samples: samplesFor(request.actor, entry),
      history: history.items,
      stored: stored.get(entry.textId)?.rule ?? null,
    }
  }

  app.get(
    '/rules',
    {
      config: { access: 'rule:read' },
      schema: {
        tags,
        operationId: 'listRules',
        summary: 'Rules, and whether each can fire now',
        querystring: pageQuery.extend({
          text: z.string().max(200).optional(),
          severity: manyOf(severity),
          enabled: flag.optional(),
          canFire: flag.optional(),
          why: z
            .enum(cannotFireCodes)
            .optional()
            .describe('First reason why it cannot fire, as `readiness` counts them.'),
          stopped: flag.optional().describe('Could fire and cannot any more, as `readiness` counts them.'),
          technique: z.string().max(20).optional(),
          origin: manyOf(rule.shape.origin),
          stage: manyOf(rule.shape.stage),
          collection: z.coerce.number().int().optional(),
        }),
        response: { 200: listOf(rule) },
      },
    },
    async (request) => {
      const statusOf = await statuses.of(request)
      const { limit, after, ...filter } = request.query
      const { rules } = await book()
      const matching = [...rules.values()]
        .map((entry) => ({ ...entry, ...statusOf(entry) }))
        .filter((entry) => matches(entry, filter))
        .sort((one, other) => (one.id < other.id ? -1 : 1))
      const start = after === undefined ? 0 : matching.findIndex(({ id }) => id > after)
      const items = start < 0 ? [] : matching.slice(start, start + limit)
      const isLast = start < 0 || start + limit >= matching.length
      return { items, total: matching.length, next: isLast ? null : (items.at(-1)?.id ?? null) }
    },
  )
  app.get(
    '/rules/:id',
    {
      config: { access: 'rule:read' },
      schema: {
        tags,
        operationId: 'getRule',
        summary: 'One rule: text, samples, evidence',
        params: textIdParams,
        response: { 200: ruleDetail },
      },
    },
    async (request) => detail(request, request.params.id),
  )
  app.patch(
    '/rules/:id',
    {
      config: { access: 'rule:write', conditional: true },
      schema: {
        tags,
        operationId: 'changeRule',
        summary: 'Switch a rule on or off',
        params: textIdParams,
        body: z.object({ enabled: z.boolean(), note: z.string().max(1000).optional() }),
        response: { 200: ruleDetail },
      },
    },
    async (request) => {
      const { id } = request.params
      if (!(await book()).rules.has(id)) throw ruleNotFound(id)
      await setRuleEnabled(contextOf(request, dependencies), { ruleId: id, ...request.body })
      tell(dependencies, { noun: 'rule', id, action: request.body.enabled ? 'enabled' : 'disabled' })
      return detail(request, id)
    },
  )
  app.post(
    '/rules/bulk',
    {
      config: { access: 'rule:write' },
      schema: {
        tags,
        operationId: 'changeRules',
        summary: 'Switch all rules that match a filter, or put them in a stage',
        body: rulesBulkInput,
        response: { 200: z.object({ matched: z.number().int(), changed: z.number().int() }) },
      },
    },
    async (request) => {
      const { filter, stage, enabled, note } = request.body
      const statusOf = await statuses.of(request)
      const { rules } = await book()
      const found = [...rules.values()].filter((entry) => matches({ ...entry, ...statusOf(entry) }, filter))
      const context = contextOf(request, dependencies)
      const textIds = [...new Set(found.filter(({ origin }) => origin !== 'shipped').map(({ textId }) => textId))]
      let changed = 0
      if (stage !== undefined && textIds.length > 0)
        changed += (await promoteRules(context, { ids: textIds, stage, note })).length
      if (enabled !== undefined) {
        const others = found.filter((entry) => statusOf(entry).enabled !== enabled)
        if (others.length > switchedMax)
          throw new CodedError('TOO_LARGE', `At most ${switchedMax} rules are switched at once`, { switchedMax })
        for (const { id } of others) await setRuleEnabled(context, { ruleId: id, enabled, note })
        changed += others.length
      }
      if (changed > 0) tell(dependencies, { noun: 'rule', id: 'many', action: stage ?? 'changed' })
      return { matched: found.length, changed }
    },
  )
}
