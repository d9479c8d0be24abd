import { and, eq, isNull } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { ruleCollections, rules } from '../../seams/store/schema/rules.ts'
import { idNumber, parseInput } from '../input.ts'
import { rootUnitPath } from '../units/unit.ts'
import { type Context, requireScope, write } from '../write.ts'
import { nextRuleRevision } from './rule.ts'

const removeInput = z.strictObject({ id: idNumber })

/** Takes an imported collection out with all its rules; their versions and what they found stay. Throws NOT_FOUND. */
export async function removeCollection(context: Context, input: z.input<typeof removeInput>): Promise<void> {
  const { id } = parseInput(removeInput, input)
  const { actor, clock } = context
  const target = `rule-collection:${id}`
  await write(context, { action: 'rule-collection.remove', permission: 'rule:write' }, async (transaction) => {
    requireScope(actor, rootUnitPath, target)
    const revision = await nextRuleRevision(transaction)
    const now = new Date(clock.now())
    const [removed] = await transaction
      .update(ruleCollections)
      .set({ removedAt: now, updatedAt: now })
      .where(and(eq(ruleCollections.id, id), isNull(ruleCollections.removedAt)))
      .returning()
    if (!removed) throw new CodedError('NOT_FOUND', `${target} was not found`, { target })
    const gone = await transaction
      .update(rules)
      .set({ testVersion: null, liveVersion: null, revision, updatedAt: now, removedAt: now })
      .where(and(eq(rules.collectionId, id), isNull(rules.removedAt)))
      .returning({ id: rules.id })
    return { result: undefined, target, unitPath: rootUnitPath, detail: { name: removed.name, rules: gone.length } }
  })
}
