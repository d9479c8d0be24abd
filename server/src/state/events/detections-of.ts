import { and, desc, gte, lte, sql } from 'drizzle-orm'
import { detections } from '../../seams/store/schema/incidents.ts'
import { getDetection } from '../detections/get.ts'
import { withinUnit } from '../scope.ts'
import { type Context, read } from '../write.ts'

const detectionsMax = 50
/** Detections fold firings of ten minutes; their bounds are kept to the millisecond. */
const slackMs = 1000

/** What fired on an event, with the values that matched; of the actor's units. `atMs` is the event's time. */
export async function detectionsOfEvent(context: Context, { id, atMs }: { id: string; atMs: number }) {
  const found = await read(context, 'detection:read', (database) =>
    database
      .select({ id: detections.id })
      .from(detections)
      .where(
        and(
          withinUnit(detections.unitPath, context.actor.unitPath),
          gte(detections.lastSeenAt, new Date(atMs - slackMs)),
          lte(detections.firstSeenAt, new Date(atMs + slackMs)),
          sql`${detections.evidence} @> ${JSON.stringify([[atMs, id]])}::jsonb`,
        ),
      )
      .orderBy(desc(detections.severityRank), detections.id)
      .limit(detectionsMax),
  )
  return Promise.all(
    found.map(async ({ id: detectionId }) => {
      const { ruleId, ruleTitle, ruleTitleZh, severity, incidentId, matched } = await getDetection(context, {
        id: detectionId,
      })
      return { id: detectionId, ruleId, ruleTitle, ruleTitleZh, severity, incidentId, matched }
    }),
  )
}
