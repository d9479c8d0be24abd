import type { FastifyRequest } from 'fastify'
import type { Logsource } from '../detect/sigma/document.ts'
import { countRuleFirings, type RuleFirings } from '../state/overview/rule-firings.ts'
import { loadRuleStates } from '../state/rules/load-states.ts'
import { contextOf } from './context.ts'
import type { Dependencies } from './dependencies.ts'
import type { CannotFire, ReadinessJudge } from './readiness.ts'
import type { RuleEntry } from './rule-book.ts'

export interface RuleStatus extends RuleFirings {
  enabled: boolean
  /** Of the switching; 0 while nobody switched it. */
  version: number
  canFire: boolean
  /** Codes of `cannotFire`, each once. */
  cannotFireReasons: CannotFire['code'][]
  cannotFire: CannotFire[]
}

/** What the lists of rules show beside the rule: switched on, how often it fired, whether it can fire now for the reader's units. */
export class RuleStatuses {
  readonly #judge: ReadinessJudge
  readonly #dependencies: Dependencies

  constructor(judge: ReadinessJudge, dependencies: Dependencies) {
    this.#judge = judge
    this.#dependencies = dependencies
  }

  /** Log sources of the events of the last days, in the reader's units. */
  seen(request: FastifyRequest): Promise<Logsource[]> {
    return this.#judge.seen(contextOf(request, this.#dependencies))
  }

  async of(request: FastifyRequest): Promise<(rule: RuleEntry) => RuleStatus> {
    const context = contextOf(request, this.#dependencies)
    const [states, firings, judge] = await Promise.all([
      loadRuleStates(this.#dependencies.database),
      request.actor.permissions.has('detection:read') ? countRuleFirings(context) : new Map<string, RuleFirings>(),
      this.#judge.judge(context),
    ])
    return (rule) => {
      const cannotFire = judge(rule)
      return {
        ...(firings.get(rule.id) ?? { lastFiredAt: null, firedCount: 0, firedCountLastDay: 0 }),
        enabled: states.get(rule.id)?.enabled ?? true,
        version: states.get(rule.id)?.version ?? 0,
        canFire: cannotFire.length === 0,
        cannotFireReasons: [...new Set(cannotFire.map(({ code }) => code))],
        cannotFire,
      }
    }
  }
}
