import { and, inArray, isNull } from 'drizzle-orm'
import { z } from 'zod'
import { detections } from '../../seams/store/schema/incidents.ts'
import { ownUnit } from '../incidents/incident.ts'
import { parseInput } from '../input.ts'
import type { LiveContext } from '../live.ts'
import { withinUnit } from '../scope.ts'
import { write } from '../write.ts'

const acknowledgeDetectionsInput = z.strictObject({ ids: z.array(z.string().min(1).max(64)).min(1).max(500) })

/**
 * Marks detections as looked at, for those that belong to no incident above all. Returns how many were not before;
 * those outside the actor's units are not told apart from those that do not exist.
 */
export async function acknowledgeDetections(
  context: LiveContext,
  input: z.input<typeof acknowledgeDetectionsInput>,
): Promise<number> {
  const { ids } = parseInput(acknowledgeDetectionsInput, input)
  const { actor, clock } = context
  const verb = { action: 'detection.acknowledge', permission: 'incident:write' } as const
  const done = await write(context, verb, async (transaction) => {
    const rows = await transaction
      .update(detections)
      .set({ acknowledgedAt: new Date(clock.now()), acknowledgedBy: actor.name })
      .where(
        and(
          inArray(detections.id, ids),
          isNull(detections.acknowledgedAt),
          withinUnit(detections.unitPath, actor.unitPath),
        ),
      )
      .returning({ id: detections.id, unitPath: detections.unitPath })
    const detail = { ids: rows.map(({ id }) => id) }
    return { result: rows, target: 'detections', unitPath: ownUnit(actor), detail, unchanged: rows.length === 0 }
  })
  for (const { id, unitPath } of done) {
    context.notify({ noun: 'detection', id, action: 'acknowledged', unitPath, atMs: clock.now() })
  }
  return done.length
}
