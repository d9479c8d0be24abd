import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core'
import type { Severity } from '../../../event/event.ts'

const time = (name: string) => timestamp(name, { withTimezone: true, mode: 'date', precision: 3 })

/** Whether people switched a rule on or off; a rule that is not here is as its file says. */
export const ruleStates = pgTable('rule_states', {
  ruleId: text('rule_id').primaryKey(),
  enabled: boolean('enabled').notNull(),
  note: text('note').notNull(),
  changedAt: time('changed_at').notNull(),
  changedBy: text('changed_by').notNull(),
  /** Rises with every switching. */
  version: integer('version').notNull().default(1),
})

/** Every switching, for the history of a rule. */
export const ruleChanges = pgTable(
  'rule_changes',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    ruleId: text('rule_id').notNull(),
    enabled: boolean('enabled').notNull(),
    note: text('note').notNull(),
    changedAt: time('changed_at').notNull(),
    changedBy: text('changed_by').notNull(),
  },
  (table) => [index('rule_changes_rule').on(table.ruleId, table.id)],
)

/** Rules of the operator's own, edited copies of shipped ones (same id), and imported ones. The text is in the versions. */
export const rules = pgTable(
  'rules',
  {
    /** Id of the first document of its text. */
    id: text('id').primaryKey(),
    origin: text('origin').$type<RuleOrigin>().notNull(),
    /** The import it came with. */
    collectionId: bigint('collection_id', { mode: 'number' }).references(() => ruleCollections.id),
    /** Path in the import. */
    path: text('path').notNull().default(''),
    /** Newest version; the draft, when neither on trial nor in force. */
    headVersion: integer('head_version').notNull(),
    /** On trial: runs on the stream, its detections are kept apart and tell nobody. */
    testVersion: integer('test_version'),
    /** In force. */
    liveVersion: integer('live_version'),
    /** Rises with every change of any rule, so that workers see in one look whether theirs are current. */
    revision: bigint('revision', { mode: 'number' }).notNull(),
    createdAt: time('created_at').notNull(),
    createdBy: text('created_by').notNull(),
    updatedAt: time('updated_at').notNull(),
    removedAt: time('removed_at'),
  },
  (table) => [
    index('rules_revision').on(table.revision),
    index('rules_collection').on(table.collectionId).where(sql`collection_id is not null`),
  ],
)

/** Every text a rule ever had; nothing here is changed or removed. */
export const ruleVersions = pgTable(
  'rule_versions',
  {
    ruleId: text('rule_id')
      .notNull()
      .references(() => rules.id),
    version: integer('version').notNull(),
    yaml: text('yaml').notNull(),
    samples: jsonb('samples').$type<StoredSamples>().notNull(),
    note: text('note').notNull(),
    /** The text came with an archive; otherwise it was written here. */
    isImported: boolean('is_imported').notNull().default(false),
    /** What checking the text told when it was saved. */
    check: jsonb('check').$type<StoredCheck>().notNull(),
    /** How its samples fared when it was saved; null where it has none. */
    sampleResult: jsonb('sample_result').$type<StoredSampleResult | null>(),
    createdAt: time('created_at').notNull(),
    createdBy: text('created_by').notNull(),
  },
  (table) => [primaryKey({ columns: [table.ruleId, table.version] })],
)

/** Every step of a version towards the stream and back, with what was known when it was taken. */
export const rulePromotions = pgTable(
  'rule_promotions',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    ruleId: text('rule_id')
      .notNull()
      .references(() => rules.id),
    stage: text('stage').$type<RuleStage>().notNull(),
    /** Null: nothing of it runs in this stage any more. */
    version: integer('version'),
    before: integer('before'),
    note: text('note').notNull(),
    evidence: jsonb('evidence').$type<Record<string, unknown>>().notNull(),
    at: time('at').notNull(),
    by: text('by').notNull(),
  },
  (table) => [index('rule_promotions_rule').on(table.ruleId, table.id)],
)

/** Rules that came in together and can be renewed and removed together. */
export const ruleCollections = pgTable(
  'rule_collections',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    name: text('name').notNull(),
    fileName: text('file_name').notNull(),
    sha256: text('sha256').notNull(),
    licence: text('licence').notNull(),
    report: jsonb('report').$type<Record<string, unknown>>().notNull(),
    createdAt: time('created_at').notNull(),
    createdBy: text('created_by').notNull(),
    updatedAt: time('updated_at').notNull(),
    removedAt: time('removed_at'),
  },
  (table) => [uniqueIndex('rule_collections_name').on(table.name).where(sql`removed_at is null`)],
)

/** Work on rules that takes long: a back-test, an import. Who may see the units it looked at may see it. */
export const ruleJobs = pgTable(
  'rule_jobs',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    kind: text('kind').$type<'back_test' | 'import'>().notNull(),
    ruleId: text('rule_id'),
    unitPath: text('unit_path').notNull(),
    status: text('status').$type<RuleJobStatus>().notNull(),
    done: integer('done').notNull().default(0),
    total: integer('total').notNull().default(0),
    input: jsonb('input').$type<Record<string, unknown>>().notNull(),
    result: jsonb('result').$type<Record<string, unknown> | null>(),
    problem: jsonb('problem').$type<{ code: string; message: string } | null>(),
    createdAt: time('created_at').notNull(),
    createdBy: text('created_by').notNull(),
    endedAt: time('ended_at'),
  },
  (table) => [
    index('rule_jobs_rule').on(table.ruleId, table.id),
    index('rule_jobs_status').on(table.status),
    index('rule_jobs_created').on(table.createdAt),
  ],
)

/** Detections of rules on trial: as detections are, but they open no incident and tell nobody. */
export const ruleFindings = pgTable(
  'rule_findings',
  {
    id: text('id').primaryKey(),
    ruleId: text('rule_id').notNull(),
    /** The version on trial that found it. */
    ruleVersion: integer('rule_version').notNull(),
    unitPath: text('unit_path').notNull(),
    severity: text('severity').$type<Severity>().notNull(),
    firstSeenAt: time('first_seen_at').notNull(),
    lastSeenAt: time('last_seen_at').notNull(),
    matchCount: bigint('match_count', { mode: 'number' }).notNull(),
    /** The exception that would hide it. */
    suppressedBy: bigint('suppressed_by', { mode: 'number' }),
    /** The folded detection itself. */
    detection: jsonb('detection').$type<Record<string, unknown>>().notNull(),
    createdAt: time('created_at').notNull(),
    updatedAt: time('updated_at').notNull(),
  },
  (table) => [
    index('rule_findings_rule').on(table.ruleId, table.lastSeenAt, table.id),
    index('rule_findings_last_seen').on(table.lastSeenAt),
  ],
)

export type RuleOrigin = 'own' | 'override' | 'import'
export type RuleStage = 'test' | 'live'
export type RuleJobStatus = 'waiting' | 'running' | 'done' | 'failed' | 'cancelled'

export interface StoredSample {
  parser: string
  lines: string[]
}

export interface StoredSamples {
  fires: StoredSample[]
  silent: StoredSample[]
}

export interface StoredCheck {
  problems: {
    severity: 'error' | 'warning'
    code: string
    message: string
    hint: string
    line: number
    column: number
  }[]
}

export interface StoredSampleResult {
  passed: number
  failed: number
}
