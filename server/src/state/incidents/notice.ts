import { type IncidentNotice, noticeRules } from '../../event/notice.ts'
import type { IncidentRow } from './incident.ts'

const entitiesMax = 20

/** What is told of an incident as it stands in the store. */
export function noticeOf(row: IncidentRow, occasion: IncidentNotice['occasion']): IncidentNotice {
  return {
    occasion,
    incidentId: row.id,
    title: { zh: row.titleZh, en: row.titleEn },
    story: { zh: row.storyZh, en: row.storyEn },
    severity: row.severity,
    score: row.score,
    unitPath: row.unitPath,
    firstSeenMs: row.firstSeenAt.getTime(),
    lastSeenMs: row.lastSeenAt.getTime(),
    detectionCount: row.detectionCount,
    matchCount: row.matchCount,
    techniques: row.techniques,
    entities: row.facts.entities.slice(0, entitiesMax).map(({ type, value, role }) => ({ type, value, role })),
    rules: noticeRules(row.facts),
  }
}
