import { and, count, eq, inArray } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { ruleJobs } from '../../seams/store/schema/rules.ts'
import { parseInput } from '../input.ts'
import { ownUnitPath } from '../units/locate.ts'
import { type Context, write } from '../write.ts'
import type { RuleJob } from './job.ts'

const createRuleJobInput = z.strictObject({
  kind: z.enum(['back_test', 'import']),
  ruleId: z.string().max(128).nullable(),
  input: z.record(z.string(), z.unknown()),
})

/** Jobs of one actor that wait or run. */
const openMax = 5

/** Notes a job to be done. Throws RATE_LIMITED when the actor has five that are not done. */
export async function createRuleJob(context: Context, given: z.input<typeof createRuleJobInput>): Promise<RuleJob> {
  const { kind, ruleId, input } = parseInput(createRuleJobInput, given)
  const { actor, clock } = context
  const permission = kind === 'import' ? 'rule:write' : 'event:read'
  return write(context, { action: `rule-job.${kind}`, permission }, async (transaction) => {
    const [open] = await transaction
      .select({ jobs: count() })
      .from(ruleJobs)
      .where(and(eq(ruleJobs.createdBy, actor.name), inArray(ruleJobs.status, ['waiting', 'running'])))
    if (open!.jobs >= openMax)
      throw new CodedError('RATE_LIMITED', `${openMax} jobs of yours are not done yet`, { openMax })
    const unitPath = ownUnitPath(actor)
    const [row] = await transaction
      .insert(ruleJobs)
      .values({
        ...{ kind, ruleId, unitPath, status: 'waiting', input },
        ...{ createdAt: new Date(clock.now()), createdBy: actor.name },
      })
      .returning()
    return { result: row!, target: `rule-job:${row!.id}`, unitPath, detail: { kind, ruleId } }
  })
}
