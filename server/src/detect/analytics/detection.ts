import { z } from 'zod'
import type { Detection, Fields, FieldValue, MatchedField } from '../../event/event.ts'
import { attackOf } from '../attack.ts'
import { weigh } from '../behaviour/weigh.ts'
import { detectionId, namedWords, shortened } from '../detect.ts'
import { entitiesOf } from '../entities.ts'
import type { Analytic } from './definition.ts'

const fixedColumns = z.object({
  unit_path: z.string().regex(/^\/(\d+\/)+$/),
  source_key: z.string(),
  group_key: z.string(),
  time_ms: z.number(),
  event_ids: z.array(z.string()),
})

const dayMs = 86_400_000

/** The mark of a field that only an analytic knows: how usual something was. */
const ownPrefix = 'watchfire.'

/**
 * A row of an analytic's answer as a detection. Its id follows from analytic, window, unit and group alone: whenever and however
 * often the window is run, it is the same one. Throws a ZodError when the SQL answers other columns.
 */
function analyticDetection(analytic: Analytic, windowFromMs: number, row: Record<string, unknown>): Detection {
  const { unit_path, source_key, group_key, time_ms, event_ids } = fixedColumns.parse(row)
  const fields: Fields = {}
  for (const [name, value] of Object.entries(row)) {
    if (name in fixedColumns.shape || value === '' || value === null) continue
    fields[name] = value as FieldValue
  }
  const entities = entitiesOf(fields)
  const matched = Object.entries(fields).map(
    ([field, value]): MatchedField => ({
      part: field.startsWith(ownPrefix) ? 'history' : 'window',
      field,
      value: String(value),
    }),
  )
  return {
    id: detectionId(analytic.id, `window:${windowFromMs}`, `${unit_path}|${group_key}`),
    ruleId: analytic.id,
    detector: 'analytic',
    severity: analytic.severity,
    timeMs: time_ms,
    unitPath: unit_path,
    ...attackOf(analytic.tags),
    entities,
    eventIds: event_ids,
    matched,
    fields: shortened(fields),
    sourceKey: source_key,
    ...namedWords(analytic, entities),
  }
}

/**
 * A row of an analytic whose rows are weighed: the detection with its reasons, whose shares add up to the score; undefined
 * when the score is too low. One finding of a group a day, whoever weighs it: the stream, or a run over history.
 */
export function scoredDetection(analytic: Analytic, row: Record<string, unknown>): Detection | undefined {
  const { weighed, shown } = weigh(analytic.score!, row)
  if (weighed === undefined) return undefined
  const dayFromMs = Math.floor(Number(row['time_ms']) / dayMs) * dayMs
  const detection = analyticDetection(analytic, dayFromMs, {
    ...Object.fromEntries(Object.entries(row).filter(([name]) => name in fixedColumns.shape || name.includes('.'))),
    [`${ownPrefix}score`]: rounded(weighed.total),
    ...shown,
  })
  const reasons = weighed.reasons.map(
    ({ name, value, weight, text }): MatchedField => ({
      part: 'score',
      field: name,
      value: `${rounded(value * weight)} of ${weight}: ${text}`,
    }),
  )
  return { ...detection, matched: [...detection.matched.filter(({ part }) => part === 'window'), ...reasons] }
}

/** Every detection of the rows a window answered. */
export function analyticDetections(
  analytic: Analytic,
  windowFromMs: number,
  rows: Record<string, unknown>[],
): Detection[] {
  if (analytic.score === undefined) return rows.map((row) => analyticDetection(analytic, windowFromMs, row))
  return rows.flatMap((row) => scoredDetection(analytic, row) ?? [])
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000
}
