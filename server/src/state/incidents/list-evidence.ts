import { sql } from 'drizzle-orm'
import { z } from 'zod'
import { idNumber, parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { type Context, read } from '../write.ts'
import { requireVisible } from './incident.ts'

const listEvidenceQuery = z.strictObject({ ...pageQuery, id: idNumber })

/** An event that made a rule fire; the event itself lies in the event store. */
export interface Evidence {
  eventId: string
  at: Date
  detectionIds: string[]
}

/** Ids of the events behind an incident, oldest first, each once. */
export async function listEvidence(
  context: Context,
  query: z.input<typeof listEvidenceQuery>,
): Promise<Page<Evidence>> {
  const { id, limit, cursor } = parseInput(listEvidenceQuery, query)
  const keyset: Keyset = { name: 'at', column: sql.raw('at'), id: sql.raw('event_id'), direction: 'asc' }
  const events = sql`
    SELECT e.value ->> 1 AS event_id, min('epoch'::timestamptz + (e.value ->> 0)::bigint * interval '1 millisecond') AS at,
      array_agg(DISTINCT d.id) AS detection_ids
    FROM detections d CROSS JOIN LATERAL jsonb_array_elements(d.evidence) e WHERE d.incident_id = ${id} GROUP BY 1`
  return read(context, 'incident:read', async (database) => {
    await requireVisible(database, context.actor, id)
    const { rows } = await database.execute<{ event_id: string; at: string; detection_ids: string[] }>(
      sql`SELECT * FROM (${events}) events WHERE ${afterCursor(keyset, cursor) ?? sql`true`} ORDER BY ${orderBy(keyset)} LIMIT ${limit + 1}`,
    )
    const counted = await database.execute<{ total: string }>(sql`SELECT count(*) AS total FROM (${events}) events`)
    return pageOf(
      keyset,
      rows,
      limit,
      Number(counted.rows[0]?.total ?? 0),
      (row) => [new Date(row.at), row.event_id],
      (row) => ({ eventId: row.event_id, at: new Date(row.at), detectionIds: row.detection_ids }),
    )
  })
}
