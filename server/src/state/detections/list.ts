import { and, count, eq, gte, inArray, isNotNull, isNull, lte, or, type SQL, sql } from 'drizzle-orm'
import { z } from 'zod'
import { detectionEntities, detections, incidents } from '../../seams/store/schema/incidents.ts'
import { severities } from '../incidents/incident.ts'
import { booleanQuery, idNumber, parseInput } from '../input.ts'
import { afterCursor, type Keyset, orderBy, type Page, pageOf, pageQuery } from '../page.ts'
import { containsText, withinUnit } from '../scope.ts'
import { locateUnit } from '../units/locate.ts'
import { type Context, read } from '../write.ts'
import { type Detection, detectionColumns, detectionView, detectors } from './detection.ts'

export const detectionFilter = {
  severity: z.array(z.enum(severities)).max(10).optional(),
  detector: z.array(z.enum(detectors)).max(10).optional(),
  rule: z.string().max(256).optional(),
  incidentId: idNumber.optional(),
  unitId: idNumber.optional(),
  /** Value of an entity it names. */
  entity: z.string().max(512).optional(),
  /** Only those an exception hides, or only those none hides. */
  suppressed: booleanQuery.optional(),
  /** Only those this exception hides. */
  exception: idNumber.optional(),
  acknowledged: booleanQuery.optional(),
  /** Part of the rule's title or of the summary. */
  text: z.string().max(200).optional(),
  /** Event time. */
  from: z.date().optional(),
  to: z.date().optional(),
}

const listDetectionsQuery = z.strictObject({
  ...pageQuery,
  ...detectionFilter,
  sort: z.enum(['lastSeenAt', 'severity', 'matchCount']).default('lastSeenAt'),
  direction: z.enum(['asc', 'desc']).default('desc'),
})

const columns = {
  lastSeenAt: sql`${detections.lastSeenAt}`,
  severity: sql`${detections.severityRank}`,
  matchCount: sql`${detections.matchCount}`,
}

/** Detections of the actor's units, newest first unless asked otherwise. */
export async function listDetections(
  context: Context,
  query: z.input<typeof listDetectionsQuery> = {},
): Promise<Page<Detection>> {
  const { limit, cursor, sort, direction, ...filter } = parseInput(listDetectionsQuery, query)
  const keyset: Keyset = { name: sort, column: columns[sort], id: sql`${detections.id}`, direction }
  return read(context, 'detection:read', async (database) => {
    const { actor } = context
    const unit = filter.unitId === undefined ? undefined : await locateUnit(database, actor, filter.unitId)
    const condition = and(
      withinUnit(detections.unitPath, actor.unitPath),
      unit ? withinUnit(detections.unitPath, unit.path) : undefined,
      narrowed(filter),
    )
    const rows = await database
      .select(detectionColumns)
      .from(detections)
      .leftJoin(incidents, eq(incidents.id, detections.incidentId))
      .where(and(condition, afterCursor(keyset, cursor)))
      .orderBy(orderBy(keyset))
      .limit(limit + 1)
    const [counted] = await database.select({ total: count() }).from(detections).where(condition)
    return pageOf(
      keyset,
      rows,
      limit,
      counted?.total ?? 0,
      ({ detection }) => [sort === 'severity' ? detection.severityRank : detection[sort], detection.id],
      (row) => detectionView(actor, row),
    )
  })
}

function narrowed(filter: z.output<z.ZodObject<typeof detectionFilter>>): SQL | undefined {
  const { severity, detector, rule, incidentId, entity, suppressed, exception, acknowledged, text, from, to } = filter
  const has = (
    column: typeof detections.suppressedBy | typeof detections.acknowledgedAt,
    wanted: boolean | undefined,
  ) => (wanted === undefined ? undefined : wanted ? isNotNull(column) : isNull(column))
  return and(
    severity?.length ? inArray(detections.severity, severity) : undefined,
    detector?.length ? inArray(detections.detector, detector) : undefined,
    rule ? eq(detections.ruleId, rule) : undefined,
    incidentId === undefined ? undefined : eq(detections.incidentId, incidentId),
    entity
      ? sql`EXISTS (SELECT 1 FROM ${detectionEntities} e WHERE e.detection_id = ${detections.id} AND e.type <> 'rule'
          AND e.value IN (${entity}, ${entity.toLowerCase()}))`
      : undefined,
    has(detections.suppressedBy, suppressed),
    exception === undefined ? undefined : eq(detections.suppressedBy, exception),
    has(detections.acknowledgedAt, acknowledged),
    text
      ? or(
          containsText(detections.summary, text),
          containsText(detections.summaryZh, text),
          containsText(detections.ruleTitle, text),
          containsText(detections.ruleTitleZh, text),
        )
      : undefined,
    from ? gte(detections.lastSeenAt, from) : undefined,
    to ? lte(detections.firstSeenAt, to) : undefined,
  )
}
