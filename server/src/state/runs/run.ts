import { and, eq } from 'drizzle-orm'
import { CodedError } from '../../event/errors.ts'
import { runs } from '../../seams/store/schema/runs.ts'
import type { Database } from '../../seams/store/store.ts'
import type { Actor } from '../actor.ts'
import { withinUnit } from '../scope.ts'

export const runKinds = ['analytic', 'backtest'] as const
export const runStates = ['running', 'succeeded', 'failed', 'cancelled', 'lost'] as const
export const runCauses = ['scheduled', 'catch_up', 'late', 'manual'] as const

/** One attempt of a run over stored events, as the ledger holds it. */
export type Run = typeof runs.$inferSelect

/** The run, when in the actor's units; throws NOT_FOUND otherwise. */
export async function loadRun(database: Pick<Database, 'select'>, actor: Actor, id: number): Promise<Run> {
  const [row] = await database
    .select()
    .from(runs)
    .where(and(eq(runs.id, id), withinUnit(runs.unitPath, actor.unitPath)))
  if (!row) throw new CodedError('NOT_FOUND', `run:${id} was not found`, { target: `run:${id}` })
  return row
}
