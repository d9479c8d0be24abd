import { and, eq } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { rulePromotions, rules, ruleVersions } from '../../seams/store/schema/rules.ts'
import { noteText, parseInput } from '../input.ts'
import { rootUnitPath } from '../units/unit.ts'
import { type Context, requireScope, write } from '../write.ts'
import { lockRule, nextRuleRevision, ruleIdText, ruleOf, type StoredRule } from './rule.ts'

const promoteRuleInput = z.strictObject({
  id: ruleIdText,
  stage: z.enum(['test', 'live']),
  /** Null takes the rule out of the stage; an older version is a rollback. */
  version: z.number().int().positive().nullable(),
  expectedRevision: z.number().int(),
  note: noteText(1_000).default(''),
  /** What was known when it was done: how samples fared, what a back-test told. */
  evidence: z.record(z.string().max(64), z.unknown()).default({}),
})

/**
 * Puts a version of a rule on trial or in force, in place of the one that is there; a version that goes into force leaves its
 * trial. Throws NOT_FOUND, CHANGED_MEANWHILE when somebody changed the rule meanwhile, RULE_INVALID for a text that was found wrong.
 */
export async function promoteRule(context: Context, input: z.input<typeof promoteRuleInput>): Promise<StoredRule> {
  const { id, stage, version, expectedRevision, note, evidence } = parseInput(promoteRuleInput, input)
  const { actor, clock } = context
  const action = version === null ? 'rule.withdraw' : 'rule.promote'
  return write(context, { action, permission: 'rule:write' }, async (transaction) => {
    requireScope(actor, rootUnitPath, `rule:${id}`)
    const revision = await nextRuleRevision(transaction)
    const before = await lockRule(transaction, context, id, expectedRevision)
    if (version !== null) {
      const [found] = await transaction
        .select()
        .from(ruleVersions)
        .where(and(eq(ruleVersions.ruleId, id), eq(ruleVersions.version, version)))
      if (!found) throw new CodedError('NOT_FOUND', `rule:${id} has no version ${version}`, { target: `rule:${id}` })
      const wrong = found.check.problems.find(({ severity }) => severity === 'error')
      if (wrong) throw new CodedError('RULE_INVALID', wrong.message, { ...wrong })
    }
    const now = new Date(clock.now())
    const replaced = stage === 'test' ? before.testVersion : before.liveVersion
    const unchanged = replaced === version
    const next = { testVersion: before.testVersion, liveVersion: before.liveVersion }
    if (stage === 'test') next.testVersion = version
    else {
      next.liveVersion = version
      if (version !== null && version === before.testVersion) next.testVersion = null
    }
    const [row] = unchanged
      ? [before]
      : await transaction
          .update(rules)
          .set({ ...next, revision, updatedAt: now })
          .where(eq(rules.id, id))
          .returning()
    if (!unchanged)
      await transaction
        .insert(rulePromotions)
        .values({ ruleId: id, stage, version, before: replaced, note, evidence, at: now, by: actor.name })
    return {
      result: ruleOf(row!),
      target: `rule:${id}`,
      unitPath: rootUnitPath,
      detail: { stage, version, before: replaced, note },
      unchanged,
    }
  })
}
