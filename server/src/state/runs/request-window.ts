import { and, eq } from 'drizzle-orm'
import { z } from 'zod'
import { CodedError } from '../../event/errors.ts'
import { analyticWindows } from '../../seams/store/schema/runs.ts'
import { parseInput } from '../input.ts'
import { rootUnitPath } from '../units/unit.ts'
import { type Context, requireScope, write } from '../write.ts'

const requestWindowInput = z.strictObject({ analyticId: z.string().min(1).max(100), windowFrom: z.date() })

/**
 * Asks for a window to be run again. Analytics are the whole platform's: throws FORBIDDEN without `rule:write`, NOT_FOUND for
 * whoever does not belong to the root unit and for a window that was never due, CONFLICT for one that waits already.
 */
export async function requestWindow(context: Context, input: z.input<typeof requestWindowInput>): Promise<void> {
  const { analyticId, windowFrom } = parseInput(requestWindowInput, input)
  const target = `analytic:${analyticId}`
  await write(context, { action: 'analytic.run', permission: 'rule:write' }, async (transaction) => {
    requireScope(context.actor, rootUnitPath, target)
    const place = and(eq(analyticWindows.analyticId, analyticId), eq(analyticWindows.windowFrom, windowFrom))
    const [window] = await transaction.select().from(analyticWindows).where(place).for('update')
    if (!window)
      throw new CodedError('NOT_FOUND', `${target} has no window from ${windowFrom.toISOString()}`, { target })
    if (window.state === 'due' && window.nextAttemptAt.getTime() <= context.clock.now())
      throw new CodedError('CONFLICT', 'The window waits to be run already', { target })
    const nextAttemptAt = new Date(context.clock.now())
    await transaction
      .update(analyticWindows)
      .set({ state: 'due', cause: 'manual', attempts: 0, nextAttemptAt })
      .where(place)
    const detail = { windowFrom: windowFrom.toISOString(), before: window.state }
    return { result: undefined, target, unitPath: rootUnitPath, detail }
  })
}
