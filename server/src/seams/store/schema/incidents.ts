import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  customType,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
} from 'drizzle-orm/pg-core'
import type { EntityType, Fields, MatchedField, RuleAttribution, Severity } from '../../../event/event.ts'
import type {
  CloseReason,
  Criticality,
  EntityFact,
  IncidentFacts,
  IncidentStatus,
  Moment,
  ScorePart,
} from '../../../event/incident.ts'

const time = (name: string) => timestamp(name, { withTimezone: true, mode: 'date', precision: 3 })
const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' })

/** Attacks as people work on them: detections that share entities within a time window. */
export const incidents = pgTable(
  'incidents',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    /** The highest unit among its detections. */
    unitPath: text('unit_path').notNull(),
    status: text('status').$type<IncidentStatus>().notNull(),
    severity: text('severity').$type<Severity>().notNull(),
    /** 0 to 4, for sorting. */
    severityRank: integer('severity_rank').notNull(),
    /** A person set the severity; the score no longer moves it. */
    severityPinned: boolean('severity_pinned').notNull().default(false),
    score: integer('score').notNull(),
    scoreParts: jsonb('score_parts').$type<ScorePart[]>().notNull(),
    titleZh: text('title_zh').notNull(),
    titleEn: text('title_en').notNull(),
    storyZh: text('story_zh').notNull(),
    storyEn: text('story_en').notNull(),
    facts: jsonb('facts').$type<IncidentFacts>().notNull(),
    /** In the order of the attack's stages. */
    tactics: text('tactics').array().notNull(),
    techniques: text('techniques').array().notNull(),
    ruleIds: text('rule_ids').array().notNull(),
    detectionCount: integer('detection_count').notNull(),
    matchCount: bigint('match_count', { mode: 'number' }).notNull(),
    /** Event time. */
    firstSeenAt: time('first_seen_at').notNull(),
    lastSeenAt: time('last_seen_at').notNull(),
    assigneeId: bigint('assignee_id', { mode: 'number' }),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
    /** When it became visible; null for candidates. */
    openedAt: time('opened_at'),
    /** When a person first took it in hand. */
    acknowledgedAt: time('acknowledged_at'),
    closedAt: time('closed_at'),
    closeReason: text('close_reason').$type<CloseReason>(),
    closeNote: text('close_note'),
    duplicateOf: bigint('duplicate_of', { mode: 'number' }),
    mergedInto: bigint('merged_into', { mode: 'number' }),
    /** The earlier incident this one goes on from: closed by then, or at the bound of its time window. */
    continues: bigint('continues', { mode: 'number' }),
    /** Raised by every change a person makes, so that an undo does not overwrite a later change. */
    version: integer('version').notNull().default(1),
  },
  (table) => [
    index('incidents_last_seen').on(table.lastSeenAt, table.id),
    index('incidents_score').on(table.score, table.id),
    index('incidents_opened').on(table.openedAt, table.id),
    index('incidents_closed').on(table.closedAt),
    index('incidents_status').on(table.status, table.severityRank),
    index('incidents_unit').on(table.unitPath.op('text_pattern_ops')),
    index('incidents_assignee').on(table.assigneeId, table.status),
    index('incidents_rules').using('gin', table.ruleIds),
    index('incidents_merged').on(table.mergedInto).where(sql`merged_into is not null`),
    index('incidents_continues').on(table.continues).where(sql`continues is not null`),
  ],
)

/** Who and what an incident touches: one row per incident and entity. */
export const incidentEntities = pgTable(
  'incident_entities',
  {
    incidentId: bigint('incident_id', { mode: 'number' })
      .notNull()
      .references(() => incidents.id, { onDelete: 'cascade' }),
    type: text('type').$type<EntityType>().notNull(),
    value: text('value').notNull(),
    role: text('role').$type<'actor' | 'target' | 'observed'>().notNull(),
    firstSeenAt: time('first_seen_at').notNull(),
    lastSeenAt: time('last_seen_at').notNull(),
    matchCount: bigint('match_count', { mode: 'number' }).notNull(),
    country: text('country'),
    organisation: text('organisation'),
  },
  (table) => [
    primaryKey({ columns: [table.incidentId, table.type, table.value] }),
    index('incident_entities_value').on(table.value),
  ],
)

