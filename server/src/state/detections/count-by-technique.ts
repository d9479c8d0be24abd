import { and, eq, gte, inArray, isNull, sql } from 'drizzle-orm'
import { z } from 'zod'
import { detections } from '../../seams/store/schema/incidents.ts'
import { severities } from '../incidents/incident.ts'
import { parseInput } from '../input.ts'
import { withinUnit } from '../scope.ts'
import { type Context, read } from '../write.ts'

const countByTechniqueQuery = z.strictObject({
  /** Event time. */
  from: z.date(),
  severity: z.array(z.enum(severities)).max(10).optional(),
  sourceKey: z.string().max(1_024).optional(),
  /** Path of a unit within the actor's. */
  unitPath: z.string().max(1_024).optional(),
})

/** Detections since then by ATT&CK technique, of the actor's units, hidden ones left out. */
export async function countByTechnique(
  context: Context,
  query: z.input<typeof countByTechniqueQuery>,
): Promise<Map<string, number>> {
  const { from, severity, sourceKey, unitPath } = parseInput(countByTechniqueQuery, query)
  return read(context, 'detection:read', async (database) => {
    const rows = await database
      .select({ technique: sql<string>`unnest(${detections.techniques})`, total: sql<number>`count(*)::int` })
      .from(detections)
      .where(
        and(
          withinUnit(detections.unitPath, context.actor.unitPath),
          unitPath === undefined ? undefined : withinUnit(detections.unitPath, unitPath),
          gte(detections.lastSeenAt, from),
          isNull(detections.suppressedBy),
          severity?.length ? inArray(detections.severity, severity) : undefined,
          sourceKey === undefined ? undefined : eq(detections.sourceKey, sourceKey),
        ),
      )
      .groupBy(sql`1`)
    return new Map(rows.map(({ technique, total }) => [technique, total]))
  })
}
