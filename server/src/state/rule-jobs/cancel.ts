import { eq } from 'drizzle-orm'
import { z } from 'zod'
import { ruleJobs } from '../../seams/store/schema/rules.ts'
import { covers } from '../actor.ts'
import { idNumber, parseInput } from '../input.ts'
import { type Context, write } from '../write.ts'
import { jobNotFound, type RuleJob } from './job.ts'

const cancelInput = z.strictObject({ id: idNumber })

/** Ends a job that waits or runs; one that ended stays as it is. Throws NOT_FOUND. */
export async function cancelRuleJob(context: Context, input: z.input<typeof cancelInput>): Promise<RuleJob> {
  const { id } = parseInput(cancelInput, input)
  const { actor, clock } = context
  return write(context, { action: 'rule-job.cancel', permission: 'rule:draft' }, async (transaction) => {
    const [row] = await transaction.select().from(ruleJobs).where(eq(ruleJobs.id, id)).for('update')
    if (!row || !covers(actor, row.unitPath)) throw jobNotFound(id)
    const target = `rule-job:${id}`
    const isOpen = row.status === 'waiting' || row.status === 'running'
    if (!isOpen) return { result: row, target, unitPath: row.unitPath, unchanged: true }
    const [ended] = await transaction
      .update(ruleJobs)
      .set({ status: 'cancelled', endedAt: new Date(clock.now()) })
      .where(eq(ruleJobs.id, id))
      .returning()
    return { result: ended!, target, unitPath: row.unitPath }
  })
}