/** What happened to an incident, by the engine and by people: its log, comments included. */
export const incidentActivity = pgTable(
  'incident_activity',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    incidentId: bigint('incident_id', { mode: 'number' })
      .notNull()
      .references(() => incidents.id, { onDelete: 'cascade' }),
    at: time('at').notNull(),
    actorKind: text('actor_kind').$type<'user' | 'token' | 'system'>().notNull(),
    actorId: text('actor_id').notNull(),
    actorName: text('actor_name').notNull(),
    kind: text('kind')
      .$type<
        | 'opened'
        | 'severity_raised'
        | 'merged'
        | 'assigned'
        | 'status'
        | 'severity'
        | 'closed'
        | 'reopened'
        | 'comment'
        | 'undone'
      >()
      .notNull(),
    detail: jsonb('detail').$type<Record<string, unknown>>().notNull(),
  },
  (table) => [index('incident_activity_incident').on(table.incidentId, table.id)],
)

/** What a bulk change replaced, so that it can be taken back for a while. */
export const incidentUndo = pgTable(
  'incident_undo',
  {
    token: text('token').primaryKey(),
    actorKind: text('actor_kind').notNull(),
    actorId: text('actor_id').notNull(),
    expiresAt: time('expires_at').notNull(),
    /** The fields a person may change, as they were, and the version the change gave the row. */
    before: jsonb('before')
      .$type<
        {
          id: number
          version: number
          values: Record<string, string | number | boolean | null>
        }[]
      >()
      .notNull(),
  },
  (table) => [index('incident_undo_expires').on(table.expiresAt)],
)

/** Firings of one rule on one entity of one unit within ten minutes of event time, folded into one row. */
export const detections = pgTable(
  'detections',
  {
    /** Hash of rule, entity, unit, bucket and hiding exception. */
    id: text('id').primaryKey(),
    ruleId: text('rule_id').notNull(),
    ruleTitle: text('rule_title').notNull(),
    /** Null where the rule has no Chinese title; so is the Chinese summary then. */
    ruleTitleZh: text('rule_title_zh'),
    detector: text('detector').$type<'sigma' | 'correlation' | 'intel' | 'model' | 'analytic'>().notNull(),
    severity: text('severity').$type<Severity>().notNull(),
    severityRank: integer('severity_rank').notNull(),
    unitPath: text('unit_path').notNull(),
    /** `type|value` of the entity it is counted by; an account with its host. */
    principal: text('principal').notNull(),
    /** Start of the ten minutes. */
    bucketAt: time('bucket_at').notNull(),
    firstSeenAt: time('first_seen_at').notNull(),
    lastSeenAt: time('last_seen_at').notNull(),
    matchCount: bigint('match_count', { mode: 'number' }).notNull(),
    /** [event time in ms, event id], oldest first, at most 50. */
    evidence: jsonb('evidence').$type<[number, string][]>().notNull(),
    entities: jsonb('entities').$type<EntityFact[]>().notNull(),
    techniques: text('techniques').array().notNull(),
    tactics: text('tactics').array().notNull(),
    /** Explanation, fields, summary and sender of the earliest firing. */
    matched: jsonb('matched').$type<MatchedField[]>().notNull(),
    fields: jsonb('fields').$type<Fields>().notNull(),
    ruleAttribution: jsonb('rule_attribution').$type<RuleAttribution | null>(),
    summary: text('summary').notNull(),
    summaryZh: text('summary_zh'),
    sourceKey: text('source_key').notNull(),
    sample: jsonb('sample').$type<{ timeMs: number; id: string }>().notNull(),
    attempt: jsonb('attempt').$type<Moment | null>(),
    success: jsonb('success').$type<Moment | null>(),
    indicator: jsonb('indicator').$type<(Moment & { value: string }) | null>(),
    asset: jsonb('asset').$type<{ criticality: Criticality; name: string } | null>(),
    incidentId: bigint('incident_id', { mode: 'number' }),
    /** The exception that hid it. */
    suppressedBy: bigint('suppressed_by', { mode: 'number' }),
    acknowledgedAt: time('acknowledged_at'),
    acknowledgedBy: text('acknowledged_by'),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (table) => [
    index('detections_last_seen').on(table.lastSeenAt, table.id),
    index('detections_rule').on(table.ruleId, table.bucketAt),
    index('detections_bucket').on(table.bucketAt),
    index('detections_incident').on(table.incidentId, table.firstSeenAt),
    index('detections_unit').on(table.unitPath.op('text_pattern_ops')),
    index('detections_suppressed').on(table.suppressedBy).where(sql`suppressed_by is not null`),
  ],
)

/** Where each entity was detected and when: what links detections into incidents. */
export const detectionEntities = pgTable(
  'detection_entities',
  {
    detectionId: text('detection_id')
      .notNull()
      .references(() => detections.id, { onDelete: 'cascade' }),
    /** `rule` for what links by rule: the rule alone, or `rule|type|value`. */
    type: text('type').$type<EntityType | 'rule'>().notNull(),
    value: text('value').notNull(),
    unitPath: text('unit_path').notNull(),
    bucketAt: time('bucket_at').notNull(),
    /**
     * `own`: the detection is counted by it; `other`: it is named beside; `none`: it may be searched for but does not
     * link (stop-list, exception, type).
     */
    link: text('link').$type<'own' | 'other' | 'none'>().notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.detectionId, table.type, table.value] }),
    index('detection_entities_value').on(table.value, table.type, table.bucketAt),
  ],
)

