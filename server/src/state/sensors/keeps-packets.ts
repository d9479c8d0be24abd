import { and, eq, sql } from 'drizzle-orm'
import { sensors } from '../../seams/store/schema/traffic.ts'
import { type Context, read } from '../write.ts'

/**
 * True when a sensor that keeps packets feeds the source. Whoever may see an event may have its packets, also where the
 * sensor that watched belongs to a unit above; so this asks by the source of an event, not by the actor's units.
 */
export async function keepsPackets(context: Context, sourceKey: string): Promise<boolean> {
  return read(context, 'packet:read', async (database) => {
    const rows = await database
      .select({ id: sensors.id })
      .from(sensors)
      .where(and(eq(sensors.sourceKey, sourceKey), sql`${sensors.report} -> 'ring' <> 'null'::jsonb`))
    return rows.length > 0
  })
}
