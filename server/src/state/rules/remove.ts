import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { rules } from '../../seams/store/schema/rules.ts'
import { parseInput } from '../input.ts'
import { rootUnitPath } from '../units/unit.ts'
import { type Context, requireScope, write } from '../write.ts'
import { lockRule, nextRuleRevision, ruleIdText } from './rule.ts'

const removeRuleInput = z.strictObject({ id: ruleIdText, expectedRevision: z.number().int() })

/**
 * Takes a rule out; of an edited copy the shipped rule comes back. Its versions and what it found stay.
 * Throws NOT_FOUND, CHANGED_MEANWHILE, FORBIDDEN.
 */
export async function removeRule(context: Context, input: z.input<typeof removeRuleInput>): Promise<void> {
  const { id, expectedRevision } = parseInput(removeRuleInput, input)
  const { actor, clock } = context
  await write(context, { action: 'rule.remove', permission: 'rule:write' }, async (transaction) => {
    requireScope(actor, rootUnitPath, `rule:${id}`)
    const revision = await nextRuleRevision(transaction)
    const before = await lockRule(transaction, context, id, expectedRevision)
    const now = new Date(clock.now())
    await transaction
      .update(rules)
      .set({ testVersion: null, liveVersion: null, revision, updatedAt: now, removedAt: now })
      .where(eq(rules.id, id))
    const detail = { origin: before.origin, live: before.liveVersion, test: before.testVersion }
    return { result: undefined, target: `rule:${id}`, unitPath: rootUnitPath, detail }
  })
}
