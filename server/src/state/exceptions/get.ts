import { and, desc, eq } from 'drizzle-orm'
import type { z } from 'zod'
import { exceptionHits, exceptions } from '../../seams/store/schema/incidents.ts'
import { parseInput } from '../input.ts'
import { withinUnit } from '../scope.ts'
import { type Context, read } from '../write.ts'
import { type Exception, exceptionId, exceptionNotFound, exceptionView } from './exception.ts'

export interface ExceptionDetail extends Exception {
  /** What it hid, by rule and day of event time (UTC), latest first, at most 500. */
  hits: { ruleId: string; day: string; matchCount: number }[]
}

const hitLimit = 500

/** One exception with what it cost. Throws NOT_FOUND when it does not exist or lies outside the actor's units. */
export async function getException(context: Context, input: z.input<typeof exceptionId>): Promise<ExceptionDetail> {
  const { id } = parseInput(exceptionId, input)
  return read(context, 'detection:read', async (database) => {
    const [row] = await database
      .select()
      .from(exceptions)
      .where(and(eq(exceptions.id, id), withinUnit(exceptions.unitPath, context.actor.unitPath)))
    if (!row) throw exceptionNotFound(id)
    const hits = await database
      .select({ ruleId: exceptionHits.ruleId, day: exceptionHits.day, matchCount: exceptionHits.matchCount })
      .from(exceptionHits)
      .where(eq(exceptionHits.exceptionId, id))
      .orderBy(desc(exceptionHits.day), desc(exceptionHits.matchCount), exceptionHits.ruleId)
      .limit(hitLimit)
    return { ...exceptionView(row, context.clock.now()), hits }
  })
}
