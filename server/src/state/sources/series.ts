import { and, asc, gte, inArray } from 'drizzle-orm'
import { z } from 'zod'
import { sourceMinutes, sources } from '../../seams/store/schema/sources.ts'
import { parseInput } from '../input.ts'
import { withinUnit } from '../scope.ts'
import { type Context, read } from '../write.ts'

const sourceSeriesQuery = z.strictObject({
  ids: z.array(z.string().max(64)).min(1).max(200),
  minutes: z.coerce
    .number()
    .int()
    .min(1)
    .max(7 * 24 * 60)
    .default(60),
})

export interface SourceMinute {
  at: Date
  records: number
  unparsed: number
  bytes: number
}

/** Records per minute of several sources, oldest first, minutes without records left out; sources outside the actor's units have none. */
export async function sourceSeries(
  context: Context,
  query: z.input<typeof sourceSeriesQuery>,
): Promise<Map<string, SourceMinute[]>> {
  const { ids, minutes } = parseInput(sourceSeriesQuery, query)
  return read(context, 'source:read', async (database) => {
    const visible = database
      .select({ id: sources.id })
      .from(sources)
      .where(and(inArray(sources.id, ids), withinUnit(sources.unitPath, context.actor.unitPath)))
    const since = new Date(context.clock.now() - minutes * 60_000)
    const rows = await database
      .select()
      .from(sourceMinutes)
      .where(and(inArray(sourceMinutes.sourceId, visible), gte(sourceMinutes.minute, since)))
      .orderBy(asc(sourceMinutes.minute))
    const series = new Map<string, SourceMinute[]>()
    for (const { sourceId, minute, ...counts } of rows) {
      const list = series.get(sourceId) ?? []
      list.push({ at: minute, ...counts })
      series.set(sourceId, list)
    }
    return series
  })
}
