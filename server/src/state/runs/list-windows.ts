import { and, asc, gt, inArray, lt } from 'drizzle-orm'
import { z } from 'zod'
import { analyticWindows } from '../../seams/store/schema/runs.ts'
import { parseInput } from '../input.ts'
import { type Context, read } from '../write.ts'
import type { AnalyticWindow } from './windows.ts'

const listWindowsQuery = z.strictObject({
  analyticIds: z.array(z.string().max(100)).max(500),
  from: z.date(),
  to: z.date(),
})

/** More than a month of windows of fifty analytics of one hour is no picture any more. */
const windowsMax = 40_000

/**
 * Windows of these analytics that reach into the time, earliest first. They tell of no unit: whether the events of all were
 * looked through. Throws FORBIDDEN without `rule:read`.
 */
export async function listWindows(
  context: Context,
  query: z.input<typeof listWindowsQuery>,
): Promise<Omit<AnalyticWindow, 'eventCount'>[]> {
  const { analyticIds, from, to } = parseInput(listWindowsQuery, query)
  if (analyticIds.length === 0) return []
  return read(context, 'rule:read', async (database) => {
    const rows = await database
      .select()
      .from(analyticWindows)
      .where(
        and(
          inArray(analyticWindows.analyticId, analyticIds),
          gt(analyticWindows.windowTo, from),
          lt(analyticWindows.windowFrom, to),
        ),
      )
      .orderBy(asc(analyticWindows.windowFrom))
      .limit(windowsMax)
    // How many events there are over all units is not for everyone.
    return rows.map(({ eventCount: _, ...window }) => window)
  })
}
