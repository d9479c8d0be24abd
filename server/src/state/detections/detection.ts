import { eq } from 'drizzle-orm'
import { CodedError } from '../../event/errors.ts'
import type { Fields, Detection as Match, MatchedField, RuleAttribution, Severity } from '../../event/event.ts'
import type { EntityFact } from '../../event/incident.ts'
import { detections, incidents } from '../../seams/store/schema/incidents.ts'
import type { Database } from '../../seams/store/store.ts'
import { type Actor, covers } from '../actor.ts'

export const detectors = ['sigma', 'correlation', 'intel', 'model', 'analytic'] as const satisfies Match['detector'][]

/** Firings of one rule on one entity within ten minutes, as people see them. Times are event time. */
export interface Detection {
  id: string
  ruleId: string
  ruleTitle: string
  /** Null for rules without Chinese. */
  ruleTitleZh: string | null
  /** Author, licence and reference of the rule, as it was at the earliest firing; null when it names none. */
  ruleAttribution: RuleAttribution | null
  detector: Match['detector']
  severity: Severity
  unitPath: string
  firstSeenAt: Date
  lastSeenAt: Date
  /** How many firings were folded into it. */
  matchCount: number
  summary: string
  summaryZh: string | null
  sourceKey: string
  techniques: string[]
  tactics: string[]
  entities: EntityFact[]
  /** The first fifty, oldest first. */
  eventIds: string[]
  /** Why it fired, and on what: of the earliest firing. */
  matched: MatchedField[]
  fields: Fields
  /** The incident people see it in; null while it opened none. */
  incidentId: number | null
  /** The exception that hides it. */
  suppressedBy: number | null
  acknowledgedAt: Date | null
  acknowledgedBy: string | null
  createdAt: Date
  updatedAt: Date
}

export const detectionColumns = {
  detection: detections,
  incidentStatus: incidents.status,
  incidentPath: incidents.unitPath,
}

export interface DetectionRecord {
  detection: typeof detections.$inferSelect
  incidentStatus: string | null
  incidentPath: string | null
}

/** Candidates, and incidents of units above the actor's, are not told. */
export function detectionView(actor: Actor, { detection, incidentStatus, incidentPath }: DetectionRecord): Detection {
  const {
    severityRank: _rank,
    principal: _principal,
    bucketAt: _bucket,
    evidence,
    sample: _sample,
    attempt: _attempt,
    success: _success,
    indicator: _indicator,
    asset: _asset,
    incidentId,
    ...rest
  } = detection
  const isShown = incidentPath !== null && incidentStatus !== 'candidate' && covers(actor, incidentPath)
  return { ...rest, eventIds: evidence.map(([, id]) => id), incidentId: isShown ? incidentId : null }
}

/** One detection of the actor's units; throws NOT_FOUND. */
export async function loadDetection(database: Pick<Database, 'select'>, actor: Actor, id: string): Promise<Detection> {
  const [row] = await database
    .select(detectionColumns)
    .from(detections)
    .leftJoin(incidents, eq(incidents.id, detections.incidentId))
    .where(eq(detections.id, id))
  if (!row || !covers(actor, row.detection.unitPath)) throw detectionNotFound(id)
  return detectionView(actor, row)
}

function detectionNotFound(id: string): CodedError {
  return new CodedError('NOT_FOUND', `detection:${id} was not found`, { target: `detection:${id}` })
}
