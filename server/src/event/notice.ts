import type { Severity } from './event.ts'
import type { Bilingual } from './incident.ts'

/** What is told about an incident outside the platform, as it was at the moment of the cause. */
export interface IncidentNotice {
  occasion: 'opened' | 'severity_raised' | 'closed' | 'test'
  incidentId: number | null
  title: Bilingual
  story: Bilingual
  severity: Severity
  score: number
  unitPath: string
  /** Event time, milliseconds since the epoch. */
  firstSeenMs: number
  lastSeenMs: number
  detectionCount: number
  matchCount: number
  techniques: string[]
  entities: { type: string; value: string; role: string }[]
}
