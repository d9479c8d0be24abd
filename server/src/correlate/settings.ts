import type { Severity } from '../event/event.ts'
import type { Criticality } from '../event/incident.ts'

/** Every opinion of the stage, in one place. Times are event time. */
export interface CorrelateSettings {
  /** Firings of one rule on one entity within this span of event time are one detection. */
  bucketMs: number
  /** Most event ids kept as evidence of one detection. */
  evidenceLimit: number
  /** Most entities kept of one detection. */
  entityLimit: number
  /** Two detections that share an entity are linked when their buckets lie no further apart. */
  gapMs: number
  /** Longest span of one incident; what comes later opens another that continues it. */
  windowMs: number
  /** An entity seen with more other principals than this within the window groups nothing: a gateway, a resolver, a portal. */
  hubLimit: number
  /** Score at which a group becomes an incident people see. */
  openScore: number
  /** Lowest score of each severity, worst first. */
  severityFrom: readonly [Severity, number][]
  points: ScorePoints
  /** Entities that never link: they are everywhere. `type|value`. */
  stopEntities: ReadonlySet<string>
  /** Firings remembered for recognising those that were published twice, per partition. */
  seenLimit: number
}

export interface ScorePoints {
  severity: Record<Severity, number>
  /** For each distinct rule after the first, up to `rulesMax`. */
  rule: number
  rulesMax: number
  /** For each ATT&CK stage after the first that follows in order, up to `stagesMax`. */
  stage: number
  stagesMax: number
  successAfterAttempt: number
  asset: Record<Criticality, number>
  threatIntelligence: number
  /** For each attacked host after the first, up to `hostsMax`. */
  host: number
  hostsMax: number
  /** For each power of ten of firings, up to `volumeMax`. */
  volume: number
  volumeMax: number
}

/** Accounts, addresses and names that exist on every machine: sharing one says nothing. */
const everywhere: [string, string[]][] = [
  [
    'user',
    ['root', 'administrator', 'admin', 'system', 'local service', 'network service', 'anonymous logon', 'nobody'],
  ],
  [
    'user',
    ['nt authority\\system', 'nt authority\\local service', 'nt authority\\network service', 'www-data', 'nginx'],
  ],
  ['user', ['apache', 'daemon', 'guest', 'unknown', 'n/a', '-', '(unknown)', '']],
  ['host', ['localhost', 'localhost.localdomain', 'unknown', '-', '']],
  ['ip', ['127.0.0.1', '::1', '0.0.0.0', '::', '255.255.255.255', '-', '']],
  ['domain', ['localhost', 'local', 'localdomain', 'workgroup', '-', '']],
]

/**
 * Why these points: a `medium` rule, by Sigma's own definition, asks that a person reviews it, and a review needs an
 * owner and an end: medium alone opens (40). A `low` rule is notable but rarely an incident: it stays a detection
 * (15) until other rules and stages beside it say otherwise: four low rules in four successive stages (45) open one.
 * `high` and `critical` alone reach the incident severity of the same name. The other parts only raise.
 */
export const defaultSettings: CorrelateSettings = {
  bucketMs: 10 * 60_000,
  evidenceLimit: 50,
  entityLimit: 50,
  gapMs: 4 * 3_600_000,
  windowMs: 24 * 3_600_000,
  hubLimit: 50,
  openScore: 40,
  severityFrom: [
    ['critical', 80],
    ['high', 60],
    ['medium', 40],
    ['low', 15],
    ['informational', 0],
  ],
  points: {
    severity: { informational: 0, low: 15, medium: 40, high: 60, critical: 80 },
    rule: 5,
    rulesMax: 15,
    stage: 5,
    stagesMax: 20,
    successAfterAttempt: 15,
    asset: { low: 0, medium: 0, high: 5, critical: 10 },
    threatIntelligence: 10,
    host: 3,
    hostsMax: 9,
    volume: 1,
    volumeMax: 4,
  },
  stopEntities: new Set(everywhere.flatMap(([type, values]) => values.map((value) => `${type}|${value}`))),
  seenLimit: 200_000,
}
