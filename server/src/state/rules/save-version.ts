import { isDeepStrictEqual } from 'node:util'
import { and, eq } from 'drizzle-orm'
import { z } from 'zod'
import { rules, ruleVersions } from '../../seams/store/schema/rules.ts'
import { parseInput } from '../input.ts'
import { rootUnitPath } from '../units/unit.ts'
import { type Context, requireScope, write } from '../write.ts'
import { lockRule, nextRuleRevision, ruleIdText, ruleOf, type StoredRule, versionParts } from './rule.ts'

const saveRuleVersionInput = z.strictObject({
  id: ruleIdText,
  /** Of the rule as the actor saw it. */
  expectedRevision: z.number().int(),
  ...versionParts,
})

/**
 * Adds a version to a rule, as its draft; what runs goes on running. The same text and samples add nothing. Throws
 * NOT_FOUND, CHANGED_MEANWHILE when somebody changed the rule meanwhile.
 */
export async function saveRuleVersion(
  context: Context,
  input: z.input<typeof saveRuleVersionInput>,
): Promise<StoredRule> {
  const { id, expectedRevision, ...parts } = parseInput(saveRuleVersionInput, input)
  const { actor, clock } = context
  return write(context, { action: 'rule.save', permission: 'rule:draft' }, async (transaction) => {
    requireScope(actor, rootUnitPath, `rule:${id}`)
    const revision = await nextRuleRevision(transaction)
    const before = await lockRule(transaction, context, id, expectedRevision)
    const [head] = await transaction
      .select()
      .from(ruleVersions)
      .where(and(eq(ruleVersions.ruleId, id), eq(ruleVersions.version, before.headVersion)))
    const unchanged = head?.yaml === parts.yaml && isDeepStrictEqual(head.samples, parts.samples)
    const target = `rule:${id}`
    if (unchanged) return { result: ruleOf(before), target, unitPath: rootUnitPath, unchanged }
    const now = new Date(clock.now())
    const version = before.headVersion + 1
    await transaction
      .insert(ruleVersions)
      .values({ ruleId: id, version, ...parts, createdAt: now, createdBy: actor.name })
    const [row] = await transaction
      .update(rules)
      .set({ headVersion: version, revision, updatedAt: now })
      .where(eq(rules.id, id))
      .returning()
    return { result: ruleOf(row!), target, unitPath: rootUnitPath, detail: { version, note: parts.note } }
  })
}
