import { and, eq, inArray, isNull } from 'drizzle-orm'
import { z } from 'zod'
import { rulePromotions, rules, ruleVersions } from '../../seams/store/schema/rules.ts'
import { noteText, parseInput } from '../input.ts'
import { rootUnitPath } from '../units/unit.ts'
import { type Context, requireScope, write } from '../write.ts'
import { nextRuleRevision, ruleIdText } from './rule.ts'

const promoteManyInput = z.strictObject({
  ids: z.array(ruleIdText).min(1).max(20_000),
  /** `draft` takes them out of both stages. */
  stage: z.enum(['draft', 'test', 'live']),
  note: noteText(1_000).default(''),
})

const rowsAtOnce = 500

/**
 * Puts the newest version of many stored rules in a stage, or takes them out, in one transaction. Those that are not stored,
 * have a mistake, or are there already are left as they are. Answers the ids that were changed.
 */
export async function promoteRules(context: Context, input: z.input<typeof promoteManyInput>): Promise<string[]> {
  const { ids, stage, note } = parseInput(promoteManyInput, input)
  const { actor, clock } = context
  return write(context, { action: 'rule.promote-many', permission: 'rule:write' }, async (transaction) => {
    requireScope(actor, rootUnitPath, 'rule:many')
    const revision = await nextRuleRevision(transaction)
    const now = new Date(clock.now())
    const changed: string[] = []
    for (let at = 0; at < ids.length; at += rowsAtOnce) {
      const found = await transaction
        .select({ rule: rules, check: ruleVersions.check })
        .from(rules)
        .innerJoin(ruleVersions, and(eq(ruleVersions.ruleId, rules.id), eq(ruleVersions.version, rules.headVersion)))
        .where(and(inArray(rules.id, ids.slice(at, at + rowsAtOnce)), isNull(rules.removedAt)))
      for (const { rule, check } of found) {
        const isWrong = check.problems.some(({ severity }) => severity === 'error')
        const head = rule.headVersion
        const next =
          stage === 'draft'
            ? { testVersion: null, liveVersion: null }
            : stage === 'test'
              ? { testVersion: head, liveVersion: rule.liveVersion }
              : { testVersion: null, liveVersion: head }
        const isSame = next.testVersion === rule.testVersion && next.liveVersion === rule.liveVersion
        if (isSame || (isWrong && stage !== 'draft')) continue
        changed.push(rule.id)
        await transaction
          .update(rules)
          .set({ ...next, revision, updatedAt: now })
          .where(eq(rules.id, rule.id))
        const from = stage === 'test' ? rule.testVersion : rule.liveVersion
        await transaction.insert(rulePromotions).values({
          ...{ ruleId: rule.id, stage: stage === 'test' ? 'test' : 'live', before: from, note, evidence: {} },
          ...{ version: stage === 'draft' ? null : head, at: now, by: actor.name },
        })
      }
    }
    return {
      result: changed,
      target: 'rule:many',
      unitPath: rootUnitPath,
      detail: { stage, note, rules: changed.length, some: changed.slice(0, 50) },
      unchanged: changed.length === 0,
    }
  })
}
