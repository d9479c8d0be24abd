import { type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { idNumber, parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { type Context, read } from '../write.ts'
import { requireVisible } from './incident.ts'

const listTimelineQuery = z.strictObject({
  ...pageQuery,
  id: idNumber,
  direction: z.enum(['asc', 'desc']).default('asc'),
})

/** One thing that happened in or to an incident. */
export interface TimelineEntry {
  /** `detection:…`, `activity:…` or `delivery:…`; unique. */
  id: string
  kind: 'detection' | 'comment' | 'change' | 'delivery'
  /** Event time of detections, the time it was done of the rest. */
  at: Date
  /** Who did it; null for detections. */
  actor: string | null
  /** A detection's summary, a comment's text, else the name of what happened. */
  text: string
  /** A detection's summary in Chinese, where its rule has Chinese; null for all else. */
  textZh: string | null
  detail: Record<string, unknown>
}

/** Detections by event time, and comments, changes and deliveries by when they were made, in one order of time. */
export async function listTimeline(
  context: Context,
  query: z.input<typeof listTimelineQuery>,
): Promise<Page<TimelineEntry>> {
  const { id, limit, cursor, direction } = parseInput(listTimelineQuery, query)
  const keyset: Keyset = { name: 'at', column: sql.raw('at'), id: sql.raw('id'), direction }
  return read(context, 'incident:read', async (database) => {
    await requireVisible(database, context.actor, id)
    const entries = entriesOf(id)
    const where = afterCursor(keyset, cursor) ?? sql`true`
    const { rows } = await database.execute<TimelineRow>(
      sql`SELECT * FROM (${entries}) entries WHERE ${where} ORDER BY ${orderBy(keyset)} LIMIT ${limit + 1}`,
    )
    const counted = await database.execute<{ total: string }>(sql`SELECT count(*) AS total FROM (${entries}) entries`)
    return pageOf(
      keyset,
      rows,
      limit,
      Number(counted.rows[0]?.total ?? 0),
      (row) => [new Date(row.at), row.id],
      ({ id: entryId, kind, at, actor, text, textZh, detail }): TimelineEntry => ({
        id: entryId,
        kind,
        at: new Date(at),
        actor,
        text,
        textZh,
        detail,
      }),
    )
  })
}

interface TimelineRow extends Record<string, unknown> {
  id: string
  kind: TimelineEntry['kind']
  at: string
  actor: string | null
  text: string
  textZh: string | null
  detail: Record<string, unknown>
}

/** Comments and changes of incidents that became part of this one belong to it too. */
function entriesOf(id: number): SQL {
  return sql`
    SELECT 'detection:' || d.id AS id, 'detection' AS kind, d.first_seen_at AS at, NULL AS actor, d.summary AS text,
      d.summary_zh AS "textZh",
      jsonb_build_object('detectionId', d.id, 'ruleId', d.rule_id, 'ruleTitle', d.rule_title, 'ruleTitleZh', d.rule_title_zh,
        'severity', d.severity, 'tactics', d.tactics, 'techniques', d.techniques, 'count', d.match_count, 'lastSeenAt', d.last_seen_at,
        'entities', d.entities) AS detail
    FROM detections d WHERE d.incident_id = ${id}
    UNION ALL
    SELECT 'activity:' || a.id, CASE a.kind WHEN 'comment' THEN 'comment' ELSE 'change' END, a.at, a.actor_name,
      CASE a.kind WHEN 'comment' THEN a.detail ->> 'text' ELSE a.kind END,
      NULL, a.detail || jsonb_build_object('activity', a.kind, 'incidentId', a.incident_id)
    FROM incident_activity a WHERE a.incident_id = ${id}
      OR a.incident_id IN (SELECT m.id FROM incidents m WHERE m.merged_into = ${id})
    UNION ALL
    SELECT 'delivery:' || v.id, 'delivery', v.at, c.name, v.result, NULL,
      jsonb_build_object('channelId', c.id, 'channel', c.name, 'kind', o.kind, 'attempt', v.attempt, 'ok', v.ok,
        'occasion', o.payload ->> 'occasion')
    FROM deliveries v JOIN outbox o ON o.id = v.outbox_id JOIN notification_channels c ON c.id = o.channel_id
    WHERE o.incident_id = ${id}`
}
