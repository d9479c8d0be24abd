import { eq, sql } from 'drizzle-orm'
import { z } from 'zod'
import { ruleChanges, ruleStates } from '../../seams/store/schema/rules.ts'
import { noteText, parseInput } from '../input.ts'
import { rootUnitPath } from '../units/unit.ts'
import { requireVersion } from '../version.ts'
import { type Context, requireScope, write } from '../write.ts'
import type { RuleState } from './load-states.ts'

const setRuleEnabledInput = z.strictObject({
  ruleId: z.string().regex(/^[\w.:-]{1,128}$/),
  enabled: z.boolean(),
  note: noteText(1_000).default(''),
})

/**
 * Switches a rule on or off for the whole platform. Whether a rule of that id is loaded is the caller's to know. Throws
 * FORBIDDEN without `rule:write`, NOT_FOUND for whoever does not belong to the root unit.
 */
export async function setRuleEnabled(context: Context, input: z.input<typeof setRuleEnabledInput>): Promise<RuleState> {
  const { ruleId, enabled, note } = parseInput(setRuleEnabledInput, input)
  const { actor, clock } = context
  return write(
    context,
    { action: enabled ? 'rule.enable' : 'rule.disable', permission: 'rule:write' },
    async (transaction) => {
      requireScope(actor, rootUnitPath, `rule:${ruleId}`)
      // The row may not be there yet to be locked.
      await transaction.execute(sql`SELECT pg_advisory_xact_lock(hashtext('rule_states'))`)
      const [before] = await transaction.select().from(ruleStates).where(eq(ruleStates.ruleId, ruleId)).for('update')
      const version = before?.version ?? 0
      await requireVersion(transaction, context, `rule:${ruleId}`, version)
      const switching = { ruleId, enabled, note, changedAt: new Date(clock.now()), changedBy: actor.name }
      const state = { ...switching, version: version + 1 }
      const unchanged = before?.enabled === enabled && before.note === note
      if (!unchanged) {
        await transaction.insert(ruleStates).values(state).onConflictDoUpdate({ target: ruleStates.ruleId, set: state })
        await transaction.insert(ruleChanges).values(switching)
      }
      const result = unchanged ? before : state
      return {
        result,
        target: `rule:${ruleId}`,
        unitPath: rootUnitPath,
        detail: { before: before?.enabled ?? null, note },
        unchanged,
      }
    },
  )
}