/**
 * Ids of the matches dealt with lately, per partition of the bus: 8 bytes each, one row a transaction. A match that
 * was published twice (its worker died before it could commit) is known by them.
 */
export const matchWindows = pgTable(
  'match_windows',
  {
    partition: integer('partition').notNull(),
    lastOffset: bigint('last_offset', { mode: 'number' }).notNull(),
    hashes: bytes('hashes').notNull(),
  },
  (table) => [primaryKey({ columns: [table.partition, table.lastOffset] })],
)

/** Records of the bus that could not be correlated, kept as they came, so that nothing is lost and nothing blocks. */
export const rejectedMatches = pgTable(
  'rejected_matches',
  {
    partition: integer('partition').notNull(),
    offset: bigint('offset', { mode: 'number' }).notNull(),
    at: time('at').notNull(),
    problem: text('problem').notNull(),
    record: bytes('record').notNull(),
  },
  (table) => [primaryKey({ columns: [table.partition, table.offset] })],
)

/** What to hide or not to link, for all detectors alike. Never deleted: an ended one says when and by whom. */
export const exceptions = pgTable(
  'exceptions',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    name: text('name').notNull(),
    reason: text('reason').notNull(),
    /** `hide`: the detection is kept but opens and joins nothing. `unlink`: named entities do not group. */
    effect: text('effect').$type<'hide' | 'unlink'>().notNull(),
    /** Rules it is for; empty: every detector. */
    ruleIds: text('rule_ids').array().notNull(),
    /** All must hold. */
    conditions: jsonb('conditions').$type<ExceptionCondition[]>().notNull(),
    /** Applies to detections of this unit and below. */
    unitPath: text('unit_path').notNull(),
    ownerKind: text('owner_kind').notNull(),
    ownerId: text('owner_id').notNull(),
    ownerName: text('owner_name').notNull(),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
    expiresAt: time('expires_at').notNull(),
    removedAt: time('removed_at'),
    /** Rises with every change of any exception, so that workers see in one look whether theirs are current. */
    revision: bigint('revision', { mode: 'number' }).notNull(),
    hitCount: bigint('hit_count', { mode: 'number' }).notNull().default(0),
    /** Event time. */
    lastHitAt: time('last_hit_at'),
  },
  (table) => [
    index('exceptions_revision').on(table.revision),
    index('exceptions_unit').on(table.unitPath.op('text_pattern_ops')),
  ],
)

export interface ExceptionCondition {
  /**
   * A field of the event (`process.name`), an entity (`entity`, `entity.host`, `entity.ip`, …), or `detector`,
   * `severity`, `source.key`.
   */
  field: string
  operator: 'equals' | 'wildcard' | 'contains' | 'starts_with' | 'ends_with' | 'cidr'
  /** Any of them. */
  values: string[]
}

/** What an exception hid, by rule and day of event time (UTC). */
export const exceptionHits = pgTable(
  'exception_hits',
  {
    exceptionId: bigint('exception_id', { mode: 'number' })
      .notNull()
      .references(() => exceptions.id),
    ruleId: text('rule_id').notNull(),
    day: text('day').notNull(),
    matchCount: bigint('match_count', { mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.exceptionId, table.ruleId, table.day] })],
)
