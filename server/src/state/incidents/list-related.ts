import { and, inArray, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { EntityType } from '../../event/event.ts'
import { isPrivateIp } from '../../lib/ip-address.ts'
import { incidents } from '../../seams/store/schema/incidents.ts'
import { idNumber, parseInput } from '../input.ts'
import { withinUnit } from '../scope.ts'
import { type Context, read } from '../write.ts'
import { type IncidentRow, requireVisible, visibleTo } from './incident.ts'

const listRelatedInput = z.strictObject({ id: idNumber })

/** Another incident that names what this one names. */
export interface RelatedIncident
  extends Pick<IncidentRow, 'id' | 'severity' | 'status' | 'score' | 'unitPath' | 'firstSeenAt' | 'lastSeenAt'> {
  title: { zh: string; en: string }
  shared: { type: EntityType; value: string }[]
}

const limits = { related: 20, rows: 2_000 }
/** How far apart in time two incidents may lie. */
const reach = sql.raw("interval '24 hours'")

/**
 * Incidents of the actor's units that share who acted, or what was acted upon, with this one within a day: so whoever
 * sees several units sees one attack on all of them, while each unit keeps its own incident. Most shared first, at most 20.
 * A private address of another unit is another machine. Throws NOT_FOUND.
 */
export async function listRelated(
  context: Context,
  input: z.input<typeof listRelatedInput>,
): Promise<{ items: RelatedIncident[]; total: number }> {
  const { id } = parseInput(listRelatedInput, input)
  const { actor } = context
  return read(context, 'incident:read', async (database) => {
    const { unitPath } = await requireVisible(database, actor, id)
    const { rows } = await database.execute<{ id: string; type: EntityType; value: string; unit_path: string }>(sql`
      WITH mine AS (
        SELECT e.type, e.value, bool_or(e.link = 'own') AS own, min(e.bucket_at) AS first_at, max(e.bucket_at) AS last_at
        FROM detection_entities e JOIN detections d ON d.id = e.detection_id
        WHERE d.incident_id = ${id} AND e.link <> 'none' AND e.type <> 'rule' GROUP BY 1, 2 LIMIT 200)
      SELECT DISTINCT d.incident_id AS id, m.type, m.value, e.unit_path
      FROM mine m JOIN detection_entities e ON e.value = m.value AND e.type = m.type AND e.link <> 'none'
        AND (m.own OR e.link = 'own') AND e.bucket_at BETWEEN m.first_at - ${reach} AND m.last_at + ${reach}
      JOIN detections d ON d.id = e.detection_id
      WHERE d.incident_id <> ${id} AND ${withinUnit(sql.raw('e.unit_path'), actor.unitPath)} LIMIT ${limits.rows}`)
    const shared = new Map<number, RelatedIncident['shared']>()
    for (const { id: other, type, value, unit_path } of rows) {
      if (type === 'ip' && unit_path !== unitPath && isPrivateIp(value)) continue
      shared.set(Number(other), [...(shared.get(Number(other)) ?? []), { type, value }])
    }
    if (shared.size === 0) return { items: [], total: 0 }
    const found = await database
      .select()
      .from(incidents)
      .where(and(inArray(incidents.id, [...shared.keys()]), visibleTo(actor)))
    const items = found
      .map(({ id: other, titleZh: zh, titleEn: en, severity, status, score, unitPath, firstSeenAt, lastSeenAt }) => ({
        ...{ id: other, title: { zh, en }, severity, status, score, unitPath, firstSeenAt, lastSeenAt },
        shared: shared.get(other)!,
      }))
      .sort((a, b) => b.shared.length - a.shared.length || b.score - a.score || a.id - b.id)
    return { items: items.slice(0, limits.related), total: items.length }
  })
}
