import { and, eq } from 'drizzle-orm'
import { z } from 'zod'
import { storableText } from '../../lib/storable-text.ts'
import { runs } from '../../seams/store/schema/runs.ts'
import { idNumber, parseInput } from '../input.ts'
import { withinUnit } from '../scope.ts'
import { translateStoreError } from '../store-error.ts'
import { type Context, requirePermission } from '../write.ts'
import { loadRun, type Run } from './run.ts'

const finishRunInput = z.strictObject({
  id: idNumber,
  state: z.enum(['succeeded', 'failed', 'cancelled']),
  rowsRead: z.number().int().min(0).nullable().default(null),
  matches: z.number().int().min(0).nullable().default(null),
  errorCode: z.string().max(100).nullable().default(null),
  error: z.string().nullable().default(null),
  /** When a failed run is tried again. */
  retryAt: z.date().nullable().default(null),
})

const errorLengthMax = 2_000

/** Closes a run in the ledger; one that is closed already stays as it is. Throws FORBIDDEN, NOT_FOUND. */
export async function finishRun(context: Context, input: z.input<typeof finishRunInput>): Promise<Run> {
  const { id, error, ...facts } = parseInput(finishRunInput, input)
  const { actor, clock, database } = context
  requirePermission(actor, 'rule:read')
  const open = and(eq(runs.id, id), eq(runs.state, 'running'), withinUnit(runs.unitPath, actor.unitPath))
  const text = error === null ? null : storableText(error, errorLengthMax)
  try {
    // unaudited: see begin.ts.
    await database
      .update(runs)
      .set({ ...facts, error: text, endedAt: new Date(clock.now()) })
      .where(open)
    return await loadRun(database, actor, id)
  } catch (failure) {
    throw translateStoreError(failure)
  }
}
