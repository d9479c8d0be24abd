import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Logsource } from '../detect/sigma/document.ts'
import { ExpiringMap } from '../lib/expiring-map.ts'
import { observedCombinations } from '../state/events/observed.ts'
import { indicatorTypesInForce } from '../state/indicators/types-in-force.ts'
import { countRuleFirings, type RuleFirings } from '../state/overview/rule-firings.ts'
import { listRuleStates } from '../state/rules/list-state.ts'
import type { RuleState } from '../state/rules/load-states.ts'
import { contextOf, eventsContextOf } from './context.ts'
import type { Dependencies } from './dependencies.ts'
import { looksAt, type OpenRuleBook, type RuleBook, type RuleEntry } from './rule-book.ts'

/** How long ago a source may have been heard to count as there. */
const lookBackMs = 7 * 86_400_000
/** What kinds of event there are changes slowly, and asking costs a pass over the events. */
const rememberedMs = 60_000

export type CannotFireReason = 'refused' | 'disabled' | 'draft' | 'no_source' | 'no_indicator' | 'part_cannot_fire'

export interface RuleStatus extends RuleFirings {
  enabled: boolean
  /** Of the switching; 0 while nobody switched it. */
  version: number
  canFire: boolean
  cannotFireReasons: CannotFireReason[]
}

/** What is there for rules to fire on. */
interface Known {
  logsources: readonly Logsource[]
  indicatorTypes: ReadonlySet<string>
}

/** Whether each rule can fire now, for the reader's units, and why not. */
export class RuleStatuses {
  readonly #book: OpenRuleBook
  readonly #dependencies: Dependencies
  readonly #logsources = new ExpiringMap<Logsource[]>(1000, rememberedMs)

  constructor(book: OpenRuleBook, dependencies: Dependencies) {
    this.#book = book
    this.#dependencies = dependencies
  }

  async of(request: FastifyRequest, reply: FastifyReply): Promise<(rule: RuleEntry) => RuleStatus> {
    const context = contextOf(request, this.#dependencies)
    const book = await this.#book()
    const [states, firings, logsources, indicatorTypes] = await Promise.all([
      this.#switched(request),
      request.actor.permissions.has('detection:read') ? countRuleFirings(context) : new Map<string, RuleFirings>(),
      this.seen(request, reply, book),
      indicatorTypesInForce(context),
    ])
    const known: Known = { logsources, indicatorTypes }
    const enabled = (id: string) => states.get(id)?.enabled ?? true
    return (rule) => {
      const cannotFireReasons = this.#reasons(rule, known, enabled, book)
      return {
        ...(firings.get(rule.id) ?? { lastFiredAt: null, firedCount: 0, firedCountLastDay: 0 }),
        enabled: enabled(rule.id),
        version: states.get(rule.id)?.version ?? 0,
        canFire: cannotFireReasons.length === 0,
        cannotFireReasons,
      }
    }
  }

  async #switched(request: FastifyRequest): Promise<Map<string, RuleState>> {
    const switched = new Map<string, RuleState>()
    let cursor: string | undefined
    do {
      const page = await listRuleStates(contextOf(request, this.#dependencies), { limit: 500, cursor })
      for (const state of page.items) switched.set(state.ruleId, state)
      cursor = page.next ?? undefined
    } while (cursor !== undefined)
    return switched
  }

  /** Log sources of the events of the last days, in the reader's units. */
  async seen(request: FastifyRequest, reply: FastifyReply, book: RuleBook): Promise<Logsource[]> {
    const { clock } = this.#dependencies
    const key = request.actor.unitPath
    const known = this.#logsources.get(key, clock.now())
    if (known) return known
    const { routingFields, logsourcesOf } = book
    const context = eventsContextOf(request, reply, this.#dependencies)
    const found = logsourcesOf(await observedCombinations(context, { fields: routingFields, lastMs: lookBackMs }))
    this.#logsources.set(key, found, clock.now())
    return found
  }

  #reasons(rule: RuleEntry, known: Known, enabled: (id: string) => boolean, book: RuleBook): CannotFireReason[] {
    if (rule.problems.length > 0) return ['refused']
    const reasons: CannotFireReason[] = enabled(rule.id) ? [] : ['disabled']
    if (rule.stage === 'draft') reasons.push('draft')
    if (rule.kind === 'intel') {
      if (!rule.indicatorTypes.some((type) => known.indicatorTypes.has(type))) reasons.push('no_indicator')
      return reasons
    }
    if (rule.kind === 'analytic') return reasons
    if (rule.kind === 'detection') {
      if (!looksAt(rule, known.logsources)) reasons.push('no_source')
      return reasons
    }
    const { rules } = book
    const parts = rule.parts.map((part) => rules.get(part)).filter((part) => part !== undefined)
    if (parts.length < rule.parts.length) return reasons
    if (parts.some((part) => this.#reasons(part, known, enabled, book).length > 0)) reasons.push('part_cannot_fire')
    return reasons
  }
}
