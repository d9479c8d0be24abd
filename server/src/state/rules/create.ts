import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { rules, ruleVersions } from '../../seams/store/schema/rules.ts'
import { parseInput } from '../input.ts'
import { rootUnitPath } from '../units/unit.ts'
import { type Context, requireScope, write } from '../write.ts'
import { nextRuleRevision, ruleIdText, ruleOf, type StoredRule, versionParts } from './rule.ts'

const createRuleInput = z.strictObject({
  /** Id of the first document of the text. */
  id: ruleIdText,
  /** `override`: an edited copy of the shipped rule of this id. */
  origin: z.enum(['own', 'override']),
  ...versionParts,
})

/**
 * Keeps a new rule as a draft; it does not run yet. A rule that was removed comes back with its history. Whether a
 * shipped rule has the id is the caller's to know. Throws CONFLICT when a stored rule has the id, NOT_FOUND outside the root unit.
 */
export async function createRule(context: Context, input: z.input<typeof createRuleInput>): Promise<StoredRule> {
  const { id, origin, ...parts } = parseInput(createRuleInput, input)
  const { actor, clock } = context
  return write(context, { action: 'rule.create', permission: 'rule:draft' }, async (transaction) => {
    requireScope(actor, rootUnitPath, `rule:${id}`)
    const revision = await nextRuleRevision(transaction)
    const [before] = await transaction.select().from(rules).where(eq(rules.id, id)).for('update')
    if (before && before.removedAt === null)
      throw new CodedError('CONFLICT', `There is a rule ${id} already`, { target: `rule:${id}` })
    const now = new Date(clock.now())
    const version = (before?.headVersion ?? 0) + 1
    const facts = { origin, collectionId: null, path: '', headVersion: version, testVersion: null, liveVersion: null }
    const state = { ...facts, revision, updatedAt: now, removedAt: null }
    const [row] = await transaction
      .insert(rules)
      .values({ id, ...state, createdAt: now, createdBy: actor.name })
      .onConflictDoUpdate({ target: rules.id, set: state })
      .returning()
    await transaction
      .insert(ruleVersions)
      .values({ ruleId: id, version, ...parts, createdAt: now, createdBy: actor.name })
    const detail = { origin, version, note: parts.note }
    return { result: ruleOf(row!), target: `rule:${id}`, unitPath: rootUnitPath, detail }
  })
}
