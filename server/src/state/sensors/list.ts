import { count, sql } from 'drizzle-orm'
import { z } from 'zod'
import { type SensorReport, sensors } from '../../seams/store/schema/traffic.ts'
import { parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { withinUnit } from '../scope.ts'
import { type Context, read } from '../write.ts'

export interface Sensor extends SensorReport {
  id: string
  sourceKey: string
  name: string
  unitPath: string
  firstReportAt: Date
  lastReportAt: Date
  /** It has not reported for a minute. */
  isSilent: boolean
}

const listSensorsQuery = z.strictObject(pageQuery)
/** A sensor reports every twenty seconds at the latest. */
const silentAfterMs = 60_000

/** Sensors of the actor's unit and those below it, by name. */
export async function listSensors(
  context: Context,
  query: z.input<typeof listSensorsQuery> = {},
): Promise<Page<Sensor>> {
  const { limit, cursor } = parseInput(listSensorsQuery, query)
  const keyset: Keyset = { name: 'name', column: sql`${sensors.name}`, id: sql`${sensors.id}`, direction: 'asc' }
  return read(context, 'source:read', async (database) => {
    const filter = withinUnit(sensors.unitPath, context.actor.unitPath)
    const rows = await database
      .select()
      .from(sensors)
      .where(sql`${filter} AND ${afterCursor(keyset, cursor) ?? sql`true`}`)
      .orderBy(orderBy(keyset))
      .limit(limit + 1)
    const [counted] = await database.select({ total: count() }).from(sensors).where(filter)
    const silentBefore = context.clock.now() - silentAfterMs
    return pageOf(
      keyset,
      rows,
      limit,
      counted?.total ?? 0,
      (row) => [row.name, row.id],
      ({ report, ...row }) => ({ ...row, ...report, isSilent: row.lastReportAt.getTime() < silentBefore }),
    )
  })
}
