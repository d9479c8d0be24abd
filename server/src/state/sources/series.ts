import { and, gte, inArray } from 'drizzle-orm'
import { z } from 'zod'
import { sourceMinutes, sources } from '../../seams/store/schema/sources.ts'
import { parseInput } from '../input.ts'
import { withinUnit } from '../scope.ts'
import { type Context, read } from '../write.ts'

const minuteMs = 60_000

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

/**
 * Records per minute of several sources, oldest first, the minute that runs last: as many as were asked for, zero where
 * nothing came, so that a chart of them is true. Sources outside the actor's units are left out.
 */
export async function sourceSeries(
  context: Context,
  query: z.input<typeof sourceSeriesQuery>,
): Promise<Map<string, SourceMinute[]>> {
  const { ids, minutes } = parseInput(sourceSeriesQuery, query)
  return read(context, 'source:read', async (database) => {
    const visible = await database
      .select({ id: sources.id })
      .from(sources)
      .where(and(inArray(sources.id, ids), withinUnit(sources.unitPath, context.actor.unitPath)))
    const visibleIds = visible.map(({ id }) => id)
    const series = new Map<string, SourceMinute[]>()
    if (visibleIds.length === 0) return series
    const firstMs = (Math.floor(context.clock.now() / minuteMs) - minutes + 1) * minuteMs
    for (const id of visibleIds) series.set(id, emptyMinutes(firstMs, minutes))
    const rows = await database
      .select()
      .from(sourceMinutes)
      .where(and(inArray(sourceMinutes.sourceId, visibleIds), gte(sourceMinutes.minute, new Date(firstMs))))
    for (const { sourceId, minute, ...counts } of rows) {
      const place = Math.floor((minute.getTime() - firstMs) / minuteMs)
      // A minute later than now was counted before the clock was set back.
      if (place < minutes) series.get(sourceId)![place] = { at: minute, ...counts }
    }
    return series
  })
}

function emptyMinutes(firstMs: number, count: number): SourceMinute[] {
  return Array.from({ length: count }, (_, index) => ({
    at: new Date(firstMs + index * minuteMs),
    records: 0,
    unparsed: 0,
    bytes: 0,
  }))
}
