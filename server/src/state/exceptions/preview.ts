import { and, desc, gte } from 'drizzle-orm'
import { z } from 'zod'
import { detections } from '../../seams/store/schema/incidents.ts'
import type { Detection } from '../detections/detection.ts'
import { idNumber, parseInput } from '../input.ts'
import { withinUnit } from '../scope.ts'
import { locateUnit } from '../units/locate.ts'
import { type Context, read } from '../write.ts'
import { compileChecked, exceptionParts } from './exception.ts'

const { ruleIds, conditions } = exceptionParts

const previewExceptionInput = z.strictObject({
  ruleIds: ruleIds.default([]),
  conditions: conditions.default([]),
  unitId: idNumber.optional(),
  days: z.number().int().min(1).max(30).default(7),
})

export interface ExceptionPreview {
  /** Detections looked at, newest first; `truncated` when there were more. */
  examined: number
  truncated: boolean
  /** Detections it would have hidden, judged by their earliest firing, and the firings in them. */
  detectionCount: number
  matchCount: number
  /** Some of them. */
  sample: Pick<Detection, 'id' | 'ruleTitle' | 'ruleTitleZh' | 'summary' | 'summaryZh' | 'lastSeenAt'>[]
}

const examinedMax = 20_000
const sampleSize = 20

/** What an exception would have hidden lately, so that nobody makes a blind one. Changes nothing. */
export async function previewException(
  context: Context,
  input: z.input<typeof previewExceptionInput>,
): Promise<ExceptionPreview> {
  const { unitId, days, ...scope } = parseInput(previewExceptionInput, input)
  const { actor, clock } = context
  return read(context, 'detection:read', async (database) => {
    const unitPath = unitId === undefined ? actor.unitPath : (await locateUnit(database, actor, unitId)).path
    const covers = compileChecked({ ...scope, unitPath })
    const since = new Date(clock.now() - days * 86_400_000)
    const rows = await database
      .select()
      .from(detections)
      .where(and(withinUnit(detections.unitPath, unitPath), gte(detections.lastSeenAt, since)))
      .orderBy(desc(detections.lastSeenAt), desc(detections.id))
      .limit(examinedMax + 1)
    const examined = rows.slice(0, examinedMax)
    const hidden = examined.filter((row) => covers(row))
    return {
      examined: examined.length,
      truncated: rows.length > examinedMax,
      detectionCount: hidden.length,
      matchCount: hidden.reduce((sum, row) => sum + row.matchCount, 0),
      sample: hidden.slice(0, sampleSize).map(({ id, ruleTitle, ruleTitleZh, summary, summaryZh, lastSeenAt }) => {
        return { id, ruleTitle, ruleTitleZh, summary, summaryZh, lastSeenAt }
      }),
    }
  })
}
