import { and, eq } from 'drizzle-orm'
import { runs } from '../../seams/store/schema/runs.ts'
import { translateStoreError } from '../store-error.ts'
import type { Context } from '../write.ts'
import type { Run } from './run.ts'

/**
 * At the start of whoever runs them: runs of this kind that are still open were cut off with the program, since nobody
 * works on them any more. Answers them, so that their windows are run again.
 */
export async function loseOpenRuns({ database, clock }: Context, kind: Run['kind']): Promise<Run[]> {
  try {
    // unaudited: see begin.ts.
    return await database
      .update(runs)
      .set({ state: 'lost', endedAt: new Date(clock.now()), error: 'The program ended while it ran' })
      .where(and(eq(runs.kind, kind), eq(runs.state, 'running')))
      .returning()
  } catch (error) {
    throw translateStoreError(error)
  }
}
