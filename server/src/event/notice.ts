import type { Severity } from './event.ts'
import type { Bilingual, IncidentFacts } from './incident.ts'

/** What is told about an incident outside the platform, as it was at the moment of the cause. */
export interface IncidentNotice {
  occasion: 'opened' | 'severity_raised' | 'closed' | 'sent' | 'test'
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
  /** What fired, with who wrote it as far as the rule says. */
  rules: { id: string; title: Bilingual; author: string | null }[]
  /** Of an incident that a person sent: who, and what they add. */
  sentBy?: string
  note?: string
}

const rulesMax = 20

/** The rules of an incident as a notice names them. */
export function noticeRules({ rules }: IncidentFacts): IncidentNotice['rules'] {
  return rules
    .slice(0, rulesMax)
    .map(({ id, title, titleZh, author }) => ({ id, title: { zh: titleZh ?? title, en: title }, author }))
}
